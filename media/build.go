package media

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/molt-installer/molt/media/verity"
)

// BuildPath is where the initramfs keeps its Build.
const BuildPath = "/etc/molt/build.json"

// Set names a set of discs. A disc belongs to the set when its .discinfo says
// the same ID and Arch.
type Set struct {
	ID      string `json:"id"`      // opaque, one per build; first line of .discinfo
	Product string `json:"product"` // "Debian"
	Version string `json:"version"` // "13"
	Arch    string `json:"arch"`    // Debian's name of the architecture: "amd64"
	Discs   int    `json:"discs"`   // how many discs the set has, numbered from 1
}

// Name is the set as a person knows it: "Debian 13".
func (s Set) Name() string { return s.Product + " " + s.Version }

// Label is the volume label of disc n: d-characters of ISO 9660 (ECMA-119, 7.4.1),
// at most 32 of them, the last of which are the number.
func (s Set) Label(n int) string {
	label := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(s.Name()))
	suffix := fmt.Sprintf("_D%d", n)
	return label[:min(len(label), 32-len(suffix))] + suffix
}

// File is a file of the set that the initramfs vouches for.
type File struct {
	Path   string `json:"path"`   // relative to the root of the disc, slash-separated
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hex
}

// Build is the root of trust: what the initramfs knows about the set it was
// made with. Everything read from a disc or a server is checked against it.
type Build struct {
	Set    Set  `json:"set"`
	Stage2 File `json:"stage2"` // the stage2 image, on disc 1
	// Verity covers every block of the image, up to its tree, which ends it. nil: it has none.
	Verity *verity.Params `json:"verity,omitempty"`
	Index  File           `json:"index"` // the InRelease of the merged package index, on disc 1
	Extra  []File         `json:"extra,omitempty"`
	Key    string         `json:"key"` // armored OpenPGP public key that signs every Release of the set
}

// LoadBuild reads the Build at path.
func LoadBuild(path string) (*Build, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the build's manifest: %w", err)
	}
	var b Build
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("parse the build's manifest %s: %w", path, err)
	}
	return &b, nil
}

// Package deb is the payload of Debian packages that lie on several discs.
//
// apt decides what is needed and in which order it is configured, dpkg installs
// it; both are stage 2's own and work on the target from outside, so that a
// target can be as small as it likes. This package decides from which disc, when,
// and how fast. It mounts nothing, knows no screens and asks no one.
//
// # State
//
// Everything before the target exists lives in Config.WorkDir: apt's private
// state, and repo/, one repository with the merged index of all discs in which
// discN/ leads to what Fetch copies to the target. Resolve makes it; Install and
// Finish use it. Every method can be called again after an error.
//
// # Trust
//
// The digests in media.Build come from the initramfs. They vouch for the catalog
// and for the InRelease of the merged index, that one for the index itself, and the
// index for every package: nothing read from a disc is used unchecked.
package deb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// Config is what New needs.
type Config struct {
	Build    media.Build
	Disc1    fetch.Tree    // what is on disc 1
	Whole    bool          // Disc1 has the files of all discs: there are no discs for the installed system
	Commands host.Commands // runs apt and dpkg
	WorkDir  string        // default /run/molt/apt
	// Mirrors are the archives the installed system gets its packages from.
	// Without any it is Catalog.Mirror, without that the discs of the set.
	Mirrors []config.Mirror
}

// Payload implements payload.Payload.
type Payload struct {
	Config
	catalog media.Catalog

	mu  sync.Mutex
	all []payload.Found // that Find has read
}

var _ payload.Payload = (*Payload)(nil)

// setDir is where the fetched packages are, below the target.
const setDir = ".molt/set"

// New reads the catalog from disc 1.
func New(ctx context.Context, c Config) (*Payload, error) {
	if c.WorkDir == "" {
		c.WorkDir = "/run/molt/apt"
	}
	file, ok := vouchedFor(c.Build, media.CatalogPath)
	if !ok {
		return nil, fmt.Errorf("the initramfs doesn't vouch for %s: it is of another build than the disc", media.CatalogPath)
	}
	data, err := readVouched(ctx, c.Disc1, file)
	if err != nil {
		return nil, err
	}
	p := &Payload{Config: c}
	if err := json.Unmarshal(data, &p.catalog); err != nil {
		return nil, fmt.Errorf("parse %s: %w", media.CatalogPath, err)
	}
	return p, nil
}

// Catalog implements payload.Payload.
func (p *Payload) Catalog() *media.Catalog { return &p.catalog }

func vouchedFor(b media.Build, path string) (media.File, bool) {
	for _, f := range b.Extra {
		if f.Path == path {
			return f, true
		}
	}
	return media.File{}, false
}

// readVouched reads a file of a disc and checks it.
func readVouched(ctx context.Context, from fetch.Tree, f media.File) ([]byte, error) {
	data, err := readAll(ctx, from, f.Path, f.Size)
	if err != nil {
		return nil, err
	}
	if got := digest(data); got != f.SHA256 {
		return nil, fmt.Errorf("%s is damaged or of another build: its digest is %s, not %s", f.Path, got, f.SHA256)
	}
	return data, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (p *Payload) work(elem ...string) string {
	return filepath.Join(append([]string{p.WorkDir}, elem...)...)
}

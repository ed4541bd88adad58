// Package payload says what an installation installs, apart from how.
//
// It is the contract between the plan, which orders the work, and the kinds of
// payload: deb, Debian packages over several discs; image, a whole system in an archive or a file system image.
// It partitions nothing and knows no screens.
package payload

import (
	"context"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
)

// Payload is one kind of thing that can be installed. Its methods are called
// in the order in which they stand here; Fetch once for each disc in
// Selection.Discs, smallest number first, and always while that disc is mounted.
// After the last Fetch neither a disc nor a server is needed any more.
type Payload interface {
	// Catalog is what can be chosen.
	Catalog() *media.Catalog
	// Resolve turns a choice into packages and says on which discs they are.
	// It writes nothing outside /run, so that all it can find wrong (unknown
	// names, conflicts, a bad signature) is said before the first write.
	Resolve(ctx context.Context, r Request) (*Selection, error)
	// Fetch copies what is needed of disc from its root to the target and
	// checks the digests while copying.
	Fetch(ctx context.Context, f Fetch) error
	// Install makes the target a system. The target has its file systems
	// mounted, and /dev, /proc, /sys and /run besides.
	Install(ctx context.Context, sel *Selection, target string, p Progress) error
	// Finish removes what Fetch left on the target and what only the
	// installation needed.
	Finish(ctx context.Context, sel *Selection, target string, p Progress) error
}

// Request is what to resolve.
type Request struct {
	Software config.Software
	Firmware string   // machine.Firmware
	Extra    []string // packages other answers need: xfsprogs for an xfs root
}

// Fetch is the argument of Payload.Fetch.
type Fetch struct {
	Selection *Selection
	Disc      int
	From      fetch.Tree // the disc's files
	Root      string     // where it is mounted; empty when From is at servers
	Target    string     // "/target"
	Progress  Progress
}

// Progress tells how far a call is. It may be called from several goroutines.
type Progress interface {
	// Advance says done of total units ("bytes", "packages"), and what is
	// being worked on. A total of 0 means unknown.
	Advance(done, total int64, unit, item string)
	// Line passes on a line of a tool's output.
	Line(line string)
	// Warn tells a person of something that doesn't stop the installation.
	Warn(message string)
}

// Package is one package of a Selection.
type Package struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Arch          string `json:"arch"`
	Disc          int    `json:"disc"`
	Path          string `json:"path"` // on that disc
	Size          int64  `json:"size"` // of the file, bytes
	SHA256        string `json:"sha256"`
	InstalledSize int64  `json:"installed_size"` // bytes
	Essential     bool   `json:"essential,omitempty"`
}

// Selection is a resolved choice: plain data, part of the plan.
type Selection struct {
	Packages []Package `json:"packages"`           // in the order of disc, then of place on it
	Paths    []string  `json:"paths,omitempty"`    // rules of what is left out of packages, as in dpkg.cfg(5): "path-exclude=/usr/share/man/*"
	Warnings []string  `json:"warnings,omitempty"` // of the choice, for a person
	Image    *Image    `json:"image,omitempty"`    // that the system is made of; then there are no packages
}

// Image is a whole system in one file. It is fetched by a call of Fetch of its own, with disc 0, when
// it is on no disc.
type Image struct {
	URL       string `json:"url"` // without a password
	Disc      int    `json:"disc,omitempty"`
	Kind      string `json:"kind,omitempty"`   // "tar.zst", "squashfs"
	Size      int64  `json:"size"`             // bytes; -1: not known
	Installed int64  `json:"installed"`        // about what it becomes, bytes
	SHA256    string `json:"sha256,omitempty"` // empty: not checked

	Keep []string `json:"keep,omitempty"` // mount points, as "/home", of file systems whose content stays as it is; Install leaves them out
}

// Discs are the numbers of the discs that will be needed, ascending.
func (s *Selection) Discs() []int {
	if s.Image != nil && s.Image.Disc > 0 {
		return []int{s.Image.Disc}
	}
	var discs []int
	for _, p := range s.Packages {
		if n := len(discs); n == 0 || discs[n-1] != p.Disc {
			discs = append(discs, p.Disc)
		}
	}
	return discs
}

// OnDisc are the packages to fetch from disc n, in their order on it.
func (s *Selection) OnDisc(n int) []Package {
	var on []Package
	for _, p := range s.Packages {
		if p.Disc == n {
			on = append(on, p)
		}
	}
	return on
}

// Size is what is fetched from all discs and what is installed, in bytes.
func (s *Selection) Size() (fetch, installed int64) {
	for _, p := range s.Packages {
		fetch += p.Size
		installed += p.InstalledSize
	}
	if s.Image != nil {
		fetch, installed = fetch+max(0, s.Image.Size), installed+s.Image.Installed
	}
	return fetch, installed
}

package media

// The paths of a set's own files, relative to the root of disc 1. Every disc
// is besides a Debian repository of its own (dists/ and pool/).
const (
	ImagePath   = "images/stage2.img"  // the stage2 image
	CatalogPath = "molt/software.json" // the Catalog
	IndexPath   = "molt/set"           // the merged package index of all discs: a repository without a pool, in which a file name starts with "discN/"
)

// Catalog says what a set offers for installation. It is on disc 1 as
// CatalogPath, and the initramfs vouches for it (Build.Extra).
type Catalog struct {
	Suite        string              `json:"suite"`                // "trixie"
	Suites       []string            `json:"suites,omitempty"`     // of the archive, where the packages come from: "trixie", "trixie-updates"
	Component    string              `json:"component"`            // "main"
	Components   []string            `json:"components,omitempty"` // of the archive: "main", "non-free-firmware"
	Base         []string            `json:"base"`                 // package names, installed unless the answers say --nocore
	Boot         []string            `json:"boot,omitempty"`       // those of Base that a machine needs to start and to let someone in; installed even then
	Firmware     map[string][]string `json:"firmware"`             // added to Base: "bios" → grub-pc, "uefi" → grub-efi-amd64
	Bootstrap    bool                `json:"bootstrap"`            // the essential packages are extracted before the first maintainer script runs
	Groups       []Group             `json:"groups"`
	Environments []Environment       `json:"environments,omitempty"`
	Initrd       *Initrd             `json:"initrd,omitempty"`
	Mirror       string              `json:"mirror,omitempty"` // archive for the installed system, if the builder named one
}

// Group is a set of packages that a person chooses as one.
type Group struct {
	ID          string   `json:"id"` // "@tools" in a kickstart is ID "tools"
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Packages    []string `json:"packages"`
	Default     bool     `json:"default"`
	Size        int64    `json:"size"`  // bytes on the target, with what it depends on beyond the base
	Count       int      `json:"count"` // packages, with what it depends on beyond the base
	Discs       []int    `json:"discs"` // where they are
}

// Environment is a kind of system: groups that are chosen together by one name.
type Environment struct {
	ID          string   `json:"id"` // "@^server" in a kickstart is ID "server"
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Groups      []string `json:"groups"` // their IDs; none is the base system alone
}

// Initrd is an initramfs of the installed system that was made with the set,
// from the same packages. It saves the installation its longest step.
type Initrd struct {
	File
	Kernel string `json:"kernel"` // version: "6.12.57+deb13-amd64"
}

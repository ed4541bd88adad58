// Package handoff is the one thing stage 1 and stage 2 share: the record that
// stage 1 writes before it starts stage 2, and the result that stage 2 leaves
// when it ends.
//
// It is data, its two files, and the port that both tell events on; it decides
// nothing. docs/handoff.md describes every field for programs in other languages.
package handoff

import "github.com/molt-installer/molt/media"

const (
	// Version of Record and Result. A reader refuses any other.
	Version = 1
	// RecordPath and ResultPath are the same file in stage 1's root and in
	// stage 2's: /run is one tmpfs, bound into both.
	RecordPath = "/run/molt/handoff.json"
	ResultPath = "/run/molt/result.json"
	// KickstartPath is where stage 1 puts the kickstart it found.
	KickstartPath = "/run/molt/ks.cfg"
	// CAPath has, in PEM, the certificates that the boot options, the initramfs
	// or the kickstart say are to be trusted besides the well-known ones.
	CAPath = "/run/molt/ca.pem"
	// ClientPath has, in PEM, the certificate and the key that a server of packages
	// wants to see.
	ClientPath = "/run/molt/client.pem"
	// Outside is stage 1's root, as stage 2 sees it. Stage 2 runs chrooted in
	// the same mount namespace; the medium is mounted out there so that
	// it never nests inside the root that is loop-mounted from it.
	Outside = "/proc/1/root"
	// Hidden is the directory at the top of a target's file system that holds
	// what only the installation needs: the image copy, the packages. It is gone in the end.
	Hidden = ".molt"
)

// Record is what stage 1 found out.
type Record struct {
	Version     int         `json:"version"`
	Build       media.Build `json:"build"`
	Medium      Medium      `json:"medium"`
	Image       string      `json:"image"`              // the stage2 image in stage 1's root: "/molt/medium/images/stage2.img"
	Loop        string      `json:"loop"`               // "/dev/loop0", bound read-only to Image
	Streamed    bool        `json:"streamed,omitempty"` // Image is read from servers as it is needed; nobody has read all of it yet
	Lower       string      `json:"lower"`              // where the squashfs is mounted, in stage 1's root
	Root        string      `json:"root"`               // the overlay stage 2 runs in, in stage 1's root
	CommandLine string      `json:"command_line"`       // /proc/cmdline as booted, plus what a person edited
	Kickstart   *Kickstart  `json:"kickstart,omitempty"`
	Network     *Network    `json:"network,omitempty"` // nil: none was brought up
	CA          string      `json:"ca,omitempty"`      // CAPath, if there is such a file
	Drivers     []string    `json:"drivers,omitempty"` // of driver disks: "modules/foo.ko" below updates/ of the kernel's modules, "firmware/foo.bin" below /lib/firmware/updates
	Console     string      `json:"console"`           // the terminal stage 2 talks to: "/dev/tty1", "/dev/ttyS0"
	Retry       int         `json:"retry"`             // how often stage 2 has been started before
}

// Medium is where the packages are, and most often the image.
type Medium struct {
	URL    string `json:"url"`              // in the spelling of inst.stage2=: "cdrom:/dev/sr0"; without a password
	Device string `json:"device,omitempty"` // "/dev/sr0"
	Mount  string `json:"mount,omitempty"`  // in stage 1's root: "/molt/medium"; empty when it is read from Sources
	Disc   int    `json:"disc"`             // its number in the set
	// Whole says that the files of all discs are there: it is a tree for a
	// server, not one disc.
	Whole bool `json:"whole,omitempty"`
	// Sources are the servers that have it, in the order in which they are to be
	// asked, with their passwords.
	Sources []string `json:"sources,omitempty"`
	// Images is the directory, in stage 1's root, in which the other discs are
	// as disc2.iso and so on, when disc 1 is such a file.
	Images string `json:"images,omitempty"`
	// Transfer is how Sources are read, when that is not as the boot options say.
	Transfer *Transfer `json:"transfer,omitempty"`
}

// Transfer is what a kickstart's url says besides the URL.
type Transfer struct {
	Proxy    string `json:"proxy,omitempty"`     // with its password
	NoVerify bool   `json:"no_verify,omitempty"` // certificates aren't checked
	Client   string `json:"client,omitempty"`    // ClientPath, if there is such a file
}

// Kickstart says where the file at KickstartPath came from, and what stage 1 went by
// of it: all in the spelling of boot options, without passwords.
type Kickstart struct {
	Origin  string   `json:"origin"`            // "hd:LABEL=OEMDRV:/ks.cfg"
	Path    string   `json:"path"`              // KickstartPath
	Repo    string   `json:"repo,omitempty"`    // where url, nfs or harddrive says that the packages are
	Updates string   `json:"updates,omitempty"` // what updates names
	Drivers []string `json:"drivers,omitempty"` // what driverdisk names
	// Overruled are those of "inst.repo" and "inst.updates" that the boot options, or
	// a person at stage 1's menu, say otherwise: they won.
	Overruled []string `json:"overruled,omitempty"`
}

// Action is what stage 1 does after stage 2 has ended and all is freed.
type Action string

const (
	Reboot   Action = "reboot"
	Poweroff Action = "poweroff"
	Halt     Action = "halt"
	Shell    Action = "shell"
	Retry    Action = "retry" // start stage 2 anew
	Ask      Action = "ask"   // show the menu of stage 1
)

// Result is what stage 2 asks of stage 1. A stage 2 that ends without one crashed.
type Result struct {
	Version int      `json:"version"`
	Action  Action   `json:"action"`
	Eject   []string `json:"eject,omitempty"`  // drives to open, only ones that were used
	Remove  []string `json:"remove,omitempty"` // paths below Target that stage 2 itself could not remove: the image copy it runs from
	Target  string   `json:"target,omitempty"` // where the target is mounted in stage 2's root: "/target"
	Error   string   `json:"error,omitempty"`  // why the installation failed; empty on success
}

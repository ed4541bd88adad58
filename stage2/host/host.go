// Package host is the boundary between an installation and the machine it runs
// on: small interfaces over commands, files, mounts, disks, loop devices and
// optical drives. internal/linuxhost implements them; hosttest records
// calls and fails the n-th.
//
// Paths are as stage 2 sees them. No method retries or asks: that is the plan's.
package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
)

// Host is everything at once, as a plan's steps get it.
type Host interface {
	Commands
	Files
	Mounts
	Disks
	Loops
	Optical
}

// Commands runs programs.
type Commands interface {
	// Run runs c to its end. A program that ends with another status than 0
	// gives an *ExitError. When ctx ends, the program and its children are
	// ended: first SIGTERM, then SIGKILL.
	Run(ctx context.Context, c Command) error
}

// Command is a program to run.
type Command struct {
	Args   []string          // Args[0] is looked up in the PATH of Root
	Root   string            // chroot there first; empty for stage 2's own root
	Env    []string          // beside the fixed minimal environment (PATH, LC_ALL=C.UTF-8, HOME)
	Stdin  string            // never logged
	Stdout io.Writer         // gets standard output raw; Line then sees standard error alone
	Line   func(line string) // every line of output
	Fds    []io.Writer       // file descriptors 3, 4, … of the program
	NoSync bool              // let fsync(2) and its like do nothing: for what a crash would make worthless anyway, with a Sync at the end
}

// WithoutUdev is the environment in which the device mapper's library and mdadm make
// device nodes and links themselves: stage 2 has no udev.
func WithoutUdev() []string {
	return []string{"DM_DISABLE_UDEV=1", "MDADM_NO_UDEV=1", "LVM_SUPPRESS_FD_WARNINGS=1"}
}

// LVM is an lvm(8) command that sees no other devices than these: groups of the same name
// on others are nothing to it. It does without what stage 2 lacks: udev, lvm's daemons, and
// records of devices that belong to no installed system.
func LVM(devices []string, command string, args ...string) []string {
	const config = `global{event_activation=0 use_lvmpolld=0} ` +
		`devices{use_devicesfile=0 obtain_device_list_from_udev=0 external_device_info_source="none" hints="none"} ` +
		`activation{udev_sync=0 udev_rules=0 monitoring=0}`
	return append([]string{"lvm", command, "--config", config, "--devices", strings.Join(devices, ","), "--yes"}, args...)
}

// ExitError is a program that failed.
type ExitError struct {
	Args []string
	Code int      // -1 when a signal ended it
	Tail []string // its last lines of output, 20 at most
}

func (e *ExitError) Error() string {
	s := fmt.Sprintf("%s: exit status %d", strings.Join(e.Args, " "), e.Code)
	if n := len(e.Tail); n > 0 {
		s += ": " + e.Tail[n-1]
	}
	return s
}

// Files works on files. WriteFile replaces atomically and durably.
type Files interface {
	ReadFile(path string) ([]byte, error)
	WriteFile(path string, data []byte, perm fs.FileMode) error
	MkdirAll(path string, perm fs.FileMode) error
	Symlink(target, path string) error // replaces what is at path
	Remove(path string) error          // one file or empty directory; no error when it isn't there
	RemoveAll(path string) error
	Stat(path string) (fs.FileInfo, error)
	Glob(pattern string) ([]string, error)
	// Copy copies a file, hashing it on the way, and syncs it once at the
	// end. progress gets the bytes done so far.
	Copy(ctx context.Context, src, dst string, progress func(done int64)) (Copied, error)
	// Digest reads a file and hashes it.
	Digest(ctx context.Context, path string, progress func(done int64)) (Copied, error)
	// Free is the space left for root on the file system of path, bytes.
	Free(path string) (int64, error)
	// Sync writes everything out that the file system of path still holds back.
	Sync(path string) error
}

// Copied is what Copy and Digest did.
type Copied struct {
	Bytes  int64
	SHA256 string // lower-case hex
}

// Mounts mounts file systems.
type Mounts interface {
	Mount(m Mount) error
	// Unmount unmounts target, never lazily. A target in use gives a *BusyError.
	Unmount(target string) error
}

// Mount is the argument of Mounts.Mount.
type Mount struct {
	Source   string // "/dev/vda2"
	Target   string // made when it isn't there
	FSType   string // "ext4"; "bind" and "rbind" for bind mounts
	ReadOnly bool
	Options  string // file system options, comma-separated
}

// BusyError says who keeps a mount or a device busy.
type BusyError struct {
	Path    string
	Holders []string // in words: "pid 214 (bash): working directory /medium/pool"
}

func (e *BusyError) Error() string {
	if len(e.Holders) == 0 {
		return e.Path + " is in use"
	}
	return e.Path + " is in use by " + strings.Join(e.Holders, ", ")
}

// Disks writes partition tables.
type Disks interface {
	// WriteTable replaces the table of a whole disk, makes the kernel read it
	// and waits until every partition's device node is there. A disk that is
	// in use gives a *BusyError and is not written.
	WriteTable(ctx context.Context, disk string, t Table) error
	// EditTable adds and removes partitions and leaves all others as they are, to
	// the last attribute. What is done already is left, so that it can be called
	// again. A partition that is to go and isn't the one it was is an error, and
	// nothing is written then. It does the rest as WriteTable.
	EditTable(ctx context.Context, disk string, e Edit) error
	// Release ends what stands on a device: encrypted devices, logical volumes and
	// arrays, and what stands on those before them. One that is mounted or swapped to gives a
	// *BusyError. On a device that isn't there nothing stands.
	Release(ctx context.Context, device string) error
	// Wipe removes the signatures of old file systems, RAID and LVM from a device.
	Wipe(ctx context.Context, device string) error
}

// Table is a partition table to write. Offsets and sizes are in bytes, multiples
// of the sector size.
type Table struct {
	Kind  string      `json:"kind,omitempty"` // "gpt", "dos"; empty is gpt
	GUID  string      `json:"guid"`           // of a dos table its number: "0x1a2b3c4d"
	Parts []TablePart `json:"parts"`
}

// TablePart is one partition of a Table.
type TablePart struct {
	Number int    `json:"number,omitempty"` // 0 is its place in the table, from 1; logical ones are numbered from 5 in their order
	Start  int64  `json:"start"`
	Size   int64  `json:"size"`
	Type   string `json:"type"` // GUID, UEFI specification 5.3.3; "0x83" in a dos table
	GUID   string `json:"guid,omitempty"`
	Name   string `json:"name,omitempty"` // at most 36 characters
	Active bool   `json:"active,omitempty"`
}

// No is the number of part i of a table.
func (p TablePart) No(i int) int {
	if p.Number > 0 {
		return p.Number
	}
	return i + 1
}

// Edit changes a partition table that stays.
type Edit struct {
	Kind   string      `json:"kind"`             // what the table is: "gpt", "dos"
	Delete []TablePart `json:"delete,omitempty"` // Start and Size tell which
	Resize []TablePart `json:"resize,omitempty"` // Start tells which, Size is the new one
	Add    []TablePart `json:"add,omitempty"`
}

// Loops switches the file under a loop device.
type Loops interface {
	// Switch makes device serve from file instead of what it serves from now,
	// proves that the content is the same before and reads it back through the
	// device afterwards. On any error the device is as it was, unless
	// the error says that it is not. A device that serves from file
	// already is only read back.
	Switch(ctx context.Context, device, file string, progress func(stage string, done, total int64)) (Switched, error)
}

// Switched is what Switch did.
type Switched struct {
	Old, New string // backing files
	Bytes    int64
	SHA256   string
	Ioctl    time.Duration // LOOP_CHANGE_FD alone
	Verify   time.Duration // reading back, before and after
}

// Optical works with optical drives and the discs in them.
type Optical interface {
	// Drives are the optical drives, "/dev/sr0" first.
	Drives() ([]string, error)
	// Look says what is in a drive. A drive that has just been filled is
	// waited for until it can be read or ctx ends. Only a broken drive is an error:
	// no disc, an unreadable and a foreign one are states of the Disc.
	Look(ctx context.Context, drive string) (media.Disc, error)
	// Eject unlocks and opens the tray; nil means that the tray is open. A disc
	// still in use gives a *BusyError.
	Eject(drive string) error
	// Await returns when the state of any of the drives has changed.
	Await(ctx context.Context, drives []string) error
}

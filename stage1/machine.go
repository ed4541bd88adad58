package stage1

import (
	"context"
	"os"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/media"
)

// machine is all that stage 1 does to the machine.
type machine struct {
	mounter
	loops
	mapper
	layers
	drives
	processes
	power
	uplink
	servers
}

// mounter works on the mounts of stage 1's namespace.
type mounter interface {
	// Mount mounts m. The target must be there.
	Mount(m mount) error
	// Unmount unmounts target, never lazily: EBUSY when it is in use.
	Unmount(target string) error
	// Move moves a mount and those below it.
	Move(from, to string) error
	// Mounts are the mount points, in the order they were mounted.
	Mounts() ([]string, error)
	// Force unmounts target even if it is in use, after making its file system
	// read-only: the last thing before the machine ends.
	Force(target string) error
}

// mount is one entry of a mount table.
type mount struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
	optional               bool // goes without when the target isn't there
}

// loops binds files to loop devices.
type loops interface {
	// Attach binds file read-only to a free device, "/dev/loop0".
	Attach(ctx context.Context, file string) (string, error)
	// Detach clears a device and returns when its file is free. A device that
	// is gone already is no error.
	Detach(ctx context.Context, device string) error
}

// drives looks for discs. Its meanings are package media's.
type drives interface {
	Drives() ([]string, error)
	Volumes() ([]media.Volume, error)
	Look(ctx context.Context, device string) (media.Disc, error)
	// Changed returns nil when the disc in a drive is no longer the one Look saw.
	Changed(ctx context.Context) error
	Eject(device string) error
}

// processes starts and ends programs.
type processes interface {
	// Start starts a program in a session of its own.
	Start(p program) (process, error)
	// Clear ends the processes whose root is below dir: first SIGTERM, then SIGKILL.
	// It names those it had to end.
	Clear(ctx context.Context, dir string) ([]string, error)
	// Holders are who keeps the file system at path, or a device, busy.
	Holders(ctx context.Context, path string) ([]loopctl.Holder, error)
	// Await returns when one of the processes has ended, or ctx.
	Await(ctx context.Context, pids []int)
	// Kill ends processes at once.
	Kill(pids []int)
}

// program is what to start.
type program struct {
	path  string // within root
	args  []string
	env   []string
	root  string   // chroot there; empty: stage 1's own
	tty   string   // its controlling terminal and its input and output
	error *os.File // its standard error; nil: tty
}

// process is a program that runs.
type process interface {
	// Wait returns how it ended, in words; empty for exit status 0.
	Wait() string
	// Terminate asks it to end (SIGTERM).
	Terminate()
	// Kill ends it (SIGKILL).
	Kill()
}

// power is the end of it all.
type power interface {
	SwapOff() error
	Sync()
	// MemoryFree is what can be had without swapping, bytes.
	MemoryFree() int64
	// End restarts, powers off or halts; it returns only with an error.
	End(a handoff.Action) error
}

// dirs are the places of stage 1, fixed in production and below a temporary
// directory in tests.
type dirs struct {
	medium string // disc 1
	holder string // the volume a disc 1 in a file is on
	// The same for the image of stage 2, when the packages are elsewhere.
	imageMedium, imageHolder string
	stream                   string // where an image that is read from servers shows up
	lower                    string // the squashfs
	firmware                 string // of the running kernel
	updates                  string // what inst.updates= lays over it
	rw                       string // the tmpfs with the writable layer
	root                     string // the overlay: stage 2's root
	target                   string // where stage 2's mounts are moved to when it has ended
	scratch                  string // for a moment
	modules                  string // of stage 1, shown to stage 2
	record                   string
	result                   string
	ks                       string
	log                      string
	ca                       string // PEM: certificates to trust besides the well-known
	ownCA                    string // the same, from the initramfs
	client                   string // PEM: certificate and key for the server of the packages
}

func fixedDirs() dirs {
	return dirs{
		medium: "/molt/medium", holder: "/molt/holder", imageMedium: "/molt/image", imageHolder: "/molt/image-holder", stream: "/molt/stream", lower: "/molt/lower", updates: "/molt/updates", rw: "/molt/rw", root: "/molt/root",
		target: "/molt/t", scratch: "/molt/scratch", modules: "/lib/modules", firmware: "/lib/firmware",
		record: handoff.RecordPath, result: handoff.ResultPath, ks: handoff.KickstartPath,
		log: "/run/molt/stage1.log", ca: handoff.CAPath, client: handoff.ClientPath, ownCA: "/etc/molt/ca.pem",
	}
}

package loopctl

import (
	"context"
	"os"
)

// Config is the argument of Attach. Its zero value attaches the whole file read-write.
type Config struct {
	ReadOnly  bool   // needed for Switch and ChangeFD later
	Autoclear bool   // the kernel detaches at the last close; the Device itself is an opener
	PartScan  bool   // scan for partitions; don't, when the device is to be switched
	DirectIO  bool   // asked for, not granted: Info.DirectIO says what became of it
	Offset    uint64 // where the device begins in the file, bytes, a multiple of BlockSize
	SizeLimit uint64 // bytes; 0: to the end of the file. Set it to be able to switch to a bigger file or block device later
	BlockSize uint32 // logical block size, bytes; 0: the kernel's default, 512
	Name      string // lo_file_name, cut at 63 bytes; default: the base name of the file
}

// Info is what is known of a bound device. List and Stat read sysfs alone and leave
// BackingDev, BackingIno and Name empty; Device.Info asks the device as well.
type Info struct {
	Number      int    `json:"number"`
	Path        string `json:"path"`         // "/dev/loop3"
	BackingFile string `json:"backing_file"` // as sysfs has it: may end in " (deleted)", is relative after a lazy unmount, and is never relative to a chroot
	BackingDev  uint64 `json:"backing_dev"`  // st_dev and st_ino of the backing file: the identity. The path is a hint
	BackingIno  uint64 `json:"backing_ino"`
	Name        string `json:"name"` // lo_file_name: the kernel doesn't update it at a switch
	ReadOnly    bool   `json:"ro"`
	Autoclear   bool   `json:"autoclear"`
	PartScan    bool   `json:"partscan"`
	DirectIO    bool   `json:"dio"`
	Offset      uint64 `json:"offset"`     // bytes
	SizeLimit   uint64 `json:"sizelimit"`  // bytes; 0: none
	Size        uint64 `json:"size"`       // of the device, bytes, a multiple of 512
	BlockSize   uint32 `json:"block_size"` // logical block size, bytes
	DiskSeq     uint64 `json:"diskseq"`    // grows with every attach, switch and detach; 0 before Linux 5.15
	InFlight    int    `json:"inflight"`   // requests waiting for an answer of the backing file
}

// Device is a bound loop device. It holds the device node open read-only, so
// that the number can't come to mean another file. Its methods may be called from
// several goroutines, Close and Detach once and last.
type Device struct {
	f      *os.File
	number int
	path   string
}

// Path is the device node: "/dev/loop3".
func (d *Device) Path() string { return d.path }

// Number is the 3 of /dev/loop3.
func (d *Device) Number() int { return d.number }

// Close lets the device go without detaching it, unless it is in autoclear mode
// and nobody else holds it.
func (d *Device) Close() error { return d.f.Close() }

// Attach binds f to a free loop device. It takes LOOP_CONFIGURE where the kernel
// has it (Linux 5.8) and LOOP_SET_FD with LOOP_SET_STATUS64 where not. Two races with
// others who attach at the same time (EBUSY when binding, ENXIO when opening a device that
// is going away) are retried until ctx ends. f can be closed afterwards.
func Attach(ctx context.Context, f *os.File, c Config) (*Device, error) { return nil, ErrUnsupported }

// Open opens a bound device by path or name: "/dev/loop3", "loop3" or "3". A device
// without backing file gives ErrNotBound. The open blocks while a switch is
// stuck; Stat does not.
func Open(path string) (*Device, error) { return nil, ErrUnsupported }

// Stat is the Info of one device from sysfs, without opening it.
func Stat(path string) (Info, error) { return Info{}, ErrUnsupported }

// List is every bound device in order of numbers, from sysfs, without opening any.
func List() ([]Info, error) { return nil, ErrUnsupported }

// Info asks sysfs and the device (LOOP_GET_STATUS64).
func (d *Device) Info() (Info, error) { return Info{}, ErrUnsupported }

// Held says whether a mount, in whichever namespace and even lazily unmounted, or
// another exclusive opener has the device.
func (d *Device) Held() (bool, error) { return false, ErrUnsupported }

// Mounts are the mount points of the device's file systems in a mountinfo file
// (proc(5)). An empty name means /proc/self/mountinfo; a chrooted caller sees the mounts
// outside its root only in that of a process that is not, as /proc/1/mountinfo.
func (d *Device) Mounts(mountinfo string) ([]string, error) { return nil, ErrUnsupported }

// SetName sets lo_file_name, at most 63 bytes of it.
func (d *Device) SetName(name string) error { return ErrUnsupported }

// SetDirectIO makes the device bypass the page cache of the backing file, or
// not. EINVAL means that the backing file can't.
func (d *Device) SetDirectIO(on bool) error { return ErrUnsupported }

// Detach clears the device, closes it, and waits until the kernel has really let
// go of the backing file. A device that is still in use goes away with its last
// user: when ctx ends before that, the error is ErrBusy. d can't be used afterwards.
func (d *Device) Detach(ctx context.Context) error { return ErrUnsupported }

// ChangeFD is the bare ioctl LOOP_CHANGE_FD, with typed errors. The kernel looks at
// nothing but the type and the size of f in sectors, shuts down some file systems
// and can block for ever. Use Switch.
func (d *Device) ChangeFD(f *os.File) error { return ErrUnsupported }

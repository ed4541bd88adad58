package loopctl

import "os"

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
	DiskSeq     uint64 `json:"diskseq"`    // new at every attach, switch and detach, from one counter for all disks (block/genhd.c); 0 before Linux 5.15
	InFlight    int    `json:"inflight"`   // requests waiting for an answer of the backing file
}

// readable is how much of the device can be read: the kernel refuses a last block
// that is only half there.
func (i Info) readable() int64 {
	return int64(i.Size - i.Size%uint64(max(i.BlockSize, 1)))
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

// fail makes the error of an operation on d.
func (d *Device) fail(op string, kind, err error) error {
	return &Error{Op: op, Dev: d.path, Kind: kind, Err: err}
}

package loopctl

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Open opens a bound device by path or name: "/dev/loop3", "loop3" or "3". A device
// without backing file gives ErrNotBound. The open blocks while a switch is
// stuck; Stat does not.
func Open(path string) (*Device, error) {
	info, err := Stat(path)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Op = "open"
		}
		return nil, err
	}
	if !strings.Contains(path, "/") {
		path = info.Path
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Op: "open", Dev: path, Kind: kindOf(err), Err: causeOf(err)}
	}
	return &Device{f: f, number: info.Number, path: path}, nil
}

// Info asks sysfs and the device (LOOP_GET_STATUS64). It blocks while a switch is
// stuck; Stat does not.
func (d *Device) Info() (Info, error) {
	const tries = 5
	for range tries {
		status, err := unix.IoctlLoopGetStatus64(int(d.f.Fd()))
		if err != nil {
			return Info{}, d.fail("get status of", kindOf(err), causeOf(err))
		}
		info, err := system().info(sysName(d.number))
		if err != nil {
			return info, d.fail("get status of", kindOf(err), causeOf(err))
		}
		again, err := unix.IoctlLoopGetStatus64(int(d.f.Fd()))
		if err == nil && *again == *status {
			info.BackingDev, info.BackingIno = status.Device, status.Inode
			info.Name = unix.ByteSliceToString(status.File_name[:])
			info.Path = d.path
			return info, nil
		}
	}
	return Info{}, d.fail("get status of", ErrConcurrent, nil)
}

// Held says whether a mount, in whichever namespace and even lazily unmounted, or
// another exclusive opener has the device. It asks by an exclusive open, which may
// refuse somebody else's at that very moment.
func (d *Device) Held() (bool, error) {
	held, err := exclusive(d.path)
	if err != nil {
		return false, d.fail("probe", kindOf(err), causeOf(err))
	}
	return held, nil
}

// exclusive says whether somebody has opened a block device exclusively.
func exclusive(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_EXCL|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EBUSY) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, f.Close()
}

// SetName sets lo_file_name, at most 63 bytes of it. It costs a queue freeze, about 15 ms.
func (d *Device) SetName(name string) error {
	return d.setStatus("set name of", func(s *unix.LoopInfo64) { putName(s, name) })
}

// SetAutoclear makes the kernel detach the device at its last close, or not. d is
// an opener itself. It costs a queue freeze, about 15 ms.
func (d *Device) SetAutoclear(on bool) error {
	return d.setStatus("set autoclear of", func(s *unix.LoopInfo64) {
		s.Flags &^= unix.LO_FLAGS_AUTOCLEAR
		if on {
			s.Flags |= unix.LO_FLAGS_AUTOCLEAR
		}
	})
}

// setStatus changes what LOOP_GET_STATUS64 says.
func (d *Device) setStatus(op string, change func(*unix.LoopInfo64)) error {
	status, err := unix.IoctlLoopGetStatus64(int(d.f.Fd()))
	if err == nil {
		change(status)
		err = setStatus(int(d.f.Fd()), status)
	}
	if err != nil {
		return d.fail(op, kindOf(err), causeOf(err))
	}
	return nil
}

// SetDirectIO makes the device bypass the page cache of the backing file, or
// not. EINVAL means that the backing file can't.
func (d *Device) SetDirectIO(on bool) error {
	value := 0
	if on {
		value = 1
	}
	return d.set("set direct I/O of", unix.LOOP_SET_DIRECT_IO, value)
}

// SetBlockSize sets the logical block size, bytes: a power of two from 512 to the
// page size. A mounted device gives ErrBusy.
func (d *Device) SetBlockSize(n uint32) error {
	return d.set("set block size of", unix.LOOP_SET_BLOCK_SIZE, int(n))
}

// SetCapacity makes the device take the size its backing file has now.
func (d *Device) SetCapacity() error {
	return d.set("set capacity of", unix.LOOP_SET_CAPACITY, 0)
}

func (d *Device) set(op string, request uint, value int) error {
	if err := unix.IoctlSetInt(int(d.f.Fd()), request, value); err != nil {
		return d.fail(op, kindOf(err), causeOf(err))
	}
	return nil
}

// Detach clears the device, closes it, and waits until the kernel has really let
// go of the backing file. A device that is still in use goes away with its last
// user: when ctx ends before that, the error is ErrBusy. d can't be used afterwards.
func (d *Device) Detach(ctx context.Context) error {
	// Not Info: the kernel may want to ask a dead server for the status.
	before, err := system().info(sysName(d.number))
	if err == nil {
		err = d.set("detach", unix.LOOP_CLR_FD, 0)
	} else {
		err = d.fail("detach", kindOf(err), causeOf(err))
	}
	d.f.Close()
	if err != nil {
		return err
	}
	for wait := newBackoff(); ; {
		if detached(before) {
			return nil
		}
		if cerr := wait.next(ctx); cerr != nil {
			return &Error{Op: "detach", Dev: d.path, File: before.BackingFile, Kind: ErrBusy, Err: cerr}
		}
	}
}

// detached says that what before tells of is over. The number may serve somebody
// else by then, under another sequence number.
func detached(before Info) bool {
	now, err := system().info(sysName(before.Number))
	if err != nil {
		return errors.Is(err, ErrNotBound) || errors.Is(err, fs.ErrNotExist)
	}
	if before.DiskSeq == 0 {
		return now.BackingFile != before.BackingFile
	}
	return now.DiskSeq != before.DiskSeq
}

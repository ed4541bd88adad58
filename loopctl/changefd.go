package loopctl

import (
	"errors"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// loopChangeFD is LOOP_CHANGE_FD of include/uapi/linux/loop.h; x/sys/unix doesn't have it.
const loopChangeFD = 0x4C06

// ChangeFD is the bare ioctl LOOP_CHANGE_FD, with typed errors. The kernel looks at
// nothing but the type and the size of f in sectors, shuts down some file systems
// and can block for ever. Use Switch.
func (d *Device) ChangeFD(f *os.File) error {
	err := unix.IoctlSetInt(int(d.f.Fd()), loopChangeFD, int(f.Fd()))
	runtime.KeepAlive(f)
	if err == nil {
		return nil
	}
	return d.explain("change file of", f, err)
}

// explain finds out which of its reasons the kernel had for errno: it has one EINVAL for five.
func (d *Device) explain(op string, f *os.File, err error) error {
	e := &Error{Op: op, Dev: d.path, File: f.Name(), Kind: kindOf(err), Err: err}
	switch {
	case errors.Is(err, unix.EBADF):
		e.Kind = ErrRecursion
		if _, merr := accessMode(f); merr != nil {
			e.Kind = ErrBadBacking
		}
	case errors.Is(err, unix.EINVAL):
		e.Kind = d.whyInvalid(f)
	case errors.Is(err, unix.EINTR):
		e.Kind = ErrInterrupted
	}
	return e
}

// whyInvalid repeats the checks of loop_change_fd in their order (drivers/block/loop.c).
func (d *Device) whyInvalid(f *os.File) error {
	info, err := system().info(sysName(d.number))
	if err != nil {
		return kindOf(err)
	}
	if !info.ReadOnly {
		return ErrNotReadOnly
	}
	st, err := fstat(f)
	if err != nil || !backable(f, st) {
		return ErrBadBacking
	}
	size, err := byteSize(st)
	if err != nil {
		return ErrBadBacking
	}
	if visible(size, info)/sectorSize != info.Size/sectorSize {
		return ErrSizeMismatch
	}
	if !d.hasChangeFD() {
		return ErrUnsupported
	}
	return ErrOldUnreadable
}

// hasChangeFD asks for a bad descriptor, which a kernel that knows the ioctl notices first.
func (d *Device) hasChangeFD() bool {
	return errors.Is(unix.IoctlSetInt(int(d.f.Fd()), loopChangeFD, -1), unix.EBADF)
}

// visible is how much of a file of size bytes a device with that offset and
// size limit shows.
func visible(size uint64, info Info) uint64 {
	if size < info.Offset {
		return 0
	}
	size -= info.Offset
	if info.SizeLimit > 0 {
		size = min(size, info.SizeLimit)
	}
	return size
}

// secretmemMagic is of include/uapi/linux/magic.h; x/sys/unix doesn't have it.
const secretmemMagic = 0x5345434d

// backable says whether files of that type and file system can be read by the
// kernel on its own. A loop device without backing file can't.
func backable(f *os.File, st unix.Stat_t) bool {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		var fs unix.Statfs_t
		unusable := []int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.HUGETLBFS_MAGIC, secretmemMagic}
		return unix.Fstatfs(int(f.Fd()), &fs) == nil && !slices.Contains(unusable, int64(fs.Type))
	case unix.S_IFBLK:
		size, err := byteSize(st)
		return err == nil && size > 0
	}
	return false
}

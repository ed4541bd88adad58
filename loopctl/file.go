package loopctl

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// accessMode is O_RDONLY or O_RDWR; an error says why f can't be read from.
func accessMode(f *os.File) (int, error) {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	switch {
	case err != nil:
		return 0, err
	case flags&unix.O_PATH != 0:
		return 0, fmt.Errorf("opened with O_PATH: %w", unix.EBADF)
	case flags&unix.O_ACCMODE == unix.O_WRONLY:
		return 0, fmt.Errorf("opened for writing only: %w", unix.EBADF)
	}
	return flags & unix.O_ACCMODE, nil
}

// readOnlyHandle is another descriptor of the same file, without write access. Where
// that can't be had, without /proc, it is f itself.
func readOnlyHandle(f *os.File) (file *os.File, done func()) {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
		return f, func() {}
	}
	again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDONLY|flags&unix.O_DIRECT, 0)
	if err != nil {
		return f, func() {}
	}
	if !sameFile(f, again) {
		again.Close()
		return f, func() {}
	}
	return again, func() { again.Close() }
}

func sameFile(a, b *os.File) bool {
	x, errX := a.Stat()
	y, errY := b.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// fstat asks the kernel for the identity and type of an open file.
func fstat(f *os.File) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return st, err
}

// byteSize is the size of a regular file or block device.
func byteSize(st unix.Stat_t) (uint64, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return uint64(st.Size), nil
	}
	a := attributes{fsys: system().root, dir: "dev/block/" + devString(uint64(st.Rdev))}
	return a.number("size") * sectorSize, a.err
}

package loopctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

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

// readOnlyHandle opens the same file once more, without write access and out of the sight of
// the runtime: what hangs in it keeps nobody from closing f. Where that can't be had,
// without /proc, it is f itself.
func readOnlyHandle(f *os.File) (file *os.File, done func()) {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_PATH != 0 || flags&unix.O_ACCMODE == unix.O_WRONLY {
		return f, func() {}
	}
	again, err := openPlain(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), flags&unix.O_DIRECT)
	if err != nil {
		return f, func() {}
	}
	if !sameFile(f, again) {
		again.Close()
		return f, func() {}
	}
	return again, func() { again.Close() }
}

// moment is how long something that can't be called back is waited for after the context has ended.
const moment = time.Second

// patient waits for do until ctx ends, and a moment for its end then. What hangs in the
// server of a file system can't be called back: it is left to end by itself.
func patient(ctx context.Context, do func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	t := time.NewTimer(moment)
	defer t.Stop()
	select {
	case err := <-ended:
		return err
	case <-t.C:
		return context.Cause(ctx)
	}
}

// openPlain opens a file for reading, out of the sight of the runtime's poller: a hanging FUSE
// server that is polled stops the whole program.
func openPlain(name string, flags int) (*os.File, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func sameFile(a, b *os.File) bool {
	x, errX := a.Stat()
	y, errY := b.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// fstat asks the kernel for the identity and type of an open file.
func fstat(f *os.File) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := uninterrupted(func() error { return unix.Fstat(int(f.Fd()), &st) })
	return st, err
}

// writeOut begins an fsync that may take minutes: piece by piece, each of which is a sign of
// life. Where the kernel can't, it is left to the fsync.
func writeOut(ctx context.Context, f *os.File, alive func()) error {
	alive()
	st, err := fstat(f)
	if err != nil {
		return err
	}
	size, err := byteSize(st)
	if err != nil {
		return err
	}
	const piece, how = 4 << 20, unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	for at := uint64(0); at < size && ctx.Err() == nil; at += piece {
		err := unix.SyncFileRange(int(f.Fd()), int64(at), piece, how)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESPIPE) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
			return nil
		}
		if err != nil {
			return err
		}
		alive()
	}
	return nil
}

// uninterrupted does a system call again that a signal has ended: the Go runtime sends itself
// some, and FUSE and tmpfs give up at any, despite SA_RESTART.
func uninterrupted(do func() error) error {
	for {
		if err := do(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// byteSize is the size of a regular file or block device.
func byteSize(st unix.Stat_t) (uint64, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return uint64(st.Size), nil
	}
	a := attributes{fsys: system().root, dir: "dev/block/" + devString(uint64(st.Rdev))}
	return a.number("size") * sectorSize, a.err
}

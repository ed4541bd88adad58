package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
)

// file is a regular file or a block device.
type file struct {
	path string
	turn chan struct{} // held by the one who opens; a mutex that a context can leave
	open *os.File      // nil: to be opened; under turn, as what follows
	mark *mark         // of the first look; nil before it
	gone bool          // closed for good
}

// mark is what a file is recognised by.
type mark struct {
	size  int64
	mtime time.Time // zero for a block device
}

func newFile(path string) *file {
	return &file{path: path, turn: make(chan struct{}, 1)}
}

func (f *file) String() string { return f.path }

// Size looks at the path again: the file may have been replaced.
func (f *file) Size(ctx context.Context) (int64, error) {
	fresh, now, err := openMarked(f.path)
	if err != nil {
		return 0, err
	}
	defer fresh.Close()
	if err := f.lock(ctx); err != nil {
		return 0, err
	}
	defer f.unlock()
	return now.size, f.recognise(now)
}

// ReadAt reads; after an error the file is opened anew, since a handle of a server that
// was started again, or of a disc that was out, never works again.
func (f *file) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := f.readAt(ctx, p, off)
	if errors.Is(err, os.ErrClosed) { // dropped by another reader
		n, err = f.readAt(ctx, p, off)
	}
	return n, err
}

func (f *file) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	open, size, err := f.get(ctx)
	if err != nil {
		return 0, err
	}
	n, err := open.ReadAt(p, off)
	if err != nil && !(err == io.EOF && off+int64(n) == size) {
		f.drop(ctx, open)
	}
	return n, bare(err)
}

// bare is an error without the path, which whoever reports it names.
func bare(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return err
}

func (f *file) lock(ctx context.Context) error {
	select {
	case f.turn <- struct{}{}: // also when ctx has ended
		return nil
	default:
	}
	select {
	case f.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *file) unlock() { <-f.turn }

// get is the open file and its size.
func (f *file) get(ctx context.Context) (*os.File, int64, error) {
	if err := f.lock(ctx); err != nil {
		return nil, 0, err
	}
	defer f.unlock()
	if f.gone {
		return nil, 0, os.ErrClosed
	}
	if f.open != nil {
		return f.open, f.mark.size, nil
	}
	open, now, err := openMarked(f.path)
	if err != nil {
		return nil, 0, err
	}
	if err := f.recognise(now); err != nil {
		open.Close()
		return nil, 0, err
	}
	f.open = open
	return open, now.size, nil
}

// recognise is to be called with the turn taken.
func (f *file) recognise(now mark) error {
	if f.mark == nil {
		f.mark = &now
	}
	if !f.mark.equal(now) {
		return fmt.Errorf("%w: it is %v, and was %v", failover.ErrChanged, now, *f.mark)
	}
	return nil
}

func (m mark) equal(o mark) bool { return m.size == o.size && m.mtime.Equal(o.mtime) }

func (m mark) String() string {
	if m.mtime.IsZero() {
		return fmt.Sprintf("%d bytes", m.size)
	}
	return fmt.Sprintf("%d bytes of %s", m.size, m.mtime.UTC().Format(time.RFC3339Nano))
}

// openMarked doesn't wait for the other end of a pipe, and doesn't close the tray of a
// drive. It goes past os.Open, which hands every file to the runtime's poller: on a
// FUSE file system whose server hangs that stops the whole program.
func openMarked(path string) (*os.File, mark, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, mark{}, fmt.Errorf("open: %w", err)
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		syscall.Close(fd)
		return nil, mark{}, fmt.Errorf("open: %w", err)
	}
	open := os.NewFile(uintptr(fd), path)
	m, err := markOf(open)
	if err != nil {
		open.Close()
		return nil, mark{}, bare(err)
	}
	return open, m, nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}

func markOf(open *os.File) (mark, error) {
	st, err := open.Stat()
	switch {
	case err != nil:
		return mark{}, err
	case st.Mode().IsRegular():
		return mark{st.Size(), st.ModTime()}, nil
	case st.Mode()&fs.ModeDevice != 0 && st.Mode()&fs.ModeCharDevice == 0:
		size, err := open.Seek(0, io.SeekEnd)
		return mark{size: size}, err
	}
	return mark{}, ErrFileType
}

// drop lets go of what didn't work; readers that are in it end as they will.
func (f *file) drop(ctx context.Context, was *os.File) {
	if f.lock(ctx) != nil {
		return
	}
	defer f.unlock()
	if f.open == was {
		was.Close()
		f.open = nil
	}
}

// Close doesn't wait for an open that hangs.
func (f *file) Close() error {
	select {
	case f.turn <- struct{}{}:
	default:
		return errors.New("it hangs while being opened")
	}
	defer f.unlock()
	f.gone = true
	if f.open == nil {
		return nil
	}
	err := f.open.Close()
	f.open = nil
	return err
}

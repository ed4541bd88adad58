package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Dir is the tree below a directory of this machine, on whatever is mounted
// there. Links that lead out of it are not followed. With the name of a file or
// block device for root, the empty name opens that.
//
// It keeps nothing open but its files.
func Dir(root string) Tree { return dirTree{root} }

type dirTree struct{ root string }

func (t dirTree) String() string { return t.root }
func (t dirTree) Close() error   { return nil }

func (t dirTree) fail(op, name string, err error) error {
	reason, words := explain(err, time.Now)
	var p *os.PathError
	if errors.As(words, &p) {
		words = p.Err
	}
	if errors.Is(words, os.ErrClosed) {
		reason = ErrClosed
	}
	return &Error{Op: op, Where: t.root, File: name, Reason: reason, Err: words}
}

func (t dirTree) Open(ctx context.Context, name string) (File, error) {
	f, err := t.open(ctx, name)
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	return f, nil
}

func (t dirTree) open(ctx context.Context, name string) (*localFile, error) {
	if !valid(name) {
		return nil, &fault{ErrPath, errName}
	}
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	const flags = os.O_RDONLY | syscall.O_NONBLOCK // or a pipe would be waited for
	f, err := t.openIn(name, flags)
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &localFile{t: t, f: f, name: name, size: size}, nil
}

func (t dirTree) openIn(name string, flags int) (*os.File, error) {
	if name == "" {
		return os.OpenFile(t.root, flags, 0)
	}
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(name, flags, 0)
}

// sizeOf is that of a file or a disk.
func sizeOf(f *os.File) (int64, error) {
	st, err := f.Stat()
	switch {
	case err != nil:
		return 0, err
	case st.IsDir():
		return 0, &fault{ErrNotFound, errors.New("it is a directory")}
	case st.Mode().IsRegular():
		return st.Size(), nil
	case st.Mode()&os.ModeDevice != 0 && st.Mode()&os.ModeCharDevice == 0:
		return f.Seek(0, io.SeekEnd)
	}
	return 0, &fault{ErrNotFound, errors.New("it is neither a file nor a disk")}
}

// localFile is a file of a dirTree.
type localFile struct {
	t    dirTree
	f    *os.File
	name string
	size int64
}

func (f *localFile) Size(context.Context) (int64, error) { return f.size, nil }
func (f *localFile) Ranges() bool                        { return true }
func (f *localFile) String() string                      { return filepath.Join(f.t.root, f.name) }

func (f *localFile) Close() error {
	if err := f.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return f.t.fail("close", f.name, err)
	}
	return nil
}

func (f *localFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := f.readAt(ctx, p, off)
	if err != nil && err != io.EOF {
		err = f.t.fail("read", f.name, err)
	}
	return n, err
}

func (f *localFile) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	if ctx.Err() != nil {
		return 0, stopped(ctx)
	}
	if off < 0 {
		return 0, &fault{ErrPath, fmt.Errorf("offset %d", off)}
	}
	want := p[:max(0, min(int64(len(p)), f.size-off))]
	n, err := f.f.ReadAt(want, off)
	switch {
	case err == io.EOF && n < len(want):
		return n, &fault{ErrTruncated, fmt.Errorf("after %d of %d bytes", off+int64(n), f.size)}
	case err != nil && err != io.EOF:
		return n, err
	case len(want) < len(p):
		return n, io.EOF
	}
	return n, nil
}

// Stream reads from off on.
func (f *localFile) Stream(ctx context.Context, off int64) (io.ReadCloser, error) {
	return newSequence(ctx, f, off, func(err error) error { return f.t.fail("read", f.name, err) })
}

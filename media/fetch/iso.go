package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/media"
)

// maxDirectories is how many bytes of an image's directories are remembered.
const maxDirectories = 16 << 20

// ISO is the tree inside of an ISO 9660 image, wherever that is. It needs an
// image of which any part can be read, else there is ErrNoRanges. The image
// is the tree's from then on: its Close closes it; on an error it is still the caller's.
func ISO(ctx context.Context, image File) (Tree, error) {
	t := &isoTree{image: image, seen: map[place][]byte{}}
	if !image.Ranges() {
		return nil, t.fail("open", "", noRanges(16*2048))
	}
	disc, err := media.OpenISO(directories{ctx, t})
	if err != nil {
		return nil, t.fail("open", "", err)
	}
	t.disc = disc
	return t, nil
}

type isoTree struct {
	image File
	disc  *media.ISO

	mu   sync.Mutex
	seen map[place][]byte
	held int
}

type place struct {
	off  int64
	size int
}

func (t *isoTree) String() string { return t.image.String() }
func (t *isoTree) Close() error   { return t.image.Close() }

// fail gives err the names of the tree; what the image's reader said keeps its reason.
func (t *isoTree) fail(op, name string, err error) error {
	var below *belowError
	if errors.As(err, &below) {
		err = below.err
	}
	var known *Error
	reason, words := explain(err, time.Now)
	if reason == ErrStatus && !errors.As(err, &known) {
		reason = ErrFormat
	}
	return &Error{Op: op, Where: t.String(), File: name, Reason: reason, Err: words}
}

// belowError keeps the image's own io.EOF or "not found" from being taken for
// the file's.
type belowError struct{ err error }

func (e *belowError) Error() string { return e.err.Error() }

// directories reads an image for package media, each place once.
type directories struct {
	ctx context.Context
	t   *isoTree
}

func (d directories) ReadAt(p []byte, off int64) (int, error) {
	at := place{off, len(p)}
	d.t.mu.Lock()
	known := d.t.seen[at]
	d.t.mu.Unlock()
	if known != nil {
		return copy(p, known), nil
	}
	n, err := d.t.image.ReadAt(d.ctx, p, off)
	if err != nil && err != io.EOF {
		return n, &belowError{err}
	}
	d.t.mu.Lock()
	defer d.t.mu.Unlock()
	if n == len(p) && d.t.held+n <= maxDirectories {
		d.t.held += n
		d.t.seen[at] = append([]byte{}, p...)
	}
	return n, err
}

func (t *isoTree) Open(ctx context.Context, name string) (File, error) {
	if !valid(name) || name == "" {
		return nil, t.fail("open", name, &fault{ErrPath, errName})
	}
	if ctx.Err() != nil {
		return nil, t.fail("open", name, stopped(ctx))
	}
	start, size, err := t.disc.Find(directories{ctx, t}, name)
	if errors.Is(err, io.EOF) {
		err = &fault{ErrTruncated, errors.New("the image ends before its directories do")}
	}
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	whole, err := t.image.Size(ctx)
	if err == nil && whole >= 0 && start+size > whole {
		err = &fault{ErrTruncated, fmt.Errorf("the image has %d bytes and the file lies before %d", whole, start+size)}
	}
	if err != nil {
		return nil, t.fail("open", name, err)
	}
	return &isoFile{t: t, name: name, start: start, size: size}, nil
}

// isoFile is a piece of an image.
type isoFile struct {
	t           *isoTree
	name        string
	start, size int64

	mu     sync.Mutex
	closed bool
}

func (f *isoFile) Size(context.Context) (int64, error) { return f.size, nil }
func (f *isoFile) Ranges() bool                        { return true }
func (f *isoFile) String() string {
	return strings.TrimSuffix(f.t.String(), "/") + "/" + f.name
}

func (f *isoFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *isoFile) fail(err error) error { return f.t.fail("read", f.name, err) }

// usable refuses what has no answer.
func (f *isoFile) usable(off int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return &fault{ErrClosed, errors.New("the file was closed")}
	case off < 0:
		return &fault{ErrPath, fmt.Errorf("offset %d", off)}
	}
	return nil
}

func (f *isoFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.usable(off); err != nil {
		return 0, f.fail(err)
	}
	want := p[:max(0, min(int64(len(p)), f.size-off))]
	n, err := 0, error(nil)
	if len(want) > 0 || ctx.Err() != nil {
		n, err = f.t.image.ReadAt(ctx, want, f.start+off)
	}
	switch {
	case n == len(want) && len(want) < len(p) && (err == nil || err == io.EOF):
		return n, io.EOF
	case n == len(want) && err == io.EOF:
		return n, nil
	case err == io.EOF:
		return n, f.fail(&fault{ErrTruncated, fmt.Errorf("the image ends after %d of %d bytes", off+int64(n), f.size)})
	case err != nil:
		return n, f.fail(err)
	}
	return n, nil
}

// Stream is a stream of the image, which goes on after a cut.
func (f *isoFile) Stream(ctx context.Context, off int64) (io.ReadCloser, error) {
	if err := f.usable(off); err != nil {
		return nil, f.fail(err)
	}
	s, err := f.t.image.Stream(ctx, f.start+off)
	if err != nil {
		return nil, f.fail(err)
	}
	return &isoStream{f: f, s: s, left: max(0, f.size-off)}, nil
}

type isoStream struct {
	f    *isoFile
	s    io.ReadCloser
	left int64
}

func (s *isoStream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.s.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	switch {
	case err == io.EOF && s.left > 0:
		err = s.f.fail(&fault{ErrTruncated, fmt.Errorf("the image ends %d bytes before the file", s.left)})
	case err == io.EOF:
		err = nil
	case err != nil:
		err = s.f.fail(err)
	}
	return n, err
}

func (s *isoStream) Close() error { return s.s.Close() }

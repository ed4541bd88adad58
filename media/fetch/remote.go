package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// near is how far a reader may jump ahead in a part that is open already: as much
// as is on its way anyhow.
const near = 256 << 10

// requester asks a server for a part of one file.
type requester interface {
	// request asks for n bytes from off on, or with -1 for all that follow. What it returns lives as long as w.
	request(w *watch, off, n int64) (*part, error)
	String() string
}

// part is what one request brings.
type part struct {
	body    io.ReadCloser
	off     int64 // where it begins; 0 where the server can't do ranges
	size    int64 // of the whole file; -1: not told
	ranges  bool
	version string // differs when the file does; empty: not told
}

// remote is a File at a server.
type remote struct {
	requester
	server *server
	name   string
	ctx    context.Context // ends with the file
	end    context.CancelCauseFunc

	mu      sync.Mutex
	size    int64
	ranges  bool
	version string
	kept    *answer // a part that is being read in sequence; nil while somebody reads it
	next    int64   // where the last ReadAt ended
}

// answer is a part while it is read.
type answer struct {
	*part
	w   *watch
	pos int64
	err error // stays
}

// openRemote asks for the file, and keeps the answer for who reads it from the start.
func openRemote(ctx context.Context, s *server, name string, r requester) (File, error) {
	f := &remote{requester: r, server: s, name: name, size: -1}
	f.ctx, f.end = context.WithCancelCause(s.ctx)
	a, err := f.ask(ctx, 0, -1, s.opts.Stall)
	if err != nil {
		f.end(errEnd)
		return nil, s.fail("open", name, err)
	}
	f.size, f.ranges, f.version, f.kept = a.size, a.ranges, a.version, a
	return f, nil
}

func (f *remote) Size(context.Context) (int64, error) { return f.size, nil }
func (f *remote) Ranges() bool                        { return f.ranges }

func (f *remote) Close() error {
	f.end(&fault{ErrClosed, errors.New("the file was closed")})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept != nil {
		f.kept.close()
		f.kept = nil
	}
	return nil
}

// ask makes a request that obeys ctx until there is an answer, and f ever after.
func (f *remote) ask(ctx context.Context, off, n int64, stall time.Duration) (*answer, error) {
	w := newWatch(f.ctx, stall)
	stop := w.follow(ctx)
	p, err := f.request(w, off, n)
	if !stop() && err == nil { // ctx ended at the last moment
		err = errors.Join(stopped(ctx), p.body.Close())
	}
	if err != nil {
		err = w.why(err)
		w.end()
		return nil, err
	}
	w.settle(f.server.opts.Stall)
	return &answer{part: p, w: w, pos: p.off}, nil
}

// again is ask for a file that was opened before: it must be the same.
func (f *remote) again(ctx context.Context, off, n int64, stall time.Duration) (*answer, error) {
	a, err := f.ask(ctx, off, n, stall)
	if err != nil {
		return nil, err
	}
	switch {
	case a.size != f.size && a.size >= 0 && f.size >= 0:
		err = &fault{ErrChanged, fmt.Errorf("it had %d bytes and has %d now", f.size, a.size)}
	case differ(a.version, f.version):
		err = &fault{ErrChanged, fmt.Errorf("it was %s and is %s now", f.version, a.version)}
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// differ compares two versions, which begin with the word for their kind.
func differ(a, b string) bool {
	kind, _, ok := strings.Cut(a, " ")
	return ok && a != b && strings.HasPrefix(b, kind+" ")
}

func (a *answer) close() error {
	a.w.end() // first: a server that hangs must not keep anybody
	return a.body.Close()
}

// read reads what comes next. io.EOF comes only at the end of the file, or of what was asked for.
func (a *answer) read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	a.w.arm()
	n, err := a.body.Read(p)
	a.w.rest()
	a.pos += int64(n)
	if err != nil && (err != io.EOF || a.w.ctx.Err() != nil) {
		err = a.w.why(err)
	}
	a.err = err
	return n, err
}

// full fills p, from off on, which is not before a.pos.
func (a *answer) full(p []byte, off int64) (n int, err error) {
	for a.pos < off && err == nil {
		_, err = a.read(p[:min(int64(len(p)), off-a.pos)])
	}
	for n < len(p) && err == nil {
		var m int
		m, err = a.read(p[n:])
		n += m
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

func (f *remote) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.server.fail("read", f.name, &fault{ErrPath, fmt.Errorf("offset %d", off)})
	}
	want := p
	if f.size >= 0 {
		want = p[:max(0, min(int64(len(p)), f.size-off))]
	}
	n, err := f.readAt(ctx, want, off)
	switch {
	case err == io.EOF && f.size >= 0:
		err = &fault{ErrTruncated, fmt.Errorf("after %d of %d bytes", off+int64(n), f.size)}
	case err == nil && len(want) < len(p):
		err = io.EOF
	}
	if err != nil && err != io.EOF {
		err = f.server.fail("read", f.name, err)
	}
	return n, err
}

// readAt fills p or returns an error; io.EOF: there is no more.
func (f *remote) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	if ctx.Err() != nil {
		return 0, stopped(ctx)
	}
	if f.ctx.Err() != nil {
		return 0, context.Cause(f.ctx)
	}
	if len(p) == 0 {
		return 0, nil
	}
	a, sequel := f.take(off)
	if a != nil {
		n, err := f.finish(ctx, a, p, off)
		if !stale(err) || f.ctx.Err() != nil || !f.ranges {
			return n, err
		}
	}
	n := int64(len(p))
	if sequel {
		n = -1
	}
	a, err := f.again(ctx, off, n, f.server.opts.Stall)
	if err != nil {
		return 0, err
	}
	if a.pos == off && sequel {
		return f.finish(ctx, a, p, off)
	}
	defer a.close()
	if a.pos != off {
		return 0, noRanges(off)
	}
	defer a.w.follow(ctx)()
	return a.full(p, off)
}

func noRanges(off int64) error {
	return &fault{ErrNoRanges, fmt.Errorf("what is at %d can't be had without all before it", off)}
}

// stale reports whether a connection that was kept has only been closed meanwhile.
func stale(err error) bool {
	reason := ErrStatus
	if err != nil && err != io.EOF {
		reason, _ = explain(err, time.Now)
	}
	return reason == ErrCut || reason == ErrTruncated
}

// take gives away the part that is kept, if it serves a read at off. sequel: a new one is worth keeping.
func (f *remote) take(off int64) (a *answer, sequel bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if k := f.kept; k != nil && k.pos <= off && off-k.pos <= near {
		f.kept = nil
		return k, true
	}
	return nil, off == 0 || f.ranges && off == f.next
}

// finish reads from a part, which is kept if all went well.
func (f *remote) finish(ctx context.Context, a *answer, p []byte, off int64) (int, error) {
	stop := a.w.follow(ctx)
	n, err := a.full(p, off)
	if err == nil && a.pos == f.size {
		a.read(make([]byte, 1)) // the end, which lets the connection be used again
	}
	alive := stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = off + int64(n)
	if err != nil || !alive || a.pos == f.size || f.ctx.Err() != nil {
		a.close()
		return n, err
	}
	if f.kept != nil {
		f.kept.close()
	}
	f.kept = a
	return n, nil
}

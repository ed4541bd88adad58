package failover

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"
)

// at is the byte that belongs at off.
func at(off int64) byte { return byte(off ^ off>>8 ^ off>>16) }

func fill(p []byte, off int64) {
	for i := range p {
		p[i] = at(off + int64(i))
	}
}

// right says that p is what belongs at off.
func right(p []byte, off int64) bool {
	for i := range p {
		if p[i] != at(off+int64(i)) {
			return false
		}
	}
	return true
}

// fake is a source that does as it is told.
type fake struct {
	name string

	mu     sync.Mutex
	size   int64
	err    error                 // every read's
	short  int                   // bytes that a read lacks
	bad    bool                  // gives other bytes
	hang   chan struct{}         // reads wait for it, whatever their context says
	delay  time.Duration         // and then for this, unless their context ends
	broken func(off int64) error // by place
	reads  int
	inside int // reads in it now
	most   int // the most there ever were
	offs   []int64
	closed bool
}

func newFake(name string) *fake { return &fake{name: name, size: 1 << 20} }

func (f *fake) String() string { return f.name }

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

func (f *fake) Size(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, f.err
}

func (f *fake) Close() error {
	f.set(func() { f.closed = true })
	return nil
}

func (f *fake) enter(off int64) (hang chan struct{}, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	f.inside++
	f.most = max(f.most, f.inside)
	f.offs = append(f.offs, off)
	return f.hang, f.delay
}

func (f *fake) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	hang, delay := f.enter(off)
	if hang != nil {
		<-hang
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside--
	if ctx.Err() != nil && hang == nil {
		return 0, ctx.Err()
	}
	if f.err == nil && f.broken != nil {
		if err := f.broken(off); err != nil {
			return 0, err
		}
	}
	if f.err != nil {
		return 0, f.err
	}
	n := max(0, min(len(p), int(f.size-off))-f.short)
	fill(p[:n], off)
	if f.bad {
		for i := range n {
			p[i] ^= 0xff
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// open is a Reader over the fakes, closed at the end, and what it tells.
func open(t *testing.T, o Options, fakes ...*fake) (*Reader, *diary) {
	t.Helper()
	d := &diary{}
	o.Tell = d.add
	var sources []Source
	for _, f := range fakes {
		sources = append(sources, f)
	}
	r, err := New(t.Context(), sources, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range fakes {
			f.set(func() { f.release() })
		}
		if err := r.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Close: %v", err)
		}
	})
	return r, d
}

// release lets hung reads go; with f locked.
func (f *fake) release() {
	if f.hang != nil {
		close(f.hang)
		f.hang = nil
	}
}

// diary is what was told.
type diary struct {
	mu     sync.Mutex
	events []Event
}

func (d *diary) add(e Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// words are the events as "+first" and "-first".
func (d *diary) words() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var w []string
	for _, e := range d.events {
		sign := "-"
		if e.Up {
			sign = "+"
		}
		w = append(w, sign+e.Source)
	}
	return w
}

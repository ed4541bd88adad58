package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Source is one place that has the content. Its methods are called from several
// goroutines. They should end with their context, and may hang. Close comes once, after
// everything but the calls that hang.
type Source interface {
	// ReadAt reads all of p, or fewer bytes with io.EOF at the end of the source. A
	// content that is known to have changed is an error that wraps ErrChanged.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	// Size is the size now, in bytes.
	Size(ctx context.Context) (int64, error)
	// String names the source for people; it holds no secret.
	String() string
	Close() error
}

// Options are the options of New; zero values mean the defaults.
type Options struct {
	Deadline time.Duration // of a request at one source; default 2 s. A drive that has to spin up needs 20
	Failures int           // in a row, that open the breaker; default 3. A timeout does so at once
	Probe    time.Duration // interval of the health probes of a source that isn't well; default 1 s
	Parallel int           // requests in one source at a time, with those that hang; default 64

	// Check judges every answer before it counts: an error makes it a failure of the
	// source. It is called from several goroutines, with p exactly as one ReadAt asked
	// for it, so whoever reads in whole blocks can check block by block, and must not
	// keep p. Errors that wrap ErrChanged open the breaker at once.
	Check func(p []byte, off int64) error

	// Tell gets each source's going down and coming back, one after the other, from a
	// goroutine of its own. Close waits for it.
	Tell func(Event)
}

func (o Options) withDefaults() Options {
	if o.Deadline <= 0 {
		o.Deadline = 2 * time.Second
	}
	if o.Failures <= 0 {
		o.Failures = 3
	}
	if o.Probe <= 0 {
		o.Probe = time.Second
	}
	if o.Parallel <= 0 {
		o.Parallel = 64
	}
	return o
}

// Reader reads from the sources. Its methods may be called from several goroutines.
type Reader struct {
	members []*member
	options Options
	size    int64
	life    context.Context
	end     context.CancelCauseFunc
	closed  atomic.Bool
	probers sync.WaitGroup
	events  chan Event
	teller  sync.WaitGroup
	silence chan struct{} // closed when no more events are to be told
	buffers sync.Pool     // of *[]byte
}

// New asks the sources for their sizes, all at once. Those that don't answer are
// down until a probe finds them well; if none does, the error is an *Error, and if two
// sizes differ, ErrSizes. The Reader owns the sources and closes them; when New
// fails, they stay the caller's. ctx is for New alone.
func New(ctx context.Context, sources []Source, o Options) (*Reader, error) {
	if len(sources) == 0 {
		return nil, errors.New("no source given")
	}
	r := &Reader{options: o.withDefaults(), size: -1, silence: make(chan struct{}), events: make(chan Event, 256)}
	r.life, r.end = context.WithCancelCause(context.WithoutCancel(ctx))
	for i, s := range sources {
		r.members = append(r.members, newMember(r, i, s))
	}
	if err := r.agree(ctx); err != nil {
		r.end(ErrClosed)
		return nil, err
	}
	r.teller.Go(r.tell)
	for _, m := range r.members {
		r.probers.Go(m.watch)
	}
	return r, nil
}

// agree learns the size.
func (r *Reader) agree(ctx context.Context) error {
	sizes, errs := r.sizes(ctx)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	first := -1
	failed := &Error{Op: "size"}
	for i, m := range r.members {
		switch {
		case errs[i] != nil:
			failed.Causes = append(failed.Causes, Cause{m.name, errs[i]})
		case first < 0:
			first, r.size = i, sizes[i]
		case sizes[i] != r.size:
			return fmt.Errorf("%w: %s has %d bytes, %s has %d; give only sources with the same content",
				ErrSizes, r.members[first].name, r.size, m.name, sizes[i])
		}
	}
	if first < 0 {
		return failed
	}
	for i, m := range r.members {
		if errs[i] != nil {
			m.down(errs[i])
		}
	}
	return nil
}

func (r *Reader) sizes(ctx context.Context) ([]int64, []error) {
	sizes, errs := make([]int64, len(r.members)), make([]error, len(r.members))
	var all sync.WaitGroup
	for i, m := range r.members {
		all.Go(func() { sizes[i], errs[i] = m.sizeNow(ctx) })
	}
	all.Wait()
	return sizes, errs
}

// Size is the size in bytes, the same as long as the Reader lives.
func (r *Reader) Size() int64 { return r.size }

// ReadAt reads all of p, or what is left with io.EOF, as io.ReaderAt does. When ctx ends
// the error is its cause.
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("read at %d: negative offset", off)
	case off >= r.size:
		return 0, io.EOF
	}
	var end error
	if left := r.size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	if len(p) == 0 {
		return 0, end
	}
	if err := r.read(ctx, p, off); err != nil {
		return 0, err
	}
	return len(p), end
}

// read asks one source after the other. One that it left because it went down is asked
// again for the rest of its time if no other answers.
func (r *Reader) read(ctx context.Context, p []byte, off int64) error {
	failed := &Error{Op: "read", Off: off, Len: len(p)}
	left := make([]time.Duration, len(r.members)) // of the deadline of each
	for i := range left {
		left[i] = r.options.Deadline
	}
	for m := r.next(left); m != nil; m = r.next(left) {
		i, start, wasWell := m.counts.Index, time.Now(), m.well()
		limit := left[i]
		left[i] = 0
		err := m.read(ctx, limit, p, off, func() bool { return wasWell && r.othersWell(left) })
		if over := r.over(ctx); err != nil && over != nil {
			return over
		}
		if err == nil {
			m.answered(len(p))
			return nil
		}
		if rest := limit - time.Since(start); errors.Is(err, errLeft) && rest > 0 {
			left[i] = rest
			continue
		}
		m.failed(err, off, len(p))
		failed.Causes = append(failed.Causes, Cause{m.name, err})
	}
	return failed
}

// over is why nobody waits for an answer any more; nil if somebody does.
func (r *Reader) over(ctx context.Context) error {
	if err := context.Cause(r.life); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// othersWell says that a source is well that has time left.
func (r *Reader) othersWell(left []time.Duration) bool {
	m := r.next(left)
	return m != nil && m.well()
}

// next is the first source with time left that is well, else the first of the rest.
func (r *Reader) next(left []time.Duration) *member {
	var pick *member
	for i, m := range r.members {
		if left[i] <= 0 {
			continue
		}
		if m.well() {
			return m
		}
		if pick == nil {
			pick = m
		}
	}
	return pick
}

// Health is how the sources are, in their order.
func (r *Reader) Health() []Health {
	all := make([]Health, len(r.members))
	for i, m := range r.members {
		all[i] = m.health()
	}
	return all
}

// Close ends what is under way with ErrClosed and closes the sources. It waits
// for requests that end, and not longer than a deadline for those that hang; the
// error says how many do, and in which source. They are left to themselves.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return ErrClosed
	}
	r.end(ErrClosed)
	r.probers.Wait()
	close(r.silence)
	r.teller.Wait()
	errs := make([]error, len(r.members))
	var all sync.WaitGroup
	for i, m := range r.members {
		all.Go(func() { errs[i] = m.close() })
	}
	all.Wait()
	return errors.Join(errs...)
}

package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// member is a source with its breaker, its slots and its figures.
type member struct {
	reader *Reader
	source Source
	name   string
	slots  chan struct{} // one taken for each request in the source, also when nobody waits for it any more
	sick   chan struct{} // there is work for watch
	kick   chan struct{} // a request that hung has been answered: don't wait to probe

	mu      sync.Mutex
	breaker breaker
	opened  chan struct{} // closed while the breaker is not closed
	reason  error
	lost    place // what it failed to read last
	counts  Health
}

// place is a range of the content.
type place struct {
	off int64
	n   int
}

func newMember(r *Reader, i int, s Source) *member {
	o := r.options
	return &member{
		reader: r, source: s, name: s.String(),
		slots: make(chan struct{}, o.Parallel), sick: make(chan struct{}, 1), kick: make(chan struct{}, 1),
		breaker: breaker{state: Closed, limit: o.Failures, interval: o.Probe, since: time.Now()},
		opened:  make(chan struct{}),
		counts:  Health{Index: i},
	}
}

func (m *member) well() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.breaker.state == Closed
}

// answered takes down a success.
func (m *member) answered(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Requests++
	m.counts.Bytes += uint64(n)
	m.heal()
}

// heal is to be called with m locked.
func (m *member) heal() {
	if !m.breaker.success(time.Now()) {
		return
	}
	m.opened = make(chan struct{})
	m.reader.emit(Event{Time: m.breaker.since, Up: true, Err: m.reason, Health: m.snapshot()})
	m.reason = nil
}

// failed takes down a failure to read.
func (m *member) failed(err error, off int64, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.breaker.state != Closed && (errors.Is(err, ErrFull) || errors.Is(err, errLeft)) {
		return // known
	}
	m.lost = place{off, n}
	m.note(err)
	if m.breaker.failure(time.Now(), err) {
		m.trip()
	}
}

// down opens the breaker at once.
func (m *member) down(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(err)
	m.breaker.open(time.Now())
	m.trip()
}

// note is to be called with m locked.
func (m *member) note(err error) {
	m.reason = err
	m.counts.Failures++
	if errors.Is(err, ErrTimeout) {
		m.counts.Timeouts++
	}
}

// trip is to be called with m locked, when the breaker has opened.
func (m *member) trip() {
	m.counts.Trips++
	close(m.opened)
	m.reader.emit(Event{Time: m.breaker.since, Err: m.reason, Health: m.snapshot()})
	signal(m.sick)
}

// signal wakes whoever waits for c, now or next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *member) health() Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.snapshot()
}

// snapshot is to be called with m locked.
func (m *member) snapshot() Health {
	h := m.counts
	h.Source, h.State, h.Since, h.InFlight = m.name, m.breaker.state, m.breaker.since, len(m.slots)
	if h.State != Closed && m.reason != nil {
		h.Reason = m.reason.Error()
	}
	return h
}

// read fills p, which nobody touches after the return. elsewhere is as of ask.
func (m *member) read(ctx context.Context, limit time.Duration, p []byte, off int64, elsewhere func() bool) error {
	buf := m.reader.buffer(len(p))
	err := m.ask(ctx, limit, elsewhere, func(ctx context.Context) error {
		n, err := m.source.ReadAt(ctx, *buf, off)
		return m.judge(*buf, n, err, off)
	})
	if err != nil {
		return err // the attempt may still write to its buffer: it is lost
	}
	copy(p, *buf)
	m.reader.buffers.Put(buf)
	return nil
}

// buffer is one of n bytes, used again where that is safe.
func (r *Reader) buffer(n int) *[]byte {
	if b, ok := r.buffers.Get().(*[]byte); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n)
	return &b
}

// judge says what an answer of n bytes and err is worth.
func (m *member) judge(p []byte, n int, err error, off int64) error {
	if n != len(p) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %d of %d bytes at %d", ErrShort, n, len(p), off)
		}
		return err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if check := m.reader.options.Check; check != nil {
		return check(p, off)
	}
	return nil
}

// sizeNow asks for the size.
func (m *member) sizeNow(ctx context.Context) (int64, error) {
	var size int64
	err := m.ask(ctx, m.reader.options.Deadline, nil, func(ctx context.Context) (err error) {
		size, err = m.source.Size(ctx)
		return err
	})
	if err != nil {
		return 0, err // size may still be written
	}
	return size, nil
}

// close ends the source. It waits a deadline, with all there is to wait for.
func (m *member) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), m.reader.options.Deadline)
	defer cancel()
	hang := m.drain(ctx)
	done := make(chan error, 1)
	go func() { done <- m.source.Close() }()
	err := error(nil)
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(closeGrace):
			err = ErrTimeout
		}
	}
	switch {
	case hang > 0:
		return fmt.Errorf("close %s: %d requests still hang in it", m.name, hang)
	case err != nil:
		return fmt.Errorf("close %s: %w", m.name, err)
	}
	return nil
}

// closeGrace is what the Close of a source has when its requests have used up the deadline.
const closeGrace = 100 * time.Millisecond

// drain waits for the requests under way, and says how many are left when ctx ends.
func (m *member) drain(ctx context.Context) int {
	for free := range cap(m.slots) {
		select {
		case m.slots <- struct{}{}:
		case <-ctx.Done():
			return cap(m.slots) - free
		}
	}
	return 0
}

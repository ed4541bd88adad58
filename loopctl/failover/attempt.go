package failover

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// attempt is one call of a source, in a goroutine of its own.
type attempt struct {
	done      chan error
	request   bool // not a probe
	abandoned bool // nobody waits any more; under member.mu, as ended
	ended     bool
}

// ask calls the source and waits for the answer, at most limit, ctx or the Reader's life; for a request with elsewhere to go, no longer than the source is well.
// After an error the call may still be running.
func (m *member) ask(ctx context.Context, limit time.Duration, elsewhere func() bool, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, timeout(m.reader.options.Deadline))
	defer cancel()
	defer context.AfterFunc(m.reader.life, cancel)()
	opened := m.downSignal()
	if err := m.enter(ctx, opened); err != nil {
		return err
	}
	a := &attempt{done: make(chan error, 1), request: elsewhere != nil}
	go m.run(ctx, a, call)
	if elsewhere == nil {
		opened = nil
	}
	for {
		select {
		case err := <-a.done:
			if cause := context.Cause(ctx); err != nil && cause != nil {
				return cause
			}
			return err
		case <-ctx.Done():
			m.abandon(a)
			return context.Cause(ctx)
		case <-opened:
			if elsewhere() {
				m.abandon(a)
				return errLeft
			}
			opened = nil
		}
	}
}

// errLeft: the source went down while it was asked, and others are well.
var errLeft = errors.New("it went down meanwhile")

// downSignal is closed while the source is down.
func (m *member) downSignal() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opened
}

// enter takes a slot. It waits for one as long as the source is well.
func (m *member) enter(ctx context.Context, opened <-chan struct{}) error {
	select {
	case m.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case m.slots <- struct{}{}:
		return nil
	case <-opened:
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, ErrTimeout) {
			return cause
		}
	}
	return fmt.Errorf("%w: %d", ErrFull, cap(m.slots))
}

// run ends when the source lets it.
func (m *member) run(ctx context.Context, a *attempt, call func(context.Context) error) {
	err := call(ctx)
	m.mu.Lock()
	a.ended = true
	if a.abandoned {
		m.counts.Hung--
	}
	late := a.abandoned && err == nil
	if late {
		m.counts.Late++
	}
	m.mu.Unlock()
	<-m.slots
	if late && a.request {
		signal(m.kick)
	}
	a.done <- err
}

// abandon leaves an attempt to itself.
func (m *member) abandon(a *attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !a.ended {
		a.abandoned = true
		m.counts.Hung++
	}
}

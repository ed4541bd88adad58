package failover

import (
	"context"
	"errors"
	"fmt"
)

// attempt is one call of a source, in a goroutine of its own.
type attempt struct {
	done      chan error
	request   bool // not a probe
	abandoned bool // nobody waits any more; under member.mu, as ended
	ended     bool
}

// ask calls the source and waits for the answer, at most the deadline, ctx or the
// Reader's life. After an error the call may still be running.
func (m *member) ask(ctx context.Context, request bool, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, m.reader.options.Deadline, timeout(m.reader.options.Deadline))
	defer cancel()
	defer context.AfterFunc(m.reader.life, cancel)()
	if err := m.enter(ctx); err != nil {
		return err
	}
	a := &attempt{done: make(chan error, 1), request: request}
	go m.run(ctx, a, call)
	select {
	case err := <-a.done:
		if cause := context.Cause(ctx); err != nil && cause != nil {
			return cause
		}
		return err
	case <-ctx.Done():
		m.abandon(a)
		return context.Cause(ctx)
	}
}

// enter takes a slot. It waits for one as long as the source is well.
func (m *member) enter(ctx context.Context) error {
	select {
	case m.slots <- struct{}{}:
		return nil
	default:
	}
	m.mu.Lock()
	opened := m.opened
	m.mu.Unlock()
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

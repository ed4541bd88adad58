package loopctl

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pulse tells whether work goes on that may hang in the kernel, where nothing can
// end it, and whether anybody still waits for it.
type pulse struct {
	mu       sync.Mutex
	beats    int
	last     int
	finished bool
	left     bool
}

// beat is a sign of life. It calls tell, unless nobody waits any more.
func (p *pulse) beat(tell func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats++
	if !p.left {
		tell()
	}
}

// still says that there was no sign of life since it was last asked.
func (p *pulse) still() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	still := p.last == p.beats
	p.last = p.beats
	return still
}

// leave says whether there is nothing to wait for but what hangs.
func (p *pulse) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = !p.finished
	return p.left
}

// finish says whether somebody still waits.
func (p *pulse) finish() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
	return !p.left
}

// patiently does work that may hang in the kernel, and waits for its end. When ctx
// ends, or no sign of life comes for so long as limit (0: for ever), the context of the
// work ends too. If it doesn't end then either, it is left to itself: left is true and
// the error is ErrStalled. abandoned is called when it ends after all.
func patiently(ctx context.Context, limit time.Duration, work func(context.Context, *pulse) error, abandoned func()) (left bool, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p, done := &pulse{}, make(chan error, 1)
	go func() {
		err := work(ctx, p)
		if !p.finish() {
			abandoned()
		}
		done <- err
	}()
	var tick <-chan time.Time
	if limit > 0 {
		t := time.NewTicker(limit)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case err := <-done:
			return false, err
		case <-tick:
			if p.still() {
				stop(fmt.Errorf("%w: no answer for %v", ErrStalled, limit))
			}
		case <-ctx.Done():
			return p.wait(done, context.Cause(ctx))
		}
	}
}

// wait gives work whose context has ended a moment to end.
func (p *pulse) wait(done <-chan error, cause error) (left bool, err error) {
	const moment = time.Second
	t := time.NewTimer(moment)
	defer t.Stop()
	select {
	case err := <-done:
		return false, err
	case <-t.C:
	}
	if !p.leave() {
		return false, <-done
	}
	return true, fmt.Errorf("%w: %w", ErrStalled, cause)
}

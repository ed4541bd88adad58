package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync"
	"time"
)

// watch ends one request at a server: when nothing is heard of it for too
// long, or when somebody who waits for it doesn't want it any more.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration

	mu    sync.Mutex
	timer *time.Timer
	armed bool
}

// newWatch starts a request that lives as long as ctx; its time runs.
func newWatch(ctx context.Context, stall time.Duration) *watch {
	w := &watch{stall: stall, armed: true}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(stall, func() {
		w.cancel(&fault{ErrTimeout, fmt.Errorf("nothing came for %v", stall)})
	})
	return w
}

// arm is said before waiting for the server, rest when it needn't be waited for.
func (w *watch) arm()  { w.set(true) }
func (w *watch) rest() { w.set(false) }

// settle is rest, and from then on stall is how long to wait.
func (w *watch) settle(stall time.Duration) {
	w.mu.Lock()
	w.stall = stall
	w.mu.Unlock()
	w.rest()
}

func (w *watch) set(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = on
	if on {
		w.timer.Reset(w.stall)
	} else {
		w.timer.Stop()
	}
}

// heard gives the server its time again, if it is being waited for.
func (w *watch) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed {
		w.timer.Reset(w.stall)
	}
}

// follow ends the request when ctx ends, until stop is called.
func (w *watch) follow(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { w.cancel(stopped(ctx)) })
}

// stopped is why ctx has ended.
func stopped(ctx context.Context) error {
	reason, err := ErrCancelled, ctx.Err()
	if own := (*fault)(nil); errors.As(context.Cause(ctx), &own) {
		return own
	}
	if errors.Is(err, context.DeadlineExceeded) {
		reason = ErrTimeout
	}
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return &fault{reason, err}
}

// end is the end of a request.
func (w *watch) end() {
	w.rest()
	w.cancel(errEnd)
}

var errEnd = errors.New("the request has ended")

// why is the reason for which w ended; err where it didn't.
func (w *watch) why(err error) error {
	if w.ctx.Err() == nil {
		return err
	}
	return context.Cause(w.ctx)
}

// trace hears of the steps on the way to an answer.
func (w *watch) trace() context.Context {
	return httptrace.WithClientTrace(w.ctx, &httptrace.ClientTrace{
		DNSDone:           func(httptrace.DNSDoneInfo) { w.heard() },
		ConnectDone:       func(_, _ string, err error) { w.heardIf(err) },
		TLSHandshakeStart: w.heard,
		GotConn:           func(httptrace.GotConnInfo) { w.heard() },
	})
}

func (w *watch) heardIf(err error) {
	if err == nil {
		w.heard()
	}
}

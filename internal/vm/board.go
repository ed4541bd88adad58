package vm

import (
	"context"
	"sync"
)

// board guards what is known about a guest and wakes those who wait for it
// to change. One board serves console, events and machine state, so a waiter
// sees them in one order.
type board struct {
	mu      sync.Mutex
	changed chan struct{}
}

func newBoard() *board { return &board{changed: make(chan struct{})} }

// change runs f alone and wakes all waiters.
func (b *board) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
}

// look runs f alone.
func (b *board) look(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// await runs cond now and after every change, until it is true. It returns
// the error of ctx, or that of lost, which says that what is waited for won't come any more.
func (b *board) await(ctx context.Context, cond func() bool, lost func() error) error {
	for {
		b.mu.Lock()
		ok, err, changed := cond(), lost(), b.changed
		b.mu.Unlock()
		if ok {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

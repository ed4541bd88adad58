package stage2

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ErrInterrupted is the cause of a context that Ctrl-C at the console ended.
var ErrInterrupted = errors.New("ended by Ctrl-C at the console")

// Signals returns a context for Run that ends by SIGTERM, with which stage 1
// passes on Ctrl-Alt-Del, and by Ctrl-C, with ErrInterrupted as its cause. A terminal
// that hangs up ends nothing: the cable of a serial line can be pulled. That holds until
// the returned function is called: what is undone after the end mustn't be killed.
func Signals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	got, stopped := make(chan os.Signal, 8), make(chan struct{})
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-stopped:
				return
			case s := <-got:
				end(s, cancel)
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		cancel(nil)
		signal.Stop(got)
		close(stopped)
	})
}

func end(s os.Signal, cancel context.CancelCauseFunc) {
	switch s {
	case syscall.SIGTERM:
		cancel(nil)
	case syscall.SIGINT:
		cancel(ErrInterrupted)
	}
}

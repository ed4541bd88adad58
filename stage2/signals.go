package stage2

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// ErrInterrupted is the cause of a context that Ctrl-C at the console ended.
var ErrInterrupted = errors.New("ended by Ctrl-C at the console")

// Signals returns a context for Run that ends by SIGTERM, with which stage 1
// passes on Ctrl-Alt-Del, and by Ctrl-C, with ErrInterrupted as its cause. A terminal
// that hangs up ends nothing: the cable of a serial line can be pulled.
func Signals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	got := make(chan os.Signal, 8)
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		defer signal.Stop(got)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-got:
				end(s, cancel)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

func end(s os.Signal, cancel context.CancelCauseFunc) {
	switch s {
	case syscall.SIGTERM:
		cancel(nil)
	case syscall.SIGINT:
		cancel(ErrInterrupted)
	}
}

package stage2_test

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2"
)

// TestSignals: whatever ends the installer from outside, it leaves a result. Only
// Ctrl-Alt-Del is a wish to restart; Ctrl-C leads to the menu of stage 1.
func TestSignals(t *testing.T) {
	for signal, want := range map[syscall.Signal]handoff.Action{syscall.SIGTERM: handoff.Reboot, syscall.SIGINT: handoff.Ask} {
		t.Run(signal.String(), func(t *testing.T) {
			b := newBench(t, goodKickstart, "")
			ctx, stop := stage2.Signals(t.Context())
			defer stop()
			for _, s := range []syscall.Signal{syscall.SIGHUP, signal} {
				if err := syscall.Kill(syscall.Getpid(), s); err != nil {
					t.Fatal(err)
				}
			}
			<-ctx.Done()
			if interrupted := errors.Is(context.Cause(ctx), stage2.ErrInterrupted); interrupted != (signal == syscall.SIGINT) {
				t.Errorf("the cause is %v", context.Cause(ctx))
			}
			if err := b.installer.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
			if r := b.result(t); r.Action != want || r.Error == "" {
				t.Errorf("the result is %+v", r)
			}
			if w := b.host.Writes(); len(w) > 0 {
				t.Errorf("written: %v", w)
			}
		})
	}
}

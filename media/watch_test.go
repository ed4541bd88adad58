package media

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// testWatch is a Watch whose events are written by the test, and whose tick
// never comes. asked counts how often drives were looked at.
type testWatch struct {
	*Watch
	kernel *os.File
	state  atomic.Int64
	asked  chan struct{}
}

func newTestWatch(t *testing.T) *testWatch {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &testWatch{
		Watch:  newWatch(os.NewFile(uintptr(fds[0]), "events")),
		kernel: os.NewFile(uintptr(fds[1]), "kernel"),
		asked:  make(chan struct{}, 100),
	}
	t.Cleanup(func() { w.Close(); w.kernel.Close() })
	w.tick, w.sys = time.Hour, t.TempDir()
	w.print = func(string) fingerprint {
		s := w.state.Load()
		w.asked <- struct{}{}
		return fingerprint{status: Status(s)}
	}
	return w
}

func (w *testWatch) tell(t *testing.T) {
	t.Helper()
	if _, err := w.kernel.WriteString("change@/devices/x\x00"); err != nil {
		t.Fatal(err)
	}
}

func TestAwaitChange(t *testing.T) {
	w := newTestWatch(t)
	done := make(chan error)
	go func() { done <- w.Await(t.Context(), []string{"/dev/sr0", "/dev/sr1"}) }()
	for range 4 { // both remembered, both compared
		<-w.asked
	}
	w.tell(t) // of something else
	<-w.asked
	<-w.asked
	w.state.Store(int64(StatusDiscOK))
	w.tell(t)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAwaitCancel(t *testing.T) {
	w := newTestWatch(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Await(ctx, []string{"/dev/sr0"}) }()
	<-w.asked
	<-w.asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := w.Await(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended before: got %v", err)
	}
}

// Files stand for drives here: what is in them changes between Look and Await.
func TestAwaitLosesNothing(t *testing.T) {
	w, err := NewWatch()
	if err != nil {
		t.Skip(err)
	}
	defer w.Close()
	w.tick = time.Hour
	path := filepath.Join(tree(t, map[string]string{"drive": "x"}), "drive")
	if _, err := w.Look(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Await(t.Context(), []string{path}); err != nil {
		t.Error(err)
	}
}

// A drive that announces nothing is noticed by the tick.
func TestAwaitTick(t *testing.T) {
	w := newTestWatch(t)
	w.tick = time.Millisecond
	done := make(chan error)
	go func() { done <- w.Await(t.Context(), []string{"/dev/sr0"}) }()
	<-w.asked
	<-w.asked
	w.state.Store(int64(StatusTrayOpen))
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAwaitPolls(t *testing.T) {
	w := newTestWatch(t)
	w.sys = tree(t, map[string]string{"block/sr0/events_poll_msecs": "-1\n"})
	setting := filepath.Join(w.sys, "block/sr0/events_poll_msecs")
	read := func() string {
		data, err := os.ReadFile(setting)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	restore := w.poll([]string{"/dev/sr0", "/dev/sr1"})
	if got := read(); got != pollMillis {
		t.Errorf("while waiting: %q", got)
	}
	restore()
	if got := read(); got != "-1\n" {
		t.Errorf("afterwards: %q", got)
	}
}

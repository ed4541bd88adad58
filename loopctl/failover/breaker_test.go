package failover

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestReturn: the first serves again as soon as a probe finds it well where it failed.
func TestReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, told := open(t, Options{Deadline: time.Second, Failures: 1, Probe: 3 * time.Second}, a, b)
		a.set(func() {
			a.broken = func(off int64) error {
				if off == 70000 {
					return syscall.EIO
				}
				return nil
			}
		})
		read(t, r, 100, 70000)
		time.Sleep(10 * time.Second) // probes at 3, 6 and 9 s
		if h := r.Health()[0]; h.State != Open || h.Failures != 4 {
			t.Errorf("health %+v, want three failed probes", h)
		}
		a.set(func() {
			if want := []int64{70000, 70000, 70000, 70000}; !slices.Equal(a.offs, want) {
				t.Errorf("probed at %v, want %v", a.offs, want)
			}
			a.broken = nil
		})
		read(t, r, 100, 0) // by b
		time.Sleep(3 * time.Second)
		before := a.asked()
		read(t, r, 100, 0)
		if a.asked() != before+1 {
			t.Error("a is well and was not asked")
		}
		synctest.Wait()
		if got := told.words(); !slices.Equal(got, []string{"-a", "+a"}) {
			t.Errorf("told %v", got)
		}
		if up := told.events[1]; up.Err == nil || up.Reason != "" {
			t.Errorf("it is back, and was down for %v; now %q", up.Err, up.Reason)
		}
	})
}

// TestLateAnswerWakesProbe: a server that goes on is not left waiting for the next probe.
func TestLateAnswerWakesProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, _ := open(t, Options{Deadline: time.Second, Failures: 1, Probe: time.Hour}, a, b)
		a.set(func() { a.hang = make(chan struct{}) })
		read(t, r, 100, 0)
		a.set(a.release)
		synctest.Wait()
		if h := r.Health()[0]; h.State != Closed {
			t.Errorf("health %+v, want it well again", h)
		}
	})
}

// TestRelapse: one that fails again and again is probed less and less often.
func TestRelapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, told := open(t, Options{Deadline: time.Second, Failures: 1, Probe: time.Second}, a, b)
		for range 8 {
			a.set(func() { a.err = syscall.EIO })
			read(t, r, 100, 0)
			a.set(func() { a.err = nil })
			for r.Health()[0].State != Closed {
				time.Sleep(time.Second)
			}
		}
		synctest.Wait()
		var held []time.Duration
		for i := 0; i+1 < len(told.events); i += 2 {
			held = append(held, told.events[i+1].Time.Sub(told.events[i].Time)/time.Second)
		}
		if want := []time.Duration{1, 2, 4, 8, 16, 32, 32, 32}; !slices.Equal(held, want) {
			t.Errorf("down for %d s, want %d", held, want)
		}
	})
}

// TestHangIsBounded: a source that hangs holds no more than Parallel goroutines, and is
// not asked again until one of them has come back.
func TestHangIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, _ := open(t, Options{Deadline: time.Second, Probe: time.Second, Parallel: 5}, a, b)
		a.set(func() { a.hang = make(chan struct{}) })
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if took := read(t, r, 4096, int64(i)*4096); took > 20*time.Second {
					t.Errorf("read took %v", took) // b lets five at a time through, at once
				}
			})
		}
		all.Wait()
		time.Sleep(time.Minute + 500*time.Millisecond)
		most := 0
		a.set(func() { most = a.most })
		if h := r.Health()[0]; most != 5 || h.Hung != 5 || h.InFlight != 5 || !strings.Contains(h.Reason, "too many requests hang in it: 5") {
			t.Errorf("%d at a time, health %+v; want five", most, h)
		}
		a.set(a.release)
		time.Sleep(2 * time.Second)
		if h := r.Health()[0]; h.State != Closed || h.InFlight != 0 {
			t.Errorf("health %+v, want it well", h)
		}
	})
}

// TestLeave: when a source goes down, those who wait in it go on, unless there is nowhere.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, _ := open(t, Options{Deadline: 10 * time.Second, Probe: time.Hour}, a, b)
		a.set(func() { a.hang = make(chan struct{}) })
		var all sync.WaitGroup
		for _, tt := range []struct{ at, took time.Duration }{{0, 10}, {4, 6}, {9, 1}, {11, 0}} {
			all.Go(func() {
				time.Sleep(tt.at * time.Second)
				if took := read(t, r, 100, 0); took != tt.took*time.Second {
					t.Errorf("the read begun at %d s took %v, want %d s", tt.at, took, tt.took)
				}
			})
		}
		all.Wait()
		if h := r.Health()[0]; h.Failures != 1 || h.Hung != 3 {
			t.Errorf("health %+v, want one failure and three that hang", h)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// It goes on to b, b hangs too, and a comes back with time left.
		a, b := newFake("a"), newFake("b")
		r, _ := open(t, Options{Deadline: 10 * time.Second, Failures: 1, Probe: time.Hour}, a, b)
		a.set(func() { a.hang = make(chan struct{}) })
		b.set(func() { b.hang = make(chan struct{}) })
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.ReadAt(t.Context(), make([]byte, 100), 0); !errors.Is(err, ErrTimeout) {
				t.Errorf("first: %v", err)
			}
		})
		all.Go(func() {
			time.Sleep(4 * time.Second) // leaves a at 10 s, gives b up at 20 s
			if took := read(t, r, 100, 0); took != 17*time.Second {
				t.Errorf("second took %v, want 17 s", took)
			}
		})
		time.Sleep(21 * time.Second)
		a.set(a.release)
		all.Wait()
	})
	synctest.Test(t, func(t *testing.T) {
		a := newFake("a")
		r, _ := open(t, Options{Deadline: 10 * time.Second, Probe: time.Hour}, a)
		hang := make(chan struct{})
		a.set(func() { a.hang = hang })
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.ReadAt(t.Context(), make([]byte, 100), 0); !errors.Is(err, ErrTimeout) {
				t.Errorf("first: %v", err)
			}
		})
		all.Go(func() {
			time.Sleep(5 * time.Second)
			if took := read(t, r, 100, 0); took != 7*time.Second {
				t.Errorf("second took %v, want 7 s", took)
			}
		})
		time.Sleep(12 * time.Second)
		a.set(a.release)
		all.Wait()
	})
}

// TestWrongSizeLater: one that was down at the start and has another size stays down.
func TestWrongSizeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		a.err = syscall.ECONNREFUSED
		r, told := open(t, Options{Probe: time.Second}, a, b)
		a.set(func() { a.err = nil; a.size-- })
		time.Sleep(5500 * time.Millisecond)
		if h := r.Health()[0]; h.State != Open || h.Reason != "content has changed: it has 1048575 bytes, not 1048576" {
			t.Errorf("health %+v", h)
		}
		a.set(func() { a.size++ })
		time.Sleep(2 * time.Second)
		if got := told.words(); !slices.Equal(got, []string{"-a", "+a"}) {
			t.Errorf("told %v", got)
		}
	})
}

package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// read reads n bytes at off, checks them, and says how long it took.
func read(t *testing.T, r *Reader, n int, off int64) time.Duration {
	t.Helper()
	p := make([]byte, n)
	start := time.Now()
	if got, err := r.ReadAt(t.Context(), p, off); err != nil || got != n {
		t.Errorf("read %d bytes at %d: %d, %v", n, off, got, err)
	} else if !right(p, off) {
		t.Errorf("read %d bytes at %d: wrong bytes", n, off)
	}
	return time.Since(start)
}

func TestReadAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := open(t, Options{}, newFake("a"))
		size := r.Size()
		for _, tt := range []struct {
			off  int64
			n    int
			want int
			err  error
		}{
			{0, 10, 10, nil},
			{size - 10, 10, 10, nil},
			{size - 10, 20, 10, io.EOF},
			{size, 1, 0, io.EOF},
			{size + 5, 1, 0, io.EOF},
			{5, 0, 0, nil},
		} {
			p := make([]byte, tt.n)
			n, err := r.ReadAt(t.Context(), p, tt.off)
			if n != tt.want || err != tt.err || !right(p[:n], tt.off) {
				t.Errorf("ReadAt(%d bytes, %d) = %d, %v; want %d, %v", tt.n, tt.off, n, err, tt.want, tt.err)
			}
		}
		if _, err := r.ReadAt(t.Context(), make([]byte, 1), -1); err == nil {
			t.Error("a negative offset was read")
		}
	})
}

// TestFailures: whatever the first does wrong, the second answers, and the first is
// down after as many times as it takes, with that as its reason.
func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(*fake)
		reason string
		least  time.Duration // of a read
		trips  int           // reads that it takes
	}{
		{"EIO", func(f *fake) { f.err = syscall.EIO }, "input/output error", 0, 3},
		{"short in the middle", func(f *fake) { f.short = 1 }, "answer too short: 99 of 100 bytes at 5000", 0, 3},
		{"shorter later", func(f *fake) { f.size = 5050 }, "answer too short: 50 of 100 bytes at 5000", 0, 3},
		{"hung", func(f *fake) { f.hang = make(chan struct{}) }, "no answer in time (1s)", time.Second, 1},
		{"slow", func(f *fake) { f.delay = 2 * time.Second }, "no answer in time (1s)", time.Second, 1},
		{"changed", func(f *fake) { f.err = fmt.Errorf("%w: other ETag", ErrChanged) }, "content has changed: other ETag", 0, 1},
		{"wrong bytes", func(f *fake) { f.bad = true }, "bad digest", 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newFake("a"), newFake("b")
				check := func(p []byte, off int64) error {
					if !right(p, off) {
						return errors.New("bad digest")
					}
					return nil
				}
				r, told := open(t, Options{Deadline: time.Second, Probe: time.Hour, Check: check}, a, b)
				a.set(func() { tt.spoil(a) })
				for range tt.trips {
					if took := read(t, r, 100, 5000); took != tt.least {
						t.Errorf("read took %v, want %v", took, tt.least)
					}
				}
				if took := read(t, r, 100, 5000); took != 0 {
					t.Errorf("read took %v after the source was down", took)
				}
				synctest.Wait()
				h := r.Health()[0]
				if h.State != Open || h.Reason != tt.reason || h.Failures != uint64(tt.trips) || h.Trips != 1 {
					t.Errorf("health %+v, want the reason %q", h, tt.reason)
				}
				if got := told.words(); !slices.Equal(got, []string{"-a"}) {
					t.Errorf("told %v", got)
				}
				if told.events[0].Reason != tt.reason || told.events[0].Err == nil {
					t.Errorf("told %+v", told.events[0])
				}
			})
		})
	}
}

// TestLateAnswer: an answer that comes after the deadline writes nothing anywhere.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, _ := open(t, Options{Deadline: time.Second, Probe: time.Hour}, a, b)
		a.set(func() { a.hang, a.bad = make(chan struct{}), true })
		p := make([]byte, 4096)
		if _, err := r.ReadAt(t.Context(), p, 0); err != nil || !right(p, 0) {
			t.Fatalf("wrong answer: %v", err)
		}
		// Others use buffers again while the late answer is written.
		var all sync.WaitGroup
		a.set(a.release)
		for i := range 50 {
			all.Go(func() {
				q := make([]byte, 4096)
				if _, err := r.ReadAt(t.Context(), q, int64(i)*4096); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if !right(p, 0) {
			t.Error("the late answer was written into the reply")
		}
		if h := r.Health()[0]; h.Late != 1 || h.Hung != 0 {
			t.Errorf("health %+v, want one late answer and nothing hung", h)
		}
	})
}

func TestAllFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFake("a"), newFake("b"), newFake("c")
		r, told := open(t, Options{Deadline: time.Second, Failures: 1, Probe: time.Hour}, a, b, c)
		a.set(func() { a.hang = make(chan struct{}) })
		b.set(func() { b.err = syscall.ESTALE })
		c.set(func() { c.hang = make(chan struct{}) })
		start := time.Now()
		n, err := r.ReadAt(t.Context(), make([]byte, 512), 1024)
		const want = "read 512 bytes at 1024: no source answers: a: no answer in time (1s); b: stale file handle; c: no answer in time (1s)"
		if n != 0 || err == nil || err.Error() != want {
			t.Errorf("%d, %v; want\n%s", n, err, want)
		}
		if !errors.Is(err, ErrTimeout) || !errors.Is(err, syscall.ESTALE) {
			t.Errorf("%v is not what its causes are", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v, want the sum of the deadlines", took)
		}
		synctest.Wait()
		if got := told.words(); !slices.Equal(got, []string{"-a", "-b", "-c"}) {
			t.Errorf("told %v", got)
		}

		// The last resort: they are asked again although they are down.
		b.set(func() { b.err = nil })
		read(t, r, 100, 0)
		if r.Health()[1].State != Closed {
			t.Error("b has answered and is still down")
		}
	})
}

func TestLongestRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		a.delay, b.delay = 10*time.Millisecond, 10*time.Millisecond
		r, _ := open(t, Options{Deadline: time.Second}, a, b)
		var all sync.WaitGroup
		var mu sync.Mutex
		var longest time.Duration
		stop := time.Now().Add(time.Minute)
		for i := range 8 {
			all.Go(func() {
				for off := int64(i) * 4096; time.Now().Before(stop); off = (off + 8*4096) % r.Size() {
					took := read(t, r, 4096, off)
					mu.Lock()
					longest = max(longest, took)
					mu.Unlock()
				}
			})
		}
		time.Sleep(5500 * time.Millisecond)
		a.set(func() { a.hang = make(chan struct{}) })
		time.Sleep(20 * time.Second)
		a.set(a.release)
		all.Wait()
		if longest > time.Second+20*time.Millisecond {
			t.Errorf("the longest read took %v", longest)
		}
		if h := r.Health(); h[0].State != Closed || h[1].Requests == 0 || h[0].Requests < h[1].Requests/2 {
			t.Errorf("health %+v", h)
		}
	})
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(a, b *fake)
		want  string // error; empty: none
	}{
		{"all well", func(a, b *fake) {}, ""},
		{"first down", func(a, b *fake) { a.err = syscall.ECONNREFUSED }, ""},
		{"second hangs", func(a, b *fake) { b.err = ErrTimeout }, ""},
		{"sizes differ by a byte", func(a, b *fake) { b.size++ }, "sources differ in size: a has 1048576 bytes, b has 1048577; give only sources with the same content"},
		{"all down", func(a, b *fake) { a.err, b.err = syscall.ECONNREFUSED, syscall.ENOENT },
			"size: no source answers: a: connection refused; b: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newFake("a"), newFake("b")
				tt.spoil(a, b)
				r, err := New(t.Context(), []Source{a, b}, Options{})
				if got := fmt.Sprint(err); err != nil && got != tt.want || err == nil && tt.want != "" {
					t.Fatalf("New: %v, want %q", err, tt.want)
				}
				if err != nil {
					return
				}
				read(t, r, 100, 0)
				if err := r.Close(); err != nil || !a.closed || !b.closed {
					t.Errorf("Close: %v", err)
				}
			})
		})
	}
	if _, err := New(t.Context(), nil, Options{}); err == nil {
		t.Error("New took an empty list")
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, _ := open(t, Options{Deadline: time.Hour}, a, b)
		a.set(func() { a.hang = make(chan struct{}) })
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("nobody wants it")
		time.AfterFunc(time.Second, func() { cancel(why) })
		start := time.Now()
		if _, err := r.ReadAt(ctx, make([]byte, 1), 0); err != why {
			t.Errorf("ReadAt: %v, want %v", err, why)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if h := r.Health()[0]; h.Failures != 0 {
			t.Errorf("health %+v: it was held against the source", h)
		}
	})
}

// TestClose: readers are sent away, and Close doesn't wait for what hangs for good.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake("a"), newFake("b")
		r, err := New(t.Context(), []Source{a, b}, Options{Deadline: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		hang := make(chan struct{})
		a.set(func() { a.hang = hang })
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := r.ReadAt(context.Background(), make([]byte, 10), 0); err != ErrClosed {
					t.Errorf("ReadAt: %v, want %v", err, ErrClosed)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		err = r.Close()
		if took := time.Since(start); took < time.Minute || took > time.Minute+closeGrace {
			t.Errorf("Close took %v", took)
		}
		if err == nil || err.Error() != "close a: 3 requests still hang in it" {
			t.Errorf("Close: %v", err)
		}
		all.Wait()
		if err := r.Close(); err != ErrClosed {
			t.Errorf("second Close: %v", err)
		}
		if _, err := r.ReadAt(t.Context(), make([]byte, 1), 0); err != ErrClosed {
			t.Errorf("ReadAt after Close: %v", err)
		}
		if !b.closed {
			t.Error("b is not closed")
		}
		close(hang) // the bubble proves that nothing else is left
	})
}

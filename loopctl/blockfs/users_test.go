package blockfs

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"testing"

	"github.com/molt-installer/molt/loopctl"
)

// opened is how many have the file open.
func (s *Server) opened() int {
	u := s.tree.users
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.open
}

// TestUnused: a loop device that is switched to another file has let go of the served
// one, but whoever keeps that for the way back has not.
func TestUnused(t *testing.T) {
	content := pattern(1 << 20)
	s := mounted(t, Config{Reader: &memory{content: content}, Watched: true})
	back, err := os.Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	dev := attached(t, s.Path(), loopctl.Config{})
	local, err := os.Open(write(t, "copy", content))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()

	gone := make(chan error, 1)
	ctx, cancel := soon()
	defer cancel()
	go func() { gone <- s.Unused(ctx) }()
	for _, f := range []*os.File{local, back} { // there, and back after something was wrong
		if err := dev.ChangeFD(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := back.Close(); err != nil {
		t.Fatal(err)
	}
	if got := digest(t, dev, content); !got || s.opened() == 0 {
		t.Errorf("the device has it again (right is %v), and %d have it open", got, s.opened())
	}
	select {
	case err := <-gone:
		t.Fatalf("unused in the hands of a loop device: %v", err)
	default:
	}
	if err := dev.ChangeFD(local); err != nil {
		t.Fatal(err)
	}
	if err := <-gone; err != nil || s.opened() != 0 {
		t.Errorf("%v, and %d have it open", err, s.opened())
	}
	if !digest(t, dev, content) {
		t.Error("the device has other bytes")
	}
}

// digest reports whether the device has this content.
func digest(t *testing.T, dev *loopctl.Device, content []byte) bool {
	t.Helper()
	ctx, cancel := soon()
	defer cancel()
	got, err := dev.Digest(ctx, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return got == hexOf(sha256.Sum256(content))
}

func TestUnusedUnwatched(t *testing.T) {
	s := mounted(t, Config{Reader: &memory{content: pattern(4096)}})
	if err := s.Unused(t.Context()); err == nil {
		t.Error("nobody watches, and it knows")
	}
	w := mounted(t, Config{Reader: &memory{content: pattern(4096)}, Watched: true})
	f, err := os.Open(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("no longer of interest")
	cancel(why)
	if err := w.Unused(ctx); err != why {
		t.Errorf("%v", err)
	}
}

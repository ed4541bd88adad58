package loopctl

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asRoot skips a test that needs real loop devices where there are none to be had.
func asRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for loop devices")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("needs loop devices:", err)
	}
}

// within is a context for whatever should take no time.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// attach attaches f and detaches it after the test, whatever becomes of it.
func attach(t testing.TB, f *os.File, c Config) *Device {
	t.Helper()
	asRoot(t)
	d, err := Attach(within(t), f, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { release(t, d) })
	return d
}

// release detaches d unless the test has done so.
func release(t testing.TB, d *Device) {
	t.Helper()
	if _, err := unix.FcntlInt(d.f.Fd(), unix.F_GETFD, 0); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.Detach(ctx); err != nil && !errors.Is(err, ErrNotBound) {
		t.Errorf("leaked: %v", err)
	}
}

// pattern is content that says at every place where it is, and which seed it is of.
func pattern(size int, seed byte) []byte {
	b := make([]byte, size)
	for i := 0; i < size; i += 8 {
		n := uint64(i)*0x9e3779b97f4a7c15 + uint64(seed)
		for j := range min(8, size-i) {
			b[i+j] = byte(n >> (8 * j))
		}
	}
	return b
}

// file makes a file with that content and opens it for reading and writing.
func file(t testing.TB, name string, content []byte) *os.File {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(p, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Package vmtest starts guests in tests: guests that end with the test, a
// kernel and an initramfs to boot them with, and whole scenarios (install a
// set of discs, boot the result, look at its disk).
//
// It asserts nothing about an installation beyond what every one must do (the
// events are well-formed, the run ends); the tests beside the examples do.
//
// Guests cost seconds and need QEMU and other programs. A test that finds one
// missing is skipped with a message, or fails if MOLT_REQUIRE_GUESTS is set.
package vmtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
)

// RequireEnv names the variable that makes a missing kernel, disc set or
// program a failure instead of a skip.
const RequireEnv = "MOLT_REQUIRE_GUESTS"

// Missing skips or fails the test, as RequireEnv says.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(RequireEnv) != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// onePerCPU skips in short mode. Otherwise it makes the tests of all packages
// (go test runs them in parallel) take turns: a guest keeps a processor busy, and with
// more of them than processors all would be slow, and miss their deadlines. The locks
// are the process's (fcntl(2)), one byte of the file each, so a test can have
// several guests.
func onePerCPU(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("guests are left out in short mode")
	}
	file := must(os.OpenFile(filepath.Join(os.TempDir(), "molt-guests.lock"), os.O_RDWR|os.O_CREATE, 0o666))(t)
	t.Cleanup(func() { file.Close() })
	lock := func(wait int, place int) error {
		return syscall.FcntlFlock(file.Fd(), wait, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: int64(place), Len: 1})
	}
	places := runtime.NumCPU()
	for i := range places {
		if lock(syscall.F_SETLK, (os.Getpid()+i)%places) == nil { // the process's own place first
			return
		}
	}
	if err := lock(syscall.F_SETLKW, os.Getpid()%places); err != nil {
		t.Fatalf("wait for the guests of other tests to end: %v", err)
	}
}

// Turn waits until there is a processor for a guest, and only then begins to count:
// the context ends after limit.
func Turn(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	onePerCPU(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errors.New("the test's time is over"))
	t.Cleanup(cancel)
	return ctx
}

// Need tells which programs a test can't do without.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Missing(t, "%s is not installed: run make deps", p)
		}
	}
}

// NeedRoot skips a test that mounts.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "needs root, for loop devices and mounts")
	}
}

// Start starts a guest that ends with the test. A Config without Dir gets one;
// it is kept in the directory named by MOLT_GUEST_LOGS, if that is set.
func Start(t testing.TB, cfg vm.Config) *vm.Guest {
	t.Helper()
	onePerCPU(t)
	Need(t, "qemu-system-x86_64")
	if cfg.Dir == "" {
		cfg.Dir = Dir(t, "guest")
	}
	g, err := vm.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Dir is a directory for a guest of the test.
func Dir(t testing.TB, name string) string {
	t.Helper()
	base := t.TempDir()
	if keep := os.Getenv("MOLT_GUEST_LOGS"); keep != "" {
		base = filepath.Join(keep, filepath.FromSlash(t.Name()))
	}
	dir := filepath.Join(base, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Root is the top of the repository: the nearest directory above with a go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("not inside the repository: no go.mod above")
		}
		dir = up
	}
}

// Build compiles a program of this module without cgo, for a guest.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", bin, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// must is for calls in helpers whose failure ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// run runs a program to its end.
func run(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	return cmd.Run()
}

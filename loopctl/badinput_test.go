package loopctl

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBadFile hands files to a switch, by name, that are none to serve from: by either way a
// clear error, the device as it was, nothing left behind.
func TestBadFile(t *testing.T) {
	content := pattern(imgSize, 1)
	other := bytes.Clone(content)
	other[imgSize-1]++
	with := func(content []byte) func(*testing.T, *Device) string {
		return func(t *testing.T, _ *Device) string { return file(t, "to", content).Name() }
	}
	at := func(name string) func(*testing.T, *Device) string {
		return func(*testing.T, *Device) string { return name }
	}
	for _, tc := range []struct {
		name string
		file func(t *testing.T, d *Device) string
		want error
	}{
		{"wrong content", with(other), ErrContentMismatch},
		{"zeros", with(make([]byte, imgSize)), ErrContentMismatch},
		{"100 bytes more", with(append(bytes.Clone(content), make([]byte, 100)...)), ErrSizeMismatch},
		{"100 bytes less", with(content[:imgSize-100]), ErrSizeMismatch},
		{"a sector more", with(append(bytes.Clone(content), make([]byte, 512)...)), ErrSizeMismatch},
		{"twice the size", with(append(bytes.Clone(content), content...)), ErrSizeMismatch},
		{"empty", with(nil), ErrSizeMismatch},
		{"directory", at("/"), ErrBadBacking},
		{"pipe", namedPipe, ErrBadBacking},
		{"proc", at("/proc/version"), ErrBadBacking},
		{"sysfs", at("/sys/kernel/uevent_seqnum"), ErrBadBacking},
		{"character device", at("/dev/zero"), ErrBadBacking},
		{"unbound loop device", func(t *testing.T, _ *Device) string { return unbound(t) }, ErrBadBacking},
		{"the device itself", func(_ *testing.T, d *Device) string { return d.Path() }, ErrRecursion},
		{"a loop on top of itself", func(t *testing.T, d *Device) string { return onTop(t, d).Name() }, ErrRecursion},
		{"two loops on top of itself", func(t *testing.T, d *Device) string {
			return attach(t, onTop(t, d), Config{ReadOnly: true}).Path()
		}, ErrRecursion},
		{"its own file", func(t *testing.T, d *Device) string { return infoOf(t, d).BackingFile }, ErrSameFile},
		{"a hard link to its file", linked, ErrSameFile},
		{"nothing there", at("/does/not/exist"), fs.ErrNotExist},
		{"a link to itself", selfLink, unix.ELOOP},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, w way) {
				d := w.attached(t, file(t, "from", content), Config{ReadOnly: true})
				name := tc.file(t, d)
				before := infoOf(t, d)
				ends := noLeaks(t)
				if err := byName(t, w, d, name); !refusedFor(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				} else if !strings.Contains(err.Error(), name) {
					t.Errorf("%q doesn't name %s", err, name)
				}
				unchanged(t, d, before)
				serves(t, d, content)
				ends()
			})
		})
	}
}

// byName switches to a file that is opened as the command does: without waiting for
// the other end of a pipe.
func byName(t *testing.T, w way, d *Device, name string) error {
	if w.name == "command" {
		out := command(t, "switch", "--quiet", d.Path(), name)
		if out.code == 0 {
			return nil
		}
		return refusal(out)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return w.switchTo(d, f)
}

func namedPipe(t *testing.T, _ *Device) string {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func linked(t *testing.T, d *Device) string {
	name := filepath.Join(t.TempDir(), "link")
	if err := os.Link(infoOf(t, d).BackingFile, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func selfLink(t *testing.T, _ *Device) string {
	name := filepath.Join(t.TempDir(), "self")
	if err := os.Symlink(name, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestBadDevice names devices that are none to work on, to all that takes one.
func TestBadDevice(t *testing.T) {
	to := file(t, "to", pattern(4096, 1)).Name()
	for _, tc := range []struct {
		name string
		path func(t *testing.T) string
		want error
	}{
		{"character device", func(*testing.T) string { return "/dev/null" }, ErrNotLoop},
		{"regular file", func(t *testing.T) string { return to }, ErrNotLoop},
		{"directory", func(t *testing.T) string { return t.TempDir() }, ErrNotLoop},
		{"pipe", func(t *testing.T) string { return namedPipe(t, nil) }, ErrNotLoop},
		{"the control device", func(*testing.T) string { return "/dev/loop-control" }, ErrNotLoop},
		{"another block device", otherBlock, ErrNotLoop},
		{"nothing there", func(*testing.T) string { return "/dev/loop-nothing" }, ErrNotLoop},
		{"not bound", unbound, ErrNotBound},
		{"not bound, by number", func(t *testing.T) string { return strings.TrimPrefix(unbound(t), "/dev/loop") }, ErrNotBound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := tc.path(t)
			ends := noLeaks(t)
			for name, ask := range map[string]func() error{
				"Open": func() error { _, err := Open(path); return err },
				"Stat": func() error { _, err := Stat(path); return err },
			} {
				if err := ask(); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: %v", name, err)
				}
			}
			for _, args := range [][]string{{"info", path}, {"switch", path, to}, {"to-memory", path}, {"detach", path}} {
				if out := command(t, args...); !refusedFor(refusal(out), tc.want) || !strings.Contains(out.stderr, path) {
					t.Errorf("%v: %+v", args, out)
				}
			}
			ends()
		})
	}
}

// otherBlock is a block device that isn't a loop device, under a name as if it were.
func otherBlock(t *testing.T) string {
	entries, _ := os.ReadDir("/sys/block")
	for _, e := range entries {
		dev, err := os.ReadFile("/sys/block/" + e.Name() + "/dev")
		if n, perr := parseDev(strings.TrimSpace(string(dev))); err == nil && perr == nil && !strings.HasPrefix(e.Name(), "loop") {
			name := filepath.Join(t.TempDir(), "loop0")
			if err := unix.Mknod(name, unix.S_IFBLK|0o600, int(n)); err != nil {
				t.Fatal(err)
			}
			return name
		}
	}
	t.Skip("every block device here is a loop device")
	return ""
}

// TestNotReadOnly: a writable device, which the kernel doesn't switch.
func TestNotReadOnly(t *testing.T) {
	both(t, func(t *testing.T, w way) {
		content := pattern(imgSize, 1)
		d := w.attached(t, file(t, "from", content), Config{})
		before := infoOf(t, d)
		if err := w.switchTo(d, file(t, "to", content)); !refusedFor(err, ErrNotReadOnly) {
			t.Errorf("got %v", err)
		}
		unchanged(t, d, before)
		serves(t, d, content)
	})
}

const nobody = 65534

// withoutRights runs do without root's rights: in a thread of another fsuid, which has no
// CAP_DAC_OVERRIDE any more, capabilities(7).
func withoutRights(t *testing.T, do func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := errors.Join(unix.Setfsgid(nobody), unix.Setfsuid(nobody)); err != nil {
		t.Fatal(err)
	}
	defer func() { unix.Setfsuid(0); unix.Setfsgid(0) }()
	do()
}

// TestNoPermission: somebody who may neither use the device nor read the file.
func TestNoPermission(t *testing.T) {
	content := pattern(imgSize, 1)
	d := attach(t, file(t, "from", content), Config{ReadOnly: true})
	to, secret := file(t, "to", content), file(t, "secret", content)
	if err := os.Chmod(d.Path(), 0o660); err != nil {
		t.Fatal(err)
	}
	before := infoOf(t, d)
	ends := noLeaks(t)
	withoutRights(t, func() {
		if _, err := Open(d.Path()); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), d.Path()) {
			t.Errorf("Open: %v", err)
		}
		if dev, err := Attach(within(t), to, Config{ReadOnly: true}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Attach: %v, %v", dev, err)
		}
	})
	if err := os.Chmod(to.Name(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"switch", d.Path(), to.Name()}, {"switch", d.Path(), secret.Name()}, {"to-memory", d.Path()},
		{"info", d.Path()}, {"detach", d.Path()}, {"attach", "-r", to.Name()}, {"attach", "-r", secret.Name()},
	} {
		cmd := commandLine(within(t), t, args...)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		out := outcomeOf(t, cmd)
		if out.code <= 0 || !strings.Contains(out.stderr, "permission denied") || !strings.Contains(out.stderr, "/") {
			t.Errorf("%v: %+v", args, out)
		}
	}
	unchanged(t, d, before)
	serves(t, d, content)
	ends()
}

// TestTruncatedMeanwhile: the new file loses its end while it is compared.
func TestTruncatedMeanwhile(t *testing.T) {
	const size = 32 << 20
	content := pattern(size, 1)
	t.Run("package", func(t *testing.T) {
		to := file(t, "to", content)
		d := attach(t, file(t, "from", content), Config{ReadOnly: true})
		before := infoOf(t, d)
		ends := noLeaks(t)
		first := true
		_, err := d.Switch(within(t), to, &SwitchOptions{Progress: func(stage string, done, _ int64) {
			if stage == StageVerify && done > 0 && first {
				first = false
				to.Truncate(4096)
			}
		}})
		if !errors.Is(err, ErrSizeMismatch) || !strings.Contains(err.Error(), to.Name()) {
			t.Errorf("got %v", err)
		}
		unchanged(t, d, before)
		serves(t, d, content)
		ends()
	})
	t.Run("command", func(t *testing.T) {
		s := startInterrupted(t)
		ends := noLeaks(t)
		to := file(t, "to", s.content)
		defer to.Close()
		s.old.hold(opRead)
		s.start("switch", to.Name())
		s.old.await(t, opRead)
		if err := to.Truncate(4096); err != nil {
			t.Fatal(err)
		}
		s.old.release()
		s.gone()
		if !strings.Contains(s.stderr.String(), to.Name()) {
			t.Errorf("it says %s", s.stderr)
		}
		to.Close()
		s.check(ending{statusFor(ErrSizeMismatch), "old"})
		ends()
	})
}

// TestHungSource: the server of the new file hangs, when it is to write out or to read. Who
// waits can stop waiting; the device is as it was.
func TestHungSource(t *testing.T) {
	content := pattern(4<<20, 1)
	for _, op := range []string{opFsync, opRead} {
		t.Run(op, func(t *testing.T) {
			g := gated(t, "to", content)
			d := attach(t, file(t, "from", content), Config{ReadOnly: true})
			before := infoOf(t, d)
			ends := noLeaks(t)
			g.hold(op)
			f, err := os.Open(g.path)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err = d.Switch(ctx, f, nil)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), g.path) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			unchanged(t, d, before)
			serves(t, d, content)
			g.release()
			f.Close()
			ends()
			if _, err := d.Switch(within(t), g.open(t), nil); err != nil {
				t.Errorf("when it is well again: %v", err)
			}
			serves(t, d, content)
		})
	}
}

package blockfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

func TestServes(t *testing.T) {
	m := &memory{content: pattern(5<<20 + 123)}
	t.Setenv("PATH", "") // no fusermount
	s := mounted(t, Config{Reader: m, Name: "stage2.img"})
	if filepath.Base(s.Path()) != "stage2.img" {
		t.Errorf("served as %s", s.Path())
	}
	got, err := os.ReadFile(s.Path())
	if err != nil || !bytes.Equal(got, m.content) {
		t.Errorf("ReadFile: %d bytes, %v", len(got), err)
	}
	st, err := os.Stat(s.Path())
	if err != nil || st.Size() != m.Size() || st.Mode() != 0o444 {
		t.Errorf("Stat: %v, %v", st, err)
	}
	entries, err := os.ReadDir(filepath.Dir(s.Path()))
	if err != nil || len(entries) != 1 || entries[0].Name() != "stage2.img" {
		t.Errorf("ReadDir: %v, %v", entries, err)
	}
	if _, err := os.OpenFile(s.Path(), os.O_RDWR, 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("open for writing: %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.Path()), "other")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("another name: %v", err)
	}
	if err := unix.Statfs(s.Path(), &unix.Statfs_t{}); err != nil {
		t.Errorf("statfs: %v", err)
	}
}

// TestBigReads: what is asked for in one go arrives in one go, up to 1 MiB.
func TestBigReads(t *testing.T) {
	m := &memory{content: pattern(8 << 20)}
	s := mounted(t, Config{Reader: m})
	f, err := os.OpenFile(s.Path(), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := aligned(4 << 20)
	if n, err := f.ReadAt(p, 0); err != nil || !bytes.Equal(p, m.content[:n]) {
		t.Fatal(n, err)
	}
	if m.set(func() {}); m.longest != 1<<20 || m.reads != 4 {
		t.Errorf("4 MiB in %d reads of at most %d bytes", m.reads, m.longest)
	}
}

// TestKeepsPages: a file that is opened again is not read again.
func TestKeepsPages(t *testing.T) {
	m := &memory{content: pattern(1 << 20)}
	s := mounted(t, Config{Reader: m})
	for range 3 {
		if got, err := os.ReadFile(s.Path()); err != nil || !bytes.Equal(got, m.content) {
			t.Fatal(err)
		}
	}
	if m.set(func() {}); m.reads > 20 {
		t.Errorf("%d reads for 1 MiB", m.reads)
	}
}

// TestGivesUp: an error below is EIO above, told once with its reason, and not for ever.
func TestGivesUp(t *testing.T) {
	m := &memory{content: pattern(1 << 20), err: errors.New("both servers are gone")}
	var told atomic.Value
	s := mounted(t, Config{Reader: m, Failed: func(off int64, n int, err error) {
		told.Store(fmt.Sprintf("%d: %v", off, err))
	}})
	f, err := os.OpenFile(s.Path(), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(aligned(4096), 8192); !errors.Is(err, unix.EIO) {
		t.Errorf("read: %v, want %v", err, unix.EIO)
	}
	if told.Load() != "8192: both servers are gone" {
		t.Errorf("told %v", told.Load())
	}
	m.set(func() { m.err = nil })
	p := aligned(4096)
	if _, err := f.ReadAt(p, 8192); err != nil || !bytes.Equal(p, m.content[8192:8192+4096]) {
		t.Errorf("read after the failure: %v", err)
	}
}

func TestClose(t *testing.T) {
	asRoot(t)
	m := &memory{content: pattern(1 << 20)}
	s, err := Mount(t.Context(), t.TempDir(), Config{Reader: m})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Close()
	if want := fmt.Sprintf("pid %d", os.Getpid()); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), want) {
		t.Errorf("Close of an open file: %v, want %v by %s", err, ErrBusy, want)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, m.content) {
		t.Errorf("it is not served any more: %v", err)
	}
	d := attached(t, s.Path(), loopctl.Config{})
	f.Close()
	err = s.Close()
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), d.Path()) {
		t.Errorf("Close below a loop device: %v, want %v by %s", err, ErrBusy, d.Path())
	}
	ctx, cancel := soon()
	defer cancel()
	if err := d.Detach(ctx); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s.Wait()
	nothingLeft(t)
}

// TestUnmountedByOthers: Wait returns, and Close has nothing to complain about.
func TestUnmountedByOthers(t *testing.T) {
	s := mounted(t, Config{Reader: &memory{content: pattern(4096)}})
	if err := unix.Unmount(filepath.Dir(s.Path()), 0); err != nil {
		t.Fatal(err)
	}
	s.Wait()
}

// TestCopiedMount: another mount namespace has the mount too.
func TestCopiedMount(t *testing.T) {
	asRoot(t)
	s, err := Mount(t.Context(), t.TempDir(), Config{Reader: &memory{content: pattern(4096)}})
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("cat")
	other.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	in, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	err = s.Close()
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "another mount namespace") {
		t.Errorf("Close: %v", err)
	}
	if err := errors.Join(in.Close(), other.Wait(), s.Close()); err != nil {
		t.Error(err)
	}
	nothingLeft(t)
}

// TestAbort: a read that hangs ends, and so does the server.
func TestAbort(t *testing.T) {
	asRoot(t)
	stuck := &stuck{in: make(chan struct{}, 100)}
	s, err := Mount(t.Context(), t.TempDir(), Config{Reader: stuck})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ended := make(chan error)
	go func() {
		_, err := f.ReadAt(make([]byte, 1), 0)
		ended <- err
	}()
	<-stuck.in
	if err := s.Abort(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the read has succeeded")
	}
	nothingLeft(t)
}

// stuck is a Reader whose reads end with their contexts only.
type stuck struct{ in chan struct{} }

func (*stuck) Size() int64 { return 4096 }

func (s *stuck) ReadAt(ctx context.Context, _ []byte, _ int64) (int, error) {
	s.in <- struct{}{}
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestMountRefuses(t *testing.T) {
	asRoot(t)
	m := &memory{content: pattern(4096)}
	if _, err := Mount(t.Context(), filepath.Join(t.TempDir(), "none"), Config{Reader: m}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Mount(t.Context(), t.TempDir(), Config{Reader: m, Name: "a/b"}); err == nil {
		t.Error("a name with a slash was taken")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Mount(ended, t.TempDir(), Config{Reader: m}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	nothingLeft(t)
}

// TestNotInherited: a child that outlives the server must not keep the connection.
func TestNotInherited(t *testing.T) {
	mounted(t, Config{Reader: &memory{content: pattern(4096)}})
	out, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	if err != nil || strings.Contains(string(out), "/dev/fuse") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestServerStopped: all but reads go on without it, a switch to where no server is
// needed among them.
func TestServerStopped(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	content := pattern(1 << 20)
	server, path := child(t, "fuse", dir, write(t, "image", content))
	defer unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	d := attached(t, path, loopctl.Config{})
	local, err := os.Open(write(t, "local", content))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	if err := server.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer server.Signal(unix.SIGCONT)
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(allButRead(path), switchBlind(d, local, content)) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("something waits for a stopped server")
	}
}

func allButRead(path string) error {
	st, err := os.Stat(path)
	if err != nil || st.Size() != 1<<20 {
		return fmt.Errorf("stat: %v, %w", st, err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fstat(fd, &unix.Stat_t{}), unix.Fsync(fd), unix.Close(fd))
}

// TestServerKilled: a dead server gives errors, and the device can be moved away.
func TestServerKilled(t *testing.T) {
	asRoot(t)
	content := pattern(4 << 20)
	dir, local := t.TempDir(), write(t, "local", content)
	server, path := child(t, "fuse", dir, write(t, "image", content))
	defer unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
	d := attached(t, path, loopctl.Config{})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	server.Wait()

	dev, err := os.OpenFile(d.Path(), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if _, err := dev.ReadAt(aligned(4096), 0); !errors.Is(err, unix.EIO) {
		t.Errorf("read of the device: %v, want %v", err, unix.EIO)
	}
	if _, err := os.ReadFile(path); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("read of the file: %v, want %v", err, unix.ENOTCONN)
	}

	f, err := os.Open(local)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := switchBlind(d, f, content); err != nil {
		t.Fatalf("switch away from the dead server: %v", err)
	}
	p := aligned(4 << 20)
	if _, err := dev.ReadAt(p, 0); err != nil || !bytes.Equal(p, content) {
		t.Errorf("read after the switch: %v", err)
	}
}

// switchBlind switches without a look at the old file.
func switchBlind(d *loopctl.Device, f *os.File, content []byte) error {
	sum := sha256.Sum256(content)
	ctx, cancel := soon()
	defer cancel()
	_, err := d.Switch(ctx, f, &loopctl.SwitchOptions{Verify: loopctl.VerifyDigest, Digest: sum[:]})
	return err
}

package linuxhost

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/host"
)

func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := New().Mount(host.Mount{Source: "molt-test", Target: dir, FSType: "tmpfs", Options: options}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// loopDisk is a loop device over a new file of size bytes.
func loopDisk(t *testing.T, size int64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	write(t, file, nil, 0o600)
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "--find", "--show", file).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device: %s", out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		exec.Command("partx", "--delete", device).Run()
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("detach %s: %s", device, out)
		}
	})
	return device
}

func TestMountUnmount(t *testing.T) {
	needRoot(t)
	h := New()
	dir := mountTmpfs(t, "size=1m,nosuid,noatime")
	write(t, filepath.Join(dir, "file"), []byte("x"), 0o644)

	bound := filepath.Join(t.TempDir(), "bound")
	if err := h.Mount(host.Mount{Source: dir, Target: bound, FSType: "bind", ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bound, "new"), nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("writing to a read-only bind mount: %v", err)
	}
	if err := h.Unmount(bound); err != nil {
		t.Error(err)
	}

	one := filepath.Join(t.TempDir(), "one")
	if err := h.Mount(host.Mount{Source: filepath.Join(dir, "file"), Target: one, FSType: "bind"}); err != nil {
		t.Fatal(err)
	}
	if err := h.Unmount(one); err != nil {
		t.Error(err)
	}
	if err := h.Unmount(one); !errors.Is(err, unix.EINVAL) {
		t.Errorf("unmounting what isn't mounted: %v", err)
	}
}

func TestUnmountBusy(t *testing.T) {
	needRoot(t)
	dir := mountTmpfs(t, "size=1m")
	f, err := os.Create(filepath.Join(dir, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = New().Unmount(dir)
	var busy *host.BusyError
	if !errors.As(err, &busy) || busy.Path != dir || !strings.Contains(err.Error(), "linuxhost.test") {
		t.Errorf("got %v", err)
	}
}

package stage1

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/media"
)

// TestVolumesAreNotWritten: the kickstart is read from a volume whose system
// crashed or sleeps, and not one byte of it changes.
func TestVolumesAreNotWritten(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loop devices and mounts")
	}
	for fstype, mkfs := range map[string][]string{"ext4": {"mkfs.ext4", "-q", "-F"}, "xfs": {"mkfs.xfs", "-q"}} {
		t.Run(fstype, func(t *testing.T) {
			if _, err := exec.LookPath(mkfs[0]); err != nil {
				t.Skip("needs " + mkfs[0])
			}
			file := crashed(t, fstype, mkfs)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, _, _ := testSession(t)
			s.mounter = kernelMounter{}
			dev := bound(t, file)
			if _, err := s.readVolume(media.Volume{Path: dev, FSType: fstype}, "ks.cfg"); err != nil {
				t.Fatal(err)
			}
			unix.Sync()
			after, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, after) {
				t.Error("the volume was written to")
			}
		})
	}
}

// crashed is a file system with a ks.cfg and a journal that was not replayed: a
// copy made while it was mounted.
func crashed(t *testing.T, fstype string, mkfs []string) string {
	t.Helper()
	dir := t.TempDir()
	live, dead, at := filepath.Join(dir, "live"), filepath.Join(dir, "dead"), filepath.Join(dir, "at")
	if err := os.WriteFile(live, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	size := map[string]int64{"ext4": 32 << 20, "xfs": 300 << 20}[fstype]
	if err := os.Truncate(live, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], live)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dev := bound(t, live)
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(at, 0)
	for _, name := range []string{"ks.cfg", "more"} { // the second is in the journal alone
		_ = unix.Unmount(at, 0)
		if err := unix.Mount(dev, at, fstype, 0, ""); err != nil {
			t.Skipf("needs %s: %v", fstype, err)
		}
		writeThrough(t, filepath.Join(at, name))
	}
	data, err := os.ReadFile(live)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dead, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dead
}

func writeThrough(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// bound is a writable loop device over file, for the length of the test.
func bound(t *testing.T, file string) string {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := loopctl.Attach(t.Context(), f, loopctl.Config{})
	if err != nil {
		t.Skipf("needs a loop device: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Detach(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d.Path()
}

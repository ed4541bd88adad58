package loopctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHoldersBtrfs: every subvolume of a btrfs has another st_dev, and none of them
// is the device number that mountinfo and maps have.
func TestHoldersBtrfs(t *testing.T) {
	disk := file(t, "disk", nil)
	if err := disk.Truncate(256 << 20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.btrfs", "-q", disk.Name()).CombinedOutput(); err != nil {
		t.Skipf("needs mkfs.btrfs: %v %s", err, out)
	}
	d, point := attach(t, disk, Config{}), t.TempDir()
	mountOn(t, d.Path(), point, "btrfs", 0, "")
	sub := filepath.Join(point, "sub")
	if out, err := exec.Command("btrfs", "subvolume", "create", sub).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	name := filepath.Join(sub, "img")
	if err := os.WriteFile(name, pattern(1<<20, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	f := opened(t, name, 0)
	inner := attach(t, f, Config{ReadOnly: true})
	mapped, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	for _, path := range []string{d.Path(), point, sub} {
		got, err := Holders(within(t), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []Holder{
			{How: HoldsFile, PID: os.Getpid(), Path: name},
			{How: HoldsMap, PID: os.Getpid(), Path: name},
			{How: HoldsLoop, Device: inner.Path(), Path: name},
		} {
			if !slices.ContainsFunc(got, func(h Holder) bool { return matches(h, want) }) {
				t.Errorf("of %s: %+v is missing from\n%v", path, want, got)
			}
		}
	}
}

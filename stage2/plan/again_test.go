package plan

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
)

// TestDiscStillMounted: the try before could not unmount the disc.
func TestDiscStillMounted(t *testing.T) {
	w := newWorld()
	set := media.Set{ID: "s", Arch: "amd64"}
	w.AddDrive("/dev/sr0", hosttest.Disc(set, 2))
	w.AddMount(host.Mount{Source: "/dev/sr0", Target: DiscMount, FSType: "iso9660"})
	if err := (fetchNext{disc: 2, set: set}).Run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	if m := w.Mounted(); len(m) > 0 {
		t.Errorf("left mounted: %v", m)
	}
}

// TestDiscThatCantBeMounted: when the tray doesn't open either, the installer
// waits for somebody's hand and doesn't ask ten times a second.
func TestDiscThatCantBeMounted(t *testing.T) {
	w := newWorld()
	set := media.Set{ID: "s", Product: "Debian", Version: "13", Arch: "amd64"}
	w.AddDrive("/dev/sr0", hosttest.Disc(set, 2))
	for n := range 5 {
		w.FailOn("mount", n+1, syscall.EIO)
		w.FailOn("eject", n+1, syscall.EIO)
	}
	err := (fetchNext{disc: 2, set: set}).Run(t.Context(), w.env)
	if !errors.Is(err, hosttest.ErrNoMoreDiscs) {
		t.Fatal(err)
	}
	if n := len(w.Called("mount")); n != 1 {
		t.Errorf("mounted %d times without a change: %v", n, w.Calls())
	}
}

// TestAnotherDisk: a disk that has got the name since the plan was made isn't touched.
func TestAnotherDisk(t *testing.T) {
	for name, now := range map[string]string{"the same": "7\n", "another": "8\n", "none": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if now != "" {
				w.AddFile("/sys/block/vda/diskseq", now)
			}
			d := seen{"/dev/vda", 7}
			errs := []error{
				partition{seen: d, table: host.Table{Parts: []host.TablePart{{Size: 1}}}}.Run(t.Context(), w.env),
				mkfs{seen: d, volume: Volume{Device: "/dev/vda1", FSType: "ext4"}}.Run(t.Context(), w.env),
			}
			for _, err := range errs {
				if (err == nil) != (name == "the same") {
					t.Error(err)
				}
			}
			if wrote := len(w.Writes()) > 0; wrote != (name == "the same") {
				t.Errorf("written: %v", w.Writes())
			}
		})
	}
}

// TestLeaveAgain: what the try before has stopped already is no failure.
func TestLeaveAgain(t *testing.T) {
	w := newWorld()
	w.AddFile("/proc/swaps", "Filename Type Size Used Priority\n/dev/vda3 partition 1 0 -2\n")
	w.Answer(hosttest.Reply{Err: &host.ExitError{Code: 255}}, "swapoff", "/dev/vda2")
	if err := (leave{swaps: []string{"/dev/vda2", "/dev/vda3"}}).Run(t.Context(), w.env); err != nil {
		t.Error(err)
	}
	if got := w.Called("run"); !slices.Equal(got, []string{"run swapoff /dev/vda3"}) {
		t.Error(cmp.Diff([]string{"run swapoff /dev/vda3"}, got))
	}
}

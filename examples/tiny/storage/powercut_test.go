package storage_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/stage2/event"
)

// cut is the moment at which the power goes: when the installation tells of it.
type cut struct {
	typ  event.Type
	step string // begins with this
	done int64  // of its progress, at least
}

func (c cut) at(e event.Event) bool {
	return e.Type == c.typ && strings.HasPrefix(e.Step, c.step) && (c.done == 0 || e.Progress != nil && e.Progress.Done >= c.done)
}

// cuts are spread over the installation, in its order.
var cuts = [...]cut{
	{typ: event.Start, step: "partition-"},
	{typ: event.Start, step: "mkfs-/"},
	{typ: event.Start, step: "mount"},
	{typ: event.Progress, step: "relocate", done: 1},
	{typ: event.Finish, step: "relocate"},
	{typ: event.Finish, step: "fetch-2"},
	{typ: event.Progress, step: "install", done: 1},
	{typ: event.Start, step: "accounts"},
	{typ: event.Start, step: "bootloader"},
	{typ: event.Start, step: "leave"},
}

// TestPowerCuts: before the first step that writes the disk is as it was. Then the power
// fails ten times, and the same kickstart again installs a system that boots, on a
// machine with what all ten have left. The machine isn't started for each: what a cut leaves
// is what the disk holds at that moment.
func TestPowerCuts(t *testing.T) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk.img")
	if err := vm.MkDisk(disk, 4<<30); err != nil {
		t.Fatal(err)
	}
	scene := vmtest.Scenario{
		Set: "tiny", Append: direct, Kickstart: kickstart(all, "autopart\n") + "%packages\n@data\n%end\n", Disk: disk, Drives: 2, Loaded: []int{2}, Timeout: 10 * time.Minute,
	}
	stopped := scene
	stopped.Append += " inst.debug.fail=partition-vda" // all up to the first step that writes
	first := vmtest.Begin(t, stopped)
	first.Fails()
	first.CheckUntouched()
	first.Close()

	left := cutPower(t, vmtest.Begin(t, scene), dir)
	const on = 6 // in the middle of the packages
	scene.Disk = left[on].Path
	scene.Disks = append(left[:on:on], left[on+1:]...)
	r := vmtest.Install(t, scene)
	r.CheckEvents(password)
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, password) })
	sys := r.Boot(password)
	check(t, sys, map[string]string{"grep ' / ' /proc/mounts": "^/dev/vda[0-9] .*ext4"})
	sys.Off()
	for _, d := range scene.Disks {
		if img, err := vm.OpenImage(t.Context(), d.Path); err != nil || len(img.Parts) > 0 {
			t.Errorf("%s isn't empty now: %+v (%v)", d.Serial, img, err)
		}
	}
}

// cutPower follows an installation to the last of the cuts. The disks are as they
// were at each.
func cutPower(t *testing.T, r *vmtest.Run, dir string) (left []vm.Disk) {
	t.Helper()
	for i, c := range cuts {
		r.Until(c.at)
		d := vm.Disk{Path: filepath.Join(dir, fmt.Sprintf("cut%d.img", i)), Serial: fmt.Sprintf("cut%d", i)}
		if err := r.Guest.Execute(t.Context(), "stop", nil, nil); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "cp", "--reflink=auto", "--sparse=always", r.Disk, d.Path).CombinedOutput(); err != nil {
			t.Fatalf("copy the disk: %v: %s", err, out)
		}
		if err := r.Guest.Execute(t.Context(), "cont", nil, nil); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s of %s after %.0f s", c.typ, c.step, time.Since(r.On).Seconds())
		left = append(left, d)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return left
}

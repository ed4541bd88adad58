package storage_test

import (
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

// TestPowerCuts: the power fails again and again, each time later, always on the
// disk as the time before left it. Before the first step that writes the disk is as
// it was; in the end the same kickstart installs a system that boots.
func TestPowerCuts(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk.img")
	if err := vm.MkDisk(disk, 4<<30); err != nil {
		t.Fatal(err)
	}
	scene := vmtest.Scenario{
		Set: "tiny", Append: direct, Kickstart: kickstart("autopart\n"), Disk: disk, Drives: 3, Loaded: []int{2, 3}, Timeout: 15 * time.Minute,
	}
	stopped := scene
	stopped.Append += " inst.debug.fail=partition-vda" // all up to the first step that writes
	first := vmtest.Begin(t, stopped)
	first.Fails()
	first.CheckUntouched()
	first.Close()
	for _, c := range []cut{
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
	} {
		r := vmtest.Begin(t, scene)
		r.Until(c.at)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("power cut at %s of %s after %.0f s", c.typ, c.step, time.Since(r.On).Seconds())
	}
	r := vmtest.Install(t, scene)
	r.CheckEvents(password)
	r.CheckDisk(func(root string) { vmtest.CheckRoot(t, root, password) })
	sys := r.Boot(password)
	vmtest.CheckKernelLog(t, "the installed system's kernel log", sys.Shell("dmesg"))
	sys.Off()
}

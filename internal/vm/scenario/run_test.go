package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// fakeSet has discs that say which they are, and a kernel that obeys commands.
func fakeSet(t *testing.T) *scenario.Set {
	t.Helper()
	k := vmtest.FindKernel(t)
	init := vmtest.Build(t, "../testdata/init")
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content+strings.Repeat("\x00", 65528)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("disc1.iso", "disc one")
	write("disc2.iso", "disc two")
	set, err := scenario.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	set.Kernel = k.Image
	set.Initrd = k.Initrd(t, init, "virtio_pci", "virtio_console", "virtio_blk", "ata_piix", "sd_mod", "sr_mod", "cdrom")
	return set
}

// installer plays the installer by commands to the guest.
type installer struct {
	t   *testing.T
	ctx context.Context
	run *scenario.Run
}

func (i installer) does(line, answer string) {
	i.t.Helper()
	c := i.run.Guest.Console()
	if err := c.Send(line + "\n"); err != nil {
		i.t.Fatal(err)
	}
	if _, err := c.Expect(i.ctx, answer); err != nil {
		i.t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	set := fakeSet(t)
	ctx := vmtest.Turn(t, 3*time.Minute)
	dir := t.TempDir()
	wrongFirst := func(a scenario.Ask) string { return set.Disc(1 + min(1, a.Attempt)) }
	cfg := scenario.Config{
		Set: set, Append: "console=ttyS0 no_timer_check quiet", Kickstart: "poweroff\n", Offer: wrongFirst,
		Disk: filepath.Join(dir, "disk.img"), DiskSize: 1 << 20, Guest: vm.Config{Dir: filepath.Join(dir, "guest")},
	}
	run, err := scenario.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	followed := make(chan error, 1)
	go func() { followed <- run.Follow(ctx) }()

	i := installer{t, ctx, run}
	if _, err := run.Guest.Console().Expect(ctx, "GUEST READY"); err != nil {
		t.Fatal(err)
	}
	i.does("sum /dev/vdb", `sum: 8388608 .*mkfs`)
	i.does(`event {"type":"plan","steps":[{"id":"fetch-2","title":"Copy","weight":1}]}`, "event: <nil>")
	i.does(`event {"type":"start","step":"fetch-2"}`, "event: <nil>")
	i.does("eject", "eject: <nil>")
	i.does(`event {"type":"need-disc","disc":{"wanted":2}}`, "event: <nil>")
	i.does("await", `disc: "disc one"`)
	i.does(`event {"type":"disc","disc":{"wanted":2,"found":"disc 1"}}`, "event: <nil>")
	i.does("eject", "eject: <nil>")
	i.does(`event {"type":"need-disc","disc":{"wanted":2,"found":"disc 1"}}`, "event: <nil>")
	i.does("await", `disc: "disc two"`)
	i.does(`event {"type":"disc","disc":{"wanted":2,"ok":true}}`, "event: <nil>")
	i.does("eject", "eject: <nil>") // nothing is asked for: it stays open
	i.does(`event {"type":"finish","step":"fetch-2"}`, "event: <nil>")
	i.does(`event {"type":"failed","error":"no luck"}`, "event: <nil>")
	var failed *scenario.FailedError
	if err := <-followed; !errors.As(err, &failed) || failed.Reason != "no luck" {
		t.Fatalf("Follow: %v, want the failure", err)
	}
	i.does(`event {"type":"done"}`, "event: <nil>")
	if err := run.Follow(ctx); err != nil { // a second try
		t.Fatal(err)
	}
	checkRun(t, run, set)
	if err := run.Guest.Console().Send("reboot\n"); err != nil {
		t.Fatal(err)
	}
	if err := run.Off(ctx); err != nil || !run.Guest.Rebooted() {
		t.Errorf("the end: %v, rebooted %v", err, run.Guest.Rebooted())
	}
}

func checkRun(t *testing.T, run *scenario.Run, set *scenario.Set) {
	t.Helper()
	want := []scenario.Offer{
		{Ask: scenario.Ask{Wanted: 2, Drive: "cd0"}, ISO: set.Disc(1)},
		{Ask: scenario.Ask{Wanted: 2, Drive: "cd0", Attempt: 1, Found: "disc 1"}, ISO: set.Disc(2)},
	}
	if diff := cmp.Diff(want, run.Offers, cmpopts.IgnoreFields(scenario.Offer{}, "Time")); diff != "" {
		t.Errorf("discs put in: %s", diff)
	}
	var table bytes.Buffer
	if err := scenario.WriteTable(&table, run.Phases()); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"power on to the plan", "Copy", "all together"} {
		if !strings.Contains(table.String(), line) {
			t.Errorf("the table has no %q:\n%s", line, &table)
		}
	}
	if moves := run.Guest.TrayMoves("cd0"); len(moves) != 5 || !moves[4].Open {
		t.Errorf("tray moves %v, want open, closed, open, closed, open", moves)
	}
}

func TestOpenSet(t *testing.T) {
	_, err := scenario.OpenSet(filepath.Join(t.TempDir(), "tiny"))
	if err == nil || !strings.Contains(err.Error(), "make iso EXAMPLE=tiny") {
		t.Errorf("a set that isn't there: %v; want it to say how to make it", err)
	}
}

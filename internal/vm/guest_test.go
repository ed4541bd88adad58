package vm_test

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// boot starts a guest with testdata/init as its /init.
func boot(t *testing.T, cfg vm.Config) (context.Context, *vm.Guest) {
	t.Helper()
	ctx := vmtest.Turn(t, 2*time.Minute)
	g := vmtest.BootProgram(ctx, t, cfg, "./testdata/init", "GUEST READY",
		"virtio_pci", "virtio_console", "virtio_blk", "virtio_scsi", "ata_piix", "ahci", "sd_mod", "sr_mod", "cdrom")
	return ctx, g
}

func expect(t *testing.T, ctx context.Context, g *vm.Guest, pattern string) vm.Match {
	t.Helper()
	m, err := g.Console().Expect(ctx, pattern)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func command(t *testing.T, ctx context.Context, g *vm.Guest, line, answer string) {
	t.Helper()
	ok(t, g.Console().Send(line+"\n"))
	expect(t, ctx, g, answer)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// iso makes something that a drive takes for a disc.
func iso(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), content+", with a comma.iso")
	ok(t, os.WriteFile(path, []byte(content+strings.Repeat("\x00", 64<<10-len(content))), 0o644))
	return path
}

func TestGuest(t *testing.T) {
	tests := []struct {
		name string
		cfg  vm.Config
	}{
		{"pc", vm.Config{}},
		{"q35", vm.Config{Machine: "q35"}},
		{"scsi", vm.Config{DriveBus: "scsi"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Drives = []string{iso(t, "disc one")}
			disk := filepath.Join(t.TempDir(), "disk.img")
			ok(t, vm.MkDisk(disk, 1<<20))
			tt.cfg.Disks = []vm.Disk{{Path: disk}}
			ctx, g := boot(t, tt.cfg)
			testDiscs(t, ctx, g)
			testEvents(t, ctx, g)
			command(t, ctx, g, "sum /dev/vda", `sum: 1048576 .* <nil>`)
			testScreen(t, ctx, g)
			ok(t, g.Console().Send("poweroff\n"))
			ok(t, g.Wait(ctx))
		})
	}
}

func testDiscs(t *testing.T, ctx context.Context, g *vm.Guest) {
	t.Helper()
	command(t, ctx, g, "await", `disc: "disc one"`)
	command(t, ctx, g, "eject", `eject: <nil>`)
	ok(t, g.WaitTray(ctx, "cd0", true))
	ok(t, g.WaitTray(ctx, "cd0", true)) // it is still open
	drive, err := g.WaitAnyTray(ctx)
	ok(t, err)
	ok(t, g.Remove(ctx, drive))
	ok(t, g.Insert(ctx, drive, iso(t, "disc two")))
	ok(t, g.WaitTray(ctx, "cd0", false))
	command(t, ctx, g, "await", `disc: "disc two"`)
	if moves := g.TrayMoves("cd0"); len(moves) != 2 || !moves[0].Open || moves[1].Open {
		t.Errorf("tray moves %+v, want open, closed", moves)
	}
	if err := g.WaitTray(ctx, "cd1", true); err == nil {
		t.Error("waiting for a drive that isn't there: no error")
	}
}

func testEvents(t *testing.T, ctx context.Context, g *vm.Guest) {
	t.Helper()
	command(t, ctx, g, `event {"type":"start","step":"one"}`, `event: <nil>`)
	command(t, ctx, g, `event {"type":"done"}`, `event: <nil>`)
	e, err := g.WaitEvent(ctx, func(f map[string]any) bool { return f["type"] == "done" })
	ok(t, err)
	if string(e.Raw) != `{"type":"done"}` || len(g.Events().All()) != 2 {
		t.Errorf("got event %s as one of %d, want the second of 2", e.Raw, len(g.Events().All()))
	}
	brief, cancel := context.WithTimeoutCause(ctx, time.Millisecond, errors.New("too late"))
	defer cancel()
	_, err = g.WaitEvent(brief, func(map[string]any) bool { return false })
	for _, want := range []string{"too late", `{"type":"done"}`, "event: <nil>", "console.log"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error of waiting too long: %v; want it to tell %q", err, want)
		}
	}
}

func testScreen(t *testing.T, ctx context.Context, g *vm.Guest) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "screen.png")
	ok(t, g.Screendump(ctx, path))
	f, err := os.Open(path)
	ok(t, err)
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Errorf("the picture of the screen: %v", err)
	}
	ok(t, g.SendKeys(ctx, "Hello, <ctrl-alt-f2>\n"))
	if err := g.SendKeys(ctx, "<no-such-key>"); err == nil {
		t.Error("a key that isn't there: no error")
	}
}

func TestReset(t *testing.T) {
	ctx, g := boot(t, vm.Config{})
	ok(t, g.Console().Send("reboot\n"))
	ok(t, g.WaitReset(ctx))
	expect(t, ctx, g, "GUEST READY")
	ok(t, g.Quit(ctx))
	if _, err := g.Console().Expect(ctx, "more"); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("Expect of a guest that has ended: %v", err)
	}
	if g.Running() {
		t.Error("still running after Quit")
	}
}

// TestPanic: the kernel panics when its init ends. Who waits is told at once.
func TestPanic(t *testing.T) {
	ctx, g := boot(t, vm.Config{})
	ok(t, g.Console().Send("die\n"))
	waits := map[string]func() error{
		"Expect":    func() error { _, err := g.Console().Expect(ctx, "no such line"); return err },
		"WaitEvent": func() error { _, err := g.WaitEvent(ctx, func(map[string]any) bool { return true }); return err },
		"WaitTray":  func() error { _, err := g.WaitAnyTray(ctx); return err },
		"Wait":      func() error { return g.Wait(ctx) },
	}
	for name, wait := range waits {
		if err := wait(); !errors.Is(err, vm.ErrPanic) || !strings.Contains(err.Error(), "Attempted to kill init") {
			t.Errorf("%s: %v, want the panic", name, err)
		}
	}
	expect(t, ctx, g, "Kernel panic") // it has come already
	ok(t, g.Quit(ctx))
}

// TestUEFI needs no kernel: the firmware says something on the screen alone,
// but an empty machine gives up and can be told to end.
func TestUEFI(t *testing.T) {
	g := vmtest.Start(t, vm.Config{Firmware: vm.UEFI, Drives: []string{"", ""}})
	ok(t, g.Quit(t.Context()))
	if _, err := os.Stat(g.File("vars.fd")); err != nil {
		t.Errorf("the firmware's variables: %v", err)
	}
}

// TestForward needs no kernel either: QEMU listens for the guest from the start.
func TestForward(t *testing.T) {
	g := vmtest.Start(t, vm.Config{NICs: []vm.NIC{{Backend: vm.Forward(22)}, {Backend: vm.Forward(80)}}})
	seen := map[string]bool{}
	for _, port := range []int{22, 80} {
		addr, err := g.Forwarded(t.Context(), port)
		ok(t, err)
		conn, err := net.Dial("tcp", addr)
		ok(t, err)
		ok(t, conn.Close())
		seen[addr] = true
	}
	if len(seen) != 2 {
		t.Errorf("two ports are at %v", seen)
	}
	if addr, err := g.Forwarded(t.Context(), 2); err == nil {
		t.Errorf("a port that isn't forwarded is at %s", addr)
	}
	ok(t, g.Quit(t.Context()))
}

func TestStartFails(t *testing.T) {
	vmtest.Need(t, "qemu-system-x86_64")
	dir := t.TempDir()
	tests := []struct {
		cfg  vm.Config
		want string
	}{
		{vm.Config{}, "working directory"},
		{vm.Config{Dir: dir, Machine: "isapc"}, "isapc"},
		{vm.Config{Dir: dir, Firmware: "coreboot"}, "coreboot"},
		{vm.Config{Dir: dir, Append: "quiet"}, "without a kernel"},
		{vm.Config{Dir: dir, Drives: make([]string, 5)}, "no free port"},
		{vm.Config{Dir: dir, Drives: []string{filepath.Join(dir, "none.iso")}}, "none.iso"},
		{vm.Config{Dir: dir, Disks: []vm.Disk{{Path: "x", Interface: "mfm"}}}, "mfm"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			g, err := vm.Start(t.Context(), tt.cfg)
			if err == nil {
				g.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("error %q, want it to tell %q", err, tt.want)
			}
		})
	}
}

package media_test

import (
	"context"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// guest is a machine that runs testdata/guest.
type guest struct {
	*vm.Guest
	t   *testing.T
	ctx context.Context
}

func bootGuest(t *testing.T, cfg vm.Config) guest {
	t.Helper()
	ctx := vmtest.Turn(t, 2*time.Minute)
	g := vmtest.BootProgram(ctx, t, cfg, "./testdata/guest", "GUEST READY <nil>",
		"virtio_pci", "virtio_blk", "virtio_scsi", "ata_piix", "ahci", "sd_mod", "sr_mod", "cdrom", "isofs")
	return guest{g, t, ctx}
}

func (g guest) ok(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g guest) expect(pattern string) {
	g.t.Helper()
	_, err := g.Console().Expect(g.ctx, pattern)
	g.ok(err)
}

func (g guest) send(command string) {
	g.t.Helper()
	g.ok(g.Console().Send(command + "\n"))
}

func (g guest) command(command, answer string) {
	g.t.Helper()
	g.send(command)
	g.expect(command + ` = ` + answer)
}

func disc(t *testing.T, number string) string {
	t.Helper()
	return vmtest.Disc(t, "TINY_1_D"+number, map[string]string{".discinfo": "9c1f\nTiny 1\namd64\n" + number + "\n"})
}

// The way a disc is given back and the next one taken, with a real kernel and drive.
func TestDriveInGuest(t *testing.T) {
	for _, cfg := range []vm.Config{{DriveBus: "ide"}, {DriveBus: "scsi"}} {
		t.Run(cfg.DriveBus+cfg.Machine, func(t *testing.T) {
			cfg.Drives = []string{disc(t, "1")}
			g := bootGuest(t, cfg)
			g.command("drives", `\[/dev/sr0\] <nil>`)
			g.command("volumes", `\[{Path:/dev/sr0 Size:\d+ FSType:iso9660 Label:TINY_1_D1 UUID:[\d-]+}\] <nil>`)
			g.command("look", `known "TINY_1_D1" "1" "" <nil>`)
			g.command("mount", "<nil>")
			g.command("look", `known "TINY_1_D1" "1" "" <nil>`)
			g.command("eject", "eject /dev/sr0: the drive is in use")
			g.command("umount", "<nil>")
			g.command("lock", "<nil>")
			g.changeDisc()
			g.command("volumes", `\[\] <nil>`)
			g.send("poweroff")
			g.ok(g.Wait(g.ctx))
		})
	}
}

func (g guest) changeDisc() {
	g.command("eject", "<nil>")
	g.ok(g.WaitTray(g.ctx, "cd0", true))
	g.command("eject", "<nil>") // it is open already
	g.command("look", "tray open")
	g.command("idle", "context deadline exceeded")
	g.ok(g.Remove(g.ctx, "cd0"))
	g.send("await")
	g.ok(g.Insert(g.ctx, "cd0", disc(g.t, "2")))
	g.expect("await = <nil>")
	g.command("look", `known "TINY_1_D2" "2" "" <nil>`)
	g.command("idle", "context deadline exceeded")
	g.ok(g.Insert(g.ctx, "cd0", disc(g.t, "3"))) // changed before anybody waits
	g.command("await", "<nil>")
	g.command("look", `known "TINY_1_D3" "3" "" <nil>`)
	g.command("eject", "<nil>")
	g.ok(g.Remove(g.ctx, "cd0"))
	g.ok(g.CloseTray(g.ctx, "cd0"))
	g.command("look", "no disc")
}

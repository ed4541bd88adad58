package stage1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
	"github.com/molt-installer/molt/media"
)

// TestGuestWithoutItsDisc boots stage 1 on a real kernel: it says where it
// looked, goes on by itself when a disc comes, says what is wrong with that, and
// switches off when told to on the serial line.
func TestGuestWithoutItsDisc(t *testing.T) {
	kernel := vmtest.FindKernel(t)
	ctx := vmtest.Turn(t, 3*time.Minute)
	g := vmtest.Start(t, vm.Config{
		Memory: 320, Drives: []string{""}, NoReboot: true,
		Kernel: kernel.Image, Initrd: initrd(t, kernel), Append: "console=ttyS0 no_timer_check quiet",
	})
	expect := func(patterns ...string) {
		t.Helper()
		for _, p := range patterns {
			if _, err := g.Console().Expect(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect(`Disc 1 of Test 1 was not found`, `/dev/sr0 +(no disc in the drive|the tray is open)`, `What now\?`)
	if err := g.Insert(ctx, vm.DriveID(0), otherDisc(t)); err != nil {
		t.Fatal(err)
	}
	expect(`a disc of another set: Else 2, disc 1 \(it is of build ffff, this boot medium is of build 5f0c\)`, `What now\?`)
	if err := g.Console().SendLine("p"); err != nil {
		t.Fatal(err)
	}
	expect("Switching off")
	if err := g.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// initrd is an initramfs with this stage 1, of a build that no disc is of.
func initrd(t *testing.T, k vmtest.Kernel) string {
	t.Helper()
	data, err := json.Marshal(media.Build{Set: media.Set{ID: "5f0c", Product: "Test", Version: "1", Arch: "amd64", Discs: 1}})
	if err != nil {
		t.Fatal(err)
	}
	base := k.Initrd(t, vmtest.Build(t, "../cmd/stage1"), "sr_mod", "ata_piix", "ahci", "isofs", "loop")
	return vmtest.Initramfs(t, []string{base}, map[string][]byte{"etc/molt/build.json": data})
}

func otherDisc(t *testing.T) string {
	t.Helper()
	return vmtest.Disc(t, "ELSE_2_D1", map[string]string{".discinfo": "ffff\nElse 2\namd64\n1\n"})
}

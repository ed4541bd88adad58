package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

// TestStorageInAGuest carries out what kickstarts say of disks with stage 2's own tools on
// Debian's kernel: plans are made of what is probed there, and each file below testdata/storage
// finds what the one before it left. The checks are in the files.
func TestStorageInAGuest(t *testing.T) {
	kernel := vmtest.FindKernel(t)
	image := filepath.Join(vmtest.Root(t), "build", "tiny", "netboot", "images", "stage2.img")
	if _, err := os.Stat(image); err != nil {
		vmtest.Missing(t, "no stage 2 image: make iso EXAMPLE=tiny")
	}
	scripts, err := filepath.Glob("testdata/storage/*.ks")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no kickstarts: %v", err)
	}
	files := map[string][]byte{}
	for _, s := range scripts {
		data, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		files["ks/"+filepath.Base(s)] = data
	}
	disks := []vm.Disk{{Path: image, ReadOnly: true}}
	for i := range 4 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("disk%d.img", i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 2<<30); err != nil {
			t.Fatal(err)
		}
		disks = append(disks, vm.Disk{Path: path, Serial: fmt.Sprintf("DISK%d", i)})
	}
	ctx := vmtest.Turn(t, 15*time.Minute)
	g := vmtest.Start(t, vm.Config{
		Memory: 1024, Disks: disks, NoReboot: true, Kernel: kernel.Image,
		Initrd: vmtest.Initramfs(t, []string{kernel.Initrd(t, vmtest.Build(t, "./testdata/guest"))}, files),
		Append: "console=ttyS0 no_timer_check panic=-1 quiet",
	})
	for range scripts {
		line, err := g.Console().Expect(ctx, `SCENARIO (\S+) (PASSED|FAILED[^\n]*)`)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(line); !strings.Contains(text, "PASSED") {
			t.Error(regexp.MustCompile(` \| `).ReplaceAllString(text, "\n"))
		}
	}
	if err := g.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

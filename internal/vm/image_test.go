package vm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/vmtest"
)

const mib = 1 << 20

// tool runs a program that prepares something.
func tool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH=/usr/sbin:/sbin:"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// installed makes a disk like one that was installed: ESP, swap, root.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	disk, esp, root := filepath.Join(dir, "disk9"), filepath.Join(dir, "esp"), filepath.Join(dir, "root")
	ok(t, vm.MkDisk(disk, 64*mib))
	tool(t, "label: gpt\nsize=8M, type=U\nsize=8M, type=S\nsize=32M, type=L, name=root\n", "sfdisk", "-q", disk)
	ok(t, vm.MkOEMDRV(t.Context(), esp, map[string]string{"EFI/BOOT/BOOTX64.EFI": "loader", "ks.cfg": "poweroff\n"}))
	tree := filepath.Join(dir, "tree")
	ok(t, os.MkdirAll(filepath.Join(tree, "etc"), 0o755))
	ok(t, os.WriteFile(filepath.Join(tree, "etc", "hostname"), []byte("snake\n"), 0o644))
	ok(t, vm.MkDisk(root, 32*mib))
	tool(t, "", "mkfs.ext4", "-q", "-d", tree, root)
	tool(t, "", "dd", "if="+esp, "of="+disk, "bs=1M", "seek=1", "conv=notrunc", "status=none")
	tool(t, "", "dd", "if="+root, "of="+disk, "bs=1M", "seek=17", "conv=notrunc", "status=none")
	return disk
}

func TestImage(t *testing.T) {
	vmtest.Need(t, "mcopy")
	ctx := t.Context()
	img, err := vm.OpenImage(ctx, installed(t))
	ok(t, err)
	if len(img.Parts) != 3 || img.Label != "gpt" || img.Parts[2].Number != 3 || img.Parts[2].Start != 17*mib || img.Parts[2].Name != "root" {
		t.Fatalf("partition table %+v", img)
	}
	esp, err := img.Find("vfat")
	ok(t, err)
	names, err := esp.List(ctx, "EFI/BOOT")
	ok(t, err)
	if diff := cmp.Diff([]string{"::/EFI/BOOT/BOOTX64.EFI"}, names); diff != "" {
		t.Error(diff)
	}
	ks, err := esp.ReadFile(ctx, "ks.cfg")
	ok(t, err)
	if string(ks) != "poweroff\n" || esp.Label != "OEMDRV" {
		t.Errorf("ks.cfg on %q is %q", esp.Label, ks)
	}
	if _, err := img.Find("btrfs"); err == nil {
		t.Error("found a file system that isn't there")
	}
}

func TestImageMount(t *testing.T) {
	vmtest.NeedRoot(t)
	vmtest.Need(t, "mcopy")
	ctx := t.Context()
	disk := installed(t)
	img, err := vm.OpenImage(ctx, disk)
	ok(t, err)
	ok(t, img.Check(ctx))
	root, err := img.Find("ext4", "xfs")
	ok(t, err)
	dir := filepath.Join(t.TempDir(), "root")
	unmount, err := root.Mount(ctx, dir)
	ok(t, err)
	name, err := os.ReadFile(filepath.Join(dir, "etc/hostname"))
	ok(t, unmount())
	if err != nil || string(name) != "snake\n" {
		t.Errorf("hostname %q, %v", name, err)
	}
	loops, err := exec.Command("losetup", "--associated", disk).Output()
	if err != nil || len(loops) > 0 {
		t.Errorf("left behind: %s, %v", loops, err)
	}
}

// TestImageDirty: a file system that was not unmounted is found out.
func TestImageDirty(t *testing.T) {
	vmtest.NeedRoot(t)
	vmtest.Need(t, "mcopy")
	disk := installed(t)
	img, err := vm.OpenImage(t.Context(), disk)
	ok(t, err)
	root, err := img.Find("ext4")
	ok(t, err)
	part := filepath.Join(t.TempDir(), "part")
	tool(t, "", "dd", "if="+disk, "of="+part, "bs=1M", "skip=17", "count=32", "status=none")
	tool(t, "", "debugfs", "-w", "-R", "feature needs_recovery", part)
	tool(t, "", "dd", "if="+part, "of="+disk, "bs=1M", "seek=17", "conv=notrunc", "status=none")
	if err := root.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "partition 3") {
		t.Errorf("check of a file system with a journal to replay: %v", err)
	}
}

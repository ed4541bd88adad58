package loopctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const inChroot = "LOOPCTL_TEST_SWITCH" // "/dev/loop3 /target/copy.img"

// TestSwitchFromWithin is stage 2's situation: the program that switches lies on the
// device, runs chrooted in an overlay over it, and doesn't see the medium.
func TestSwitchFromWithin(t *testing.T) {
	if args := os.Getenv(inChroot); args != "" {
		switchWithin(t, args)
		return
	}
	asRoot(t)
	tree := t.TempDir()
	for _, dir := range []string{"proc", "sys", "dev", "tmp", "target"} {
		os.Mkdir(filepath.Join(tree, dir), 0o755)
	}
	install(t, filepath.Join(tree, "test"))
	img := file(t, "img", nil)
	if out, err := exec.Command("mksquashfs", tree, img.Name(), "-noappend", "-quiet", "-no-progress").CombinedOutput(); err != nil {
		t.Skipf("needs mksquashfs: %v %s", err, out)
	}
	first, medium := volume(t, img)
	d := attach(t, first, Config{ReadOnly: true})
	root := overlay(t, d, "squashfs")
	first.Close()
	for _, dir := range []string{"proc", "sys", "dev"} {
		mountOn(t, "/"+dir, filepath.Join(root, dir), "", unix.MS_BIND, "")
	}
	mountOn(t, "tmpfs", filepath.Join(root, "target"), "tmpfs", 0, "")
	content, _ := os.ReadFile(img.Name())
	if err := os.WriteFile(filepath.Join(root, "target/copy.img"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	dropCaches(t)
	within := exec.Command("/test", "-test.run=^TestSwitchFromWithin$", "-test.v")
	within.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	within.Dir, within.Env = "/", []string{inChroot + "=" + d.Path() + " /target/copy.img"}
	if out, err := within.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := unix.Unmount(medium, 0); err != nil {
		t.Errorf("unmount the medium: %v", err)
	}
	dropCaches(t)
	sameTree(t, tree, root)
	if _, err := d.ToMemory(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// install builds this test without cgo, so that it runs where no library is.
func install(t *testing.T, name string) {
	t.Helper()
	build := exec.Command("go", "test", "-c", "-o", name, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("needs go: %v %s", err, out)
	}
}

func switchWithin(t *testing.T, args string) {
	path, name, _ := strings.Cut(args, " ")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := d.Switch(t.Context(), opened(t, name, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range r.Warnings {
		t.Error("warning:", w)
	}
	holders, err := Holders(t.Context(), "/target")
	if err != nil || len(holders) == 0 {
		t.Errorf("holders of /target: %v, %v", holders, err)
	}
}

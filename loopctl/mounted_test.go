package loopctl

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// makers build an image of a tree.
var makers = map[string]func(image, tree string) []string{
	"squashfs": func(image, tree string) []string {
		return []string{"mksquashfs", tree, image, "-noappend", "-quiet", "-no-progress"}
	},
	"erofs": func(image, tree string) []string { return []string{"mkfs.erofs", "--quiet", image, tree} },
	"ext4":  func(image, tree string) []string { return []string{"mkfs.ext4", "-q", "-d", tree, image, "16M"} },
	"xfs": func(image, tree string) []string {
		return []string{"mkfs.xfs", "-q", "-d", "file,size=300m,name=" + image, "-p", prototype(tree)}
	},
}

// prototype lists the files of a tree for mkfs.xfs(8).
func prototype(tree string) string {
	var b strings.Builder
	b.WriteString("boot 0 0\nd--755 0 0\n")
	names, _ := filepath.Glob(tree + "/*")
	for _, name := range names {
		fmt.Fprintf(&b, "%s ---644 0 0 %s\n", filepath.Base(name), name)
	}
	b.WriteString("$\n")
	_ = os.WriteFile(tree+".prototype", []byte(b.String()), 0o600) // without it, mkfs fails
	return tree + ".prototype"
}

// image makes a tree of files and an image of it.
func image(t *testing.T, fstype string) (img *os.File, tree string) {
	t.Helper()
	asRoot(t)
	tree = t.TempDir()
	for i := range 8 {
		name := filepath.Join(tree, string(rune('a'+i)))
		if err := os.WriteFile(name, pattern(256<<10, byte(i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return made(t, fstype, tree), tree
}

// made is an image of a tree.
func made(t *testing.T, fstype, tree string) *os.File {
	t.Helper()
	img := file(t, fstype+".img", nil)
	args := makers[fstype](img.Name(), tree)
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skip("needs", args[0])
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return img
}

// mountOn mounts a device and unmounts it after the test.
func mountOn(t *testing.T, device, point, fstype string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(device, point, fstype, flags, data); err != nil {
		if errors.Is(err, unix.ENODEV) {
			t.Skip("the kernel has no", fstype)
		}
		t.Fatalf("mount %s on %s: %v", device, point, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(point, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			t.Errorf("unmount %s: %v", point, err)
			unix.Unmount(point, unix.MNT_DETACH)
		}
	})
}

// volume is an ext4 of its own with a copy of img, to be unmounted when the copy
// is not in use any more.
func volume(t *testing.T, img *os.File) (copied *os.File, point string) {
	t.Helper()
	disk := file(t, "disk", nil)
	if out, err := exec.Command("mkfs.ext4", "-q", disk.Name(), "64M").CombinedOutput(); err != nil {
		t.Skipf("needs mkfs.ext4: %v %s", err, out)
	}
	d := attach(t, disk, Config{})
	point = t.TempDir()
	mountOn(t, d.Path(), point, "ext4", 0, "")
	content, err := os.ReadFile(img.Name())
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(point, "copy.img")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, point
}

func sameTree(t *testing.T, want, got string) {
	t.Helper()
	err := filepath.WalkDir(want, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(want, p)
		a, _ := os.ReadFile(p)
		b, err := os.ReadFile(filepath.Join(got, rel))
		if err == nil && sha256.Sum256(a) != sha256.Sum256(b) {
			err = errors.New(rel + " has other content")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func dropCaches(t *testing.T) {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("1"), 0); err != nil {
		t.Log("caches not dropped:", err)
	}
}

// TestSwitchMounted is the product's heart: a file system goes on, with an overlay on
// top and a program running from it, while the medium below goes away; the volume it
// went to can be freed in the end as well.
func TestSwitchMounted(t *testing.T) {
	for _, fstype := range []string{"squashfs", "erofs"} {
		t.Run(fstype, func(t *testing.T) {
			img, tree := image(t, fstype)
			first, medium := volume(t, img)
			second, target := volume(t, img)
			d := attach(t, first, Config{ReadOnly: true})
			root := overlay(t, d, fstype)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			if err := unix.Unmount(medium, 0); !errors.Is(err, unix.EBUSY) {
				t.Fatalf("unmount before: %v", err)
			}
			if r, err := d.Switch(within(t), second, nil); err != nil || len(r.Warnings) > 0 {
				t.Fatal(r, err)
			}
			free(t, medium, root, tree)
			second.Close()
			if _, err := d.ToMemory(within(t), nil); err != nil {
				t.Fatal(err)
			}
			free(t, target, root, tree)
		})
	}
}

// overlay mounts the device with an overlay on top.
func overlay(t *testing.T, d *Device, fstype string) string {
	lower, rw, root := t.TempDir(), t.TempDir(), t.TempDir()
	mountOn(t, d.Path(), lower, fstype, unix.MS_RDONLY, "")
	mountOn(t, "tmpfs", rw, "tmpfs", 0, "")
	os.Mkdir(rw+"/upper", 0o755)
	os.Mkdir(rw+"/work", 0o755)
	mountOn(t, "overlay", root, "overlay", 0, "lowerdir="+lower+",upperdir="+rw+"/upper,workdir="+rw+"/work")
	points, err := d.Mounts("")
	if err != nil || !slices.Equal(points, []string{lower}) {
		t.Errorf("Mounts: %v, %v, want %s", points, err, lower)
	}
	if held, err := d.Held(); err != nil || !held {
		t.Errorf("Held: %v, %v", held, err)
	}
	return root
}

// free unmounts what the device no longer serves from; what is mounted from the
// device lives on.
func free(t *testing.T, point, root, tree string) {
	t.Helper()
	if err := unix.Unmount(point, 0); err != nil {
		holders, _ := Holders(t.Context(), point)
		t.Fatalf("unmount %s: %v, held by %v", point, err, holders)
	}
	dropCaches(t)
	sameTree(t, tree, root)
}

// TestRefusesFileOnItself: a file of the file system that the device carries.
func TestRefusesFileOnItself(t *testing.T) {
	img, _ := image(t, "squashfs")
	d := attach(t, img, Config{ReadOnly: true})
	point := t.TempDir()
	mountOn(t, d.Path(), point, "squashfs", unix.MS_RDONLY, "")
	f := opened(t, point+"/a", 0)
	if _, err := d.Switch(within(t), f, nil); !errors.Is(err, ErrRecursion) {
		t.Errorf("got %v", err)
	}
}

// TestHolders finds everybody who keeps a medium busy, and names them.
func TestHolders(t *testing.T) {
	img, _ := image(t, "squashfs")
	copied, point := volume(t, img)
	inner := attach(t, copied, Config{ReadOnly: true})
	second := t.TempDir()
	mountOn(t, point, second, "", unix.MS_BIND, "")
	sleep := exec.Command("/bin/sleep", "1000")
	sleep.Dir = point
	if err := sleep.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { sleep.Process.Kill(); sleep.Wait() }()
	mapped, err := unix.Mmap(int(copied.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	want := []Holder{
		{How: HoldsFile, PID: os.Getpid(), Path: copied.Name()},
		{How: HoldsMap, PID: os.Getpid(), Path: copied.Name()},
		{How: HoldsCwd, PID: sleep.Process.Pid, Command: "sleep", Path: point},
		{How: HoldsMount, Path: second},
		{How: HoldsLoop, Device: inner.Path(), Path: copied.Name()},
	}
	got, err := Holders(within(t), point)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(h Holder) bool { return matches(h, w) }) {
			t.Errorf("%+v is missing from\n%v", w, got)
		}
	}
	if slices.ContainsFunc(got, func(h Holder) bool { return h.How == HoldsMount && h.Path == point }) {
		t.Errorf("the mount itself is among %v", got)
	}
	outer := deviceOf(t, point)
	got, err = Holders(within(t), outer)
	if err != nil || !slices.ContainsFunc(got, func(h Holder) bool { return h.How == HoldsMount && h.Path == point }) {
		t.Errorf("by device %s: %v, %v", outer, got, err)
	}
}

func matches(h, want Holder) bool {
	return h.How == want.How && h.Path == want.Path && h.Device == want.Device &&
		(want.PID == 0 || h.PID == want.PID) && (want.Command == "" || h.Command == want.Command)
}

func deviceOf(t *testing.T, point string) string {
	mounts, err := readMounts("")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.point == point && strings.HasPrefix(m.source, "/dev/") {
			return m.source
		}
	}
	t.Fatal("no device mounted at", point)
	return ""
}

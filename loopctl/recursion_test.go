package loopctl

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// carrier is a device with a mounted file system that has a file in it as big as
// the device itself: a hole, since nobody reads that far.
func carrier(t *testing.T, fstype string) (d *Device, point string) {
	t.Helper()
	asRoot(t)
	const size = 256 << 20
	img := file(t, fstype, nil)
	if err := img.Truncate(size); err != nil {
		t.Fatal(err)
	}
	made := exec.Command("mkfs."+fstype, "-q", img.Name())
	if out, err := made.CombinedOutput(); err != nil {
		t.Skipf("needs %v: %v %s", made, err, out)
	}
	rw := attach(t, img, Config{})
	point = t.TempDir()
	mountOn(t, rw.Path(), point, fstype, 0, "")
	big := filepath.Join(point, "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, size); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(point, 0); err != nil {
		t.Fatal(err)
	}
	release(t, rw)
	d = attach(t, img, Config{ReadOnly: true})
	mountOn(t, d.Path(), point, fstype, unix.MS_RDONLY, "")
	return d, point
}

// onItself fails the test when d isn't refused f for the right reason.
func onItself(t *testing.T, d *Device, f *os.File) {
	t.Helper()
	before := infoOf(t, d)
	if _, err := d.Switch(within(t), f, &SwitchOptions{AllowFSKill: true}); !errors.Is(err, ErrRecursion) {
		t.Errorf("Switch to %s: %v", f.Name(), err)
	}
	unchanged(t, d, before)
}

// TestRecursion: a file whose bytes come from the device, on whichever way.
func TestRecursion(t *testing.T) {
	for _, fstype := range []string{"ext4", "btrfs"} {
		t.Run(fstype, func(t *testing.T) {
			d, point := carrier(t, fstype)
			big := filepath.Join(point, "big")
			onItself(t, d, opened(t, big, 0))
			t.Run("bind", func(t *testing.T) {
				bound := filepath.Join(t.TempDir(), "bound")
				if err := os.WriteFile(bound, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				mountOn(t, big, bound, "", unix.MS_BIND, "")
				onItself(t, d, opened(t, bound, 0))
			})
			t.Run("loop", func(t *testing.T) {
				onItself(t, d, opened(t, attach(t, opened(t, big, 0), Config{ReadOnly: true}).Path(), 0))
			})
			t.Run("overlay", func(t *testing.T) { overlayOnItself(t, d, point) })
		})
	}
}

// overlayOnItself: what lies in the lower layer sits on the device, what lies
// in the upper one doesn't, with the same mount and the same directory.
func overlayOnItself(t *testing.T, d *Device, lower string) {
	rw, root := t.TempDir(), filepath.Join(t.TempDir(), "with space, comma:colon")
	mountOn(t, "tmpfs", rw, "tmpfs", 0, "")
	for _, dir := range []string{rw + "/upper", rw + "/work", root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mountOn(t, "overlay", root, "overlay", 0, "metacopy=on,lowerdir="+lower+",upperdir="+rw+"/upper,workdir="+rw+"/work")
	below := opened(t, root+"/big", 0)
	onItself(t, d, below)
	onItself(t, d, opened(t, attach(t, below, Config{ReadOnly: true}).Path(), 0))

	if err := os.WriteFile(root+"/own", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(root+"/own", 256<<20); err != nil {
		t.Fatal(err)
	}
	own := opened(t, root+"/own", 0)
	if _, err := d.Switch(within(t), own, &SwitchOptions{AllowFSKill: true}); !errors.Is(err, ErrContentMismatch) {
		t.Errorf("a file of the upper layer: %v", err)
	}
	// From here on only its metadata is in the upper layer.
	if err := os.Chmod(root+"/big", 0o640); err != nil {
		t.Fatal(err)
	}
	onItself(t, d, opened(t, root+"/big", 0))
	deleted := opened(t, root+"/big", 0)
	if err := os.Remove(root + "/big"); err != nil {
		t.Fatal(err)
	}
	onItself(t, d, deleted)
}

// TestBtrfsOfTwo: the device is the second of a btrfs, which mountinfo doesn't name.
func TestBtrfsOfTwo(t *testing.T) {
	asRoot(t)
	const size = 128 << 20
	var imgs []*os.File
	var rw []*Device
	for range 2 {
		img := file(t, "part", nil)
		if err := img.Truncate(size); err != nil {
			t.Fatal(err)
		}
		imgs, rw = append(imgs, img), append(rw, attach(t, img, Config{}))
	}
	made := exec.Command("mkfs.btrfs", "-q", rw[0].Path(), rw[1].Path())
	if out, err := made.CombinedOutput(); err != nil {
		t.Skipf("needs %v: %v %s", made, err, out)
	}
	point := t.TempDir()
	mountOn(t, rw[0].Path(), point, "btrfs", 0, "device="+rw[1].Path())
	name := filepath.Join(point, "big")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range rw {
		if got := tracerOf(t, d, opened(t, name, 0)); !got {
			t.Errorf("it isn't seen that the file sits on %s", d.Path())
		}
	}
	other := attach(t, file(t, "other", pattern(4096, 1)), Config{})
	if tracerOf(t, other, opened(t, name, 0)) {
		t.Error("it sits on a device that has nothing to do with it")
	}
}

func tracerOf(t *testing.T, d *Device, f *os.File) bool {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(d.f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	tr := newTracer(uint64(st.Rdev))
	itself, err := tr.open(f)
	if err != nil || len(tr.blind) > 0 {
		t.Errorf("%s: %v, blind for %v", f.Name(), err, tr.blind)
	}
	return itself
}

func TestLayers(t *testing.T) {
	for options, want := range map[string][]string{
		"ro,lowerdir=/a:/b":                          {"/a", "/b"},
		"rw,lowerdir=/a,upperdir=/u,workdir=/w":      {"/u", "/a"},
		`rw,lowerdir=/a\054b:/c\134:d::/data`:        {"/a,b", "/c:d", "/data"},
		"rw,lowerdir+=/a:b,lowerdir+=/c,datadir+=/d": {"/a:b", "/c", "/d"},
		"rw": nil,
	} {
		if got := (&mount{options: options}).layers(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", options, got, want)
		}
	}
}

func TestInside(t *testing.T) {
	for _, tc := range []struct{ root, point, name, want string }{
		{"/", "/", "/a/b", "/a/b"},
		{"/", "/m", "/m/a", "/a"},
		{"/sub", "/m", "/m/a", "/sub/a"},
		{"/sub/file", "/m", "/m", "/sub/file"},
		{"/", "/m", "/mm/a", ""},
	} {
		if got, _ := (&mount{root: tc.root, point: tc.point}).inside(tc.name); got != tc.want {
			t.Errorf("%+v: got %q", tc, got)
		}
	}
}

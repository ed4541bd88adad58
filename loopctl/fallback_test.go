package loopctl

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConfigureProbe: the probe tells a kernel with LOOP_CONFIGURE from one without, which
// any other device stands for, and leaves the device alone.
func TestConfigureProbe(t *testing.T) {
	d := attach(t, file(t, "img", pattern(1<<20, 1)), Config{ReadOnly: true})
	before := infoOf(t, d)
	if !hasConfigure(int(d.f.Fd())) {
		t.Skip("the kernel has no LOOP_CONFIGURE")
	}
	unchanged(t, d, before)
	if null := opened(t, "/dev/null", 0); hasConfigure(int(null.Fd())) {
		t.Error("/dev/null has LOOP_CONFIGURE")
	}
}

// TestProbedOnce: the first device says which way, and no other is asked.
func TestProbedOnce(t *testing.T) {
	asRoot(t)
	bind := bindBest()
	null := opened(t, "/dev/null", 0)
	img := file(t, "img", pattern(1<<20, 1))
	if err := bind(int(null.Fd()), int(img.Fd()), Config{}); !errors.Is(err, unix.ENOTTY) {
		t.Fatalf("bind /dev/null: %v", err)
	}
	// From here on it takes the old way, which can't set a block size of 1234 either,
	// but has bound the device by then and must clear it.
	if _, err := attachWith(bind, img, Config{ReadOnly: true, BlockSize: 1234}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("got %v", err)
	}
	notBacking(t, img)
	for wait := newBackoff(); ; {
		d, err := attachWith(bind, img, Config{ReadOnly: true, Autoclear: true, Offset: 4096, BlockSize: 4096, Name: "n"})
		if err == nil {
			defer release(t, d)
			if i := infoOf(t, d); !i.ReadOnly || !i.Autoclear || i.Offset != 4096 || i.BlockSize != 4096 || i.Name != "n" {
				t.Errorf("got %+v", i)
			}
			return
		}
		if !lostRace(err) || wait.next(within(t)) != nil {
			t.Fatal(err)
		}
	}
}

// notBacking fails the test when a device serves from f.
func notBacking(t *testing.T, f *os.File) {
	t.Helper()
	infos, err := List()
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if info.BackingFile == f.Name() {
			t.Errorf("leaked: %s serves from %s", info.Path, info.BackingFile)
		}
	}
}

func TestSetAutoclear(t *testing.T) {
	img := file(t, "img", pattern(1<<20, 1))
	d := attach(t, img, Config{ReadOnly: true, Name: "kept"})
	for _, on := range []bool{true, true, false, true} {
		if err := d.SetAutoclear(on); err != nil {
			t.Fatal(err)
		}
		if i := infoOf(t, d); i.Autoclear != on || i.Name != "kept" || !i.ReadOnly {
			t.Errorf("SetAutoclear(%v): %+v", on, i)
		}
	}
	d.Close()
	for wait := newBackoff(); ; {
		info, err := Stat(d.Path())
		if errors.Is(err, ErrNotBound) || err == nil && info.BackingFile != img.Name() {
			return
		}
		if wait.next(within(t)) != nil {
			t.Fatal("it stays bound after its last close")
		}
	}
}

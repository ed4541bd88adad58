package loopctl

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func TestAttach(t *testing.T) {
	const size = 1 << 20
	for _, tc := range []struct {
		name string
		c    Config
		want Info
	}{
		{"plain", Config{}, Info{Name: "img", Size: size, BlockSize: 512}},
		{"read-only", Config{ReadOnly: true}, Info{Name: "img", Size: size, BlockSize: 512, ReadOnly: true}},
		{"offset", Config{ReadOnly: true, Offset: 4096}, Info{Name: "img", Size: size - 4096, Offset: 4096, BlockSize: 512, ReadOnly: true}},
		{"limit", Config{ReadOnly: true, SizeLimit: 8192, Name: "other"}, Info{Name: "other", Size: 8192, SizeLimit: 8192, BlockSize: 512, ReadOnly: true}},
		{"both", Config{ReadOnly: true, Offset: 512, SizeLimit: 1024}, Info{Name: "img", Size: 1024, Offset: 512, SizeLimit: 1024, BlockSize: 512, ReadOnly: true}},
		{"limit beyond the end", Config{ReadOnly: true, SizeLimit: 4 * size}, Info{Name: "img", Size: size, SizeLimit: 4 * size, BlockSize: 512, ReadOnly: true}},
		{"blocks", Config{ReadOnly: true, BlockSize: 4096, Autoclear: true}, Info{Name: "img", Size: size, BlockSize: 4096, ReadOnly: true, Autoclear: true}},
		{"long name", Config{ReadOnly: true, Name: strings.Repeat("x", 80)}, Info{Name: strings.Repeat("x", 63), Size: size, BlockSize: 512, ReadOnly: true}},
	} {
		for way, attach := range map[string]func(testing.TB, *os.File, Config) *Device{"configure": attach, "legacy": attachLegacy} {
			t.Run(tc.name+"/"+way, func(t *testing.T) {
				f := file(t, "img", pattern(size, 1))
				d := attach(t, f, tc.c)
				got, err := d.Info()
				if err != nil {
					t.Fatal(err)
				}
				st, _ := fstat(f)
				tc.want.Number, tc.want.Path, tc.want.BackingFile = d.Number(), d.Path(), f.Name()
				tc.want.BackingDev, tc.want.BackingIno = uint64(st.Dev), st.Ino
				ignore := cmpopts.IgnoreFields(Info{}, "DiskSeq", "InFlight", "DirectIO")
				if diff := cmp.Diff(tc.want, got, ignore); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// attachLegacy attaches as Attach does where LOOP_CONFIGURE is missing.
func attachLegacy(t testing.TB, f *os.File, c Config) *Device {
	t.Helper()
	asRoot(t)
	if c.Name == "" {
		c.Name = "img"
	}
	for wait := newBackoff(); ; {
		d, err := attachWith(bindLegacy, f, c)
		if err == nil {
			t.Cleanup(func() { release(t, d) })
			return d
		}
		if !lostRace(err) || wait.next(within(t)) != nil {
			t.Fatal(err)
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	asRoot(t)
	f := file(t, "img", pattern(1<<20, 1))
	ro, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	closed, _ := os.Open(f.Name())
	closed.Close()
	dir, _ := os.Open(t.TempDir())
	defer dir.Close()
	for _, tc := range []struct {
		name string
		f    *os.File
		c    Config
		want error
	}{
		{"read-write on a read-only file", ro, Config{}, ErrBadBacking},
		{"closed", closed, Config{ReadOnly: true}, ErrBadBacking},
		{"directory", dir, Config{ReadOnly: true}, unix.EINVAL},
		{"block size", f, Config{ReadOnly: true, BlockSize: 1234}, unix.EINVAL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Attach(within(t), tc.f, tc.c)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if d != nil {
				release(t, d)
			}
		})
	}
}

func TestAttachEnded(t *testing.T) {
	asRoot(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Attach(ctx, file(t, "img", pattern(4096, 1)), Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDetachWaits(t *testing.T) {
	d := attach(t, file(t, "img", pattern(4096, 1)), Config{ReadOnly: true})
	user, err := os.Open(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := d.Detach(ctx); !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("in use: got %v", err)
	}
	user.Close()
	for wait := newBackoff(); ; {
		info, err := Stat(d.Path())
		if errors.Is(err, ErrNotBound) || err == nil && !strings.Contains(info.BackingFile, t.TempDir()) {
			break
		}
		if err := wait.next(within(t)); err != nil {
			t.Fatal("it stays bound after its last user")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	asRoot(t)
	d := attach(t, file(t, "img", pattern(4096, 1)), Config{ReadOnly: true})
	if err := d.Detach(within(t)); err != nil {
		t.Fatal(err)
	}
	plain := file(t, "plain", nil)
	for _, tc := range []struct {
		path string
		want error
	}{
		{plain.Name(), ErrNotLoop},
		{"/dev/null", ErrNotLoop},
		{"/dev/loop-nothing", unix.ENOENT},
		{"loop1048575", unix.ENOENT},
	} {
		if _, err := Open(tc.path); !errors.Is(err, tc.want) {
			t.Errorf("Open(%q): got %v, want %v", tc.path, err, tc.want)
		}
	}
}

func TestSettings(t *testing.T) {
	d := attach(t, file(t, "img", pattern(1<<20, 1)), Config{ReadOnly: true})
	for _, err := range []error{d.SetName("new name"), d.SetBlockSize(4096), d.SetCapacity(), d.SetDirectIO(false)} {
		if err != nil {
			t.Error(err)
		}
	}
	info, err := d.Info()
	if err != nil || info.Name != "new name" || info.BlockSize != 4096 {
		t.Errorf("got %+v, %v", info, err)
	}
	again, err := Open(strings.TrimPrefix(d.Path(), "/dev/"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if same, err := again.Info(); err != nil || same != info {
		t.Errorf("opened again: %+v, %v", same, err)
	}
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	info.BackingDev, info.BackingIno, info.Name = 0, 0, ""
	found := false
	for _, i := range all {
		found = found || i == info
	}
	if !found {
		t.Errorf("List lacks %+v: %+v", info, all)
	}
}

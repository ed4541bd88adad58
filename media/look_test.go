package media

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// makeISO makes a disc with xorriso.
func makeISO(t *testing.T, label string, files map[string]string, options ...string) string {
	t.Helper()
	if _, err := exec.LookPath("xorriso"); err != nil {
		t.Skip("xorriso is not installed")
	}
	path := filepath.Join(t.TempDir(), "disc.iso")
	args := append([]string{"-as", "mkisofs", "-quiet", "-V", label, "-o", path}, options...)
	if out, err := exec.Command("xorriso", append(args, tree(t, files))...).CombinedOutput(); err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	return path
}

func TestLook(t *testing.T) {
	const info = "9c1f\nDebian 13\namd64\n2\n"
	known := DiscInfo{"9c1f", "Debian 13", "amd64", []int{2}}
	many := map[string]string{".discinfo": info}
	for i := range 200 { // more names than fit in a block of the root directory
		many[strings.Repeat("a", i+1)+".txt"] = "x"
	}
	tests := []struct {
		name    string
		files   map[string]string
		options []string
		want    Disc
	}{
		{"disc", map[string]string{".discinfo": info, "pool/a.deb": "x"}, nil, Disc{State: Known, Info: known}},
		{"Rock Ridge and Joliet", map[string]string{".discinfo": info}, []string{"-R", "-J"}, Disc{State: Known, Info: known}},
		{"full root directory", many, []string{"-R"}, Disc{State: Known, Info: known}},
		{"foreign", map[string]string{"autorun.inf": "x"}, nil, Disc{State: Foreign}},
		{"a directory of that name", map[string]string{".discinfo/x": "x"}, nil, Disc{State: Foreign}},
		{"broken", map[string]string{".discinfo": "x\n"}, nil, Disc{State: Foreign, Cause: ".discinfo line 2: no product and version"}},
		{"too large", map[string]string{".discinfo": strings.Repeat("x", 70000)}, nil,
			Disc{State: Foreign, Cause: ".discinfo is too large: 70000 bytes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := makeISO(t, "DEBIAN_13_D2", tt.files, tt.options...)
			tt.want.Drive, tt.want.Label = path, "DEBIAN_13_D2"
			got, err := Look(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLookAtOtherThings(t *testing.T) {
	root := tree(t, map[string]string{
		"empty": "", "short": "x",
		"ext": string(patches{1024 + 56: "\x53\xef", 1024 + 120: "data"}.image(64 << 10)),
	})
	for name, label := range map[string]string{"empty": "", "short": "", "ext": "data"} {
		got, err := Look(t.Context(), filepath.Join(root, name))
		if err != nil || got.State != Foreign || got.Label != label {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := Look(t.Context(), filepath.Join(root, "none")); err == nil {
		t.Error("no error for a path that isn't there")
	}
}

// badReader gives an error wherever the disc is scratched.
type badReader struct {
	*bytes.Reader
	from int64
}

func (b badReader) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, &os.PathError{Op: "read", Path: "/dev/sr0", Err: unix.EIO}
	}
	return b.Reader.ReadAt(p, at)
}

func TestIdentifyScratched(t *testing.T) {
	data, err := os.ReadFile(makeISO(t, "X", map[string]string{".discinfo": "a\nb\nc\n1\n"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{0, 17 * isoBlock} {
		d := identify(badReader{bytes.NewReader(data), from}, "/dev/sr0")
		if d.State != Unreadable || !strings.Contains(d.Cause, "input/output error") {
			t.Errorf("scratched from %d on: %+v", from, d)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	disc := patches{
		16 * isoBlock:       "\x01CD001\x01",
		16*isoBlock + 40:    "LABEL           ",
		16*isoBlock + 128:   "\x00\x08\x08\x00",
		16*isoBlock + 156:   "\x22\x00\x12\x00\x00\x00\x00\x00\x00\x12\x00\x08\x00\x00",
		18 * isoBlock:       "\x2a\x00\x12\x00\x00\x00\x00\x00\x00\x12\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x01\x00\x00\x01\x01\x00SP\x07\x01\xbe\xef\x00",
		18*isoBlock + 0x2a:  "\x3a\x00\x13\x00\x00\x00\x00\x00\x00\x13\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x01\x09DISCINFO.NM\x0e\x01\x00.discinfo",
		19 * isoBlock:       "a\nb\nc\n1\n",
		20*isoBlock - 1:     "\x00",
		18*isoBlock + 0x100: "\x00",
	}.image(20 * isoBlock)
	if d := identify(bytes.NewReader(disc), ""); d.State != Known {
		f.Fatalf("the seed is no disc: %+v", d)
	}
	f.Add(disc[16*isoBlock:])
	f.Fuzz(func(t *testing.T, data []byte) {
		image := append(make([]byte, 16*isoBlock), data...)
		d := identify(bytes.NewReader(image), "x")
		if (d.State == Known) != (d.Info.ID != "") {
			t.Errorf("%+v", d)
		}
	})
}

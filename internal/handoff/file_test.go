package handoff

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
)

func example() Record {
	return Record{
		Version: Version,
		Build: media.Build{
			Set:    media.Set{ID: "9c1f", Product: "Debian", Version: "13", Arch: "amd64", Discs: 2},
			Stage2: media.File{Path: media.ImagePath, Size: 4096, SHA256: strings.Repeat("0", 64)},
			Key:    "-----BEGIN PGP PUBLIC KEY BLOCK-----",
		},
		Medium:      Medium{URL: "cdrom:/dev/sr0", Device: "/dev/sr0", Mount: "/molt/medium", Disc: 1},
		Image:       "/molt/medium/images/stage2.img",
		Loop:        "/dev/loop0",
		Lower:       "/molt/lower",
		Root:        "/molt/root",
		CommandLine: "inst.stage2=cdrom quiet",
		Kickstart:   &Kickstart{Origin: "hd:LABEL=OEMDRV:/ks.cfg", Path: KickstartPath},
		Network: &Network{
			Interfaces: []Interface{{Name: "eth0", Kind: "ethernet", IPv4: "static", Usable: true,
				Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.5/24")}, Gateways: []netip.Addr{netip.MustParseAddr("198.51.100.1")}}},
			DNS:    []netip.Addr{netip.MustParseAddr("2001:db8::53")},
			Routes: []Route{{To: netip.MustParsePrefix("10.0.0.0/8"), Interface: "eth0"}},
		},
		Console: "/dev/ttyS0",
	}
}

func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "molt", "handoff.json")
	r := example()
	r.Version = 0 // Write fills it in
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), *got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	onlyFile(t, path)
}

// onlyFile checks that no temporary file is left beside path, and that nobody
// but root can read it.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode of %s: %v, %v", path, st.Mode(), err)
	}
}

func TestResult(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	if _, err := ReadResult(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v, want fs.ErrNotExist", err)
	}
	want := Result{Version: Version, Action: Reboot, Eject: []string{"/dev/sr0"}, Remove: []string{".molt"}, Target: "/target"}
	for range 2 { // the second replaces the first
		if err := want.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadResult(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
	onlyFile(t, path)
}

func TestWriteFails(t *testing.T) {
	if err := (Result{Action: "explode"}).Write(filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("an action that isn't known was written")
	}
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := example().Write(taken); err == nil {
		t.Error("a directory was replaced")
	}
	if _, err := os.Stat(taken + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the temporary file is left behind")
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"other version", `{"version":2,"action":"reboot","new":1}`, "version 2, this program reads version 1"},
		{"no version", `{"action":"reboot"}`, "version 0"},
		{"unknown field", `{"version":1,"action":"reboot","new":1}`, `unknown field "new"`},
		{"unknown action", `{"version":1,"action":"explode"}`, `"explode" is not known`},
		{"no action", `{"version":1}`, `"" is not known`},
		{"half a file", `{"version":1,"action":"reb`, "unexpected end"},
		{"two objects", `{"version":1,"action":"reboot"}{}`, "after top-level value"},
		{"empty", ``, "unexpected end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseResult([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	var v *VersionError
	if _, err := ParseRecord([]byte(`{"version":7}`)); !errors.As(err, &v) || v.Found != 7 {
		t.Errorf("error %v, want a VersionError", err)
	}
}

func TestDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../docs/handoff.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```")
	if len(blocks) != 5 {
		t.Fatalf("docs/handoff.md has %d code blocks, want an example of each file", len(blocks)/2)
	}
	if _, err := ParseRecord([]byte(strings.TrimPrefix(blocks[1], "json"))); err != nil {
		t.Errorf("the example of a record: %v", err)
	}
	if _, err := ParseResult([]byte(strings.TrimPrefix(blocks[3], "json"))); err != nil {
		t.Errorf("the example of a result: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"build":{"set":{"id":"x","discs":2}},"medium":{"disc":1},"kickstart":{"path":"/x"},"retry":1}`))
	f.Add([]byte(`{"version":1,"action":"reboot","eject":["/dev/sr0"],"target":"/target","remove":[".molt"]}`))
	f.Add([]byte(`{"version":1,"VERSION":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseRecord(data); err == nil && r.Version != Version {
			t.Errorf("version %d was taken", r.Version)
		}
		if r, err := ParseResult(data); err == nil && (r.Version != Version || r.Action.check() != nil) {
			t.Errorf("%+v was taken", r)
		}
	})
}

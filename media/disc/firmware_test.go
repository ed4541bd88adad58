package disc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/molt-installer/molt/initramfs"
)

// unpackedAs is a package's root with these directories.
func unpackedAs(t *testing.T, dirs ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFirmwareOfPackages(t *testing.T) {
	var list []firmware
	for name, root := range map[string]string{
		"firmware-new": unpackedAs(t, "usr/lib/firmware/nic"), "firmware-old": unpackedAs(t, "lib/firmware/nic"),
		"firmware-both": unpackedAs(t, "usr/lib/firmware", "lib/firmware"),
	} {
		f, err := firmwareIn(name, root)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b firmware) int { return strings.Compare(a.name, b.name) })
	all := trees(list)
	if len(all) != 4 {
		t.Errorf("%v", all)
	}
	unused := initramfs.Report{Idle: []string{list[0].trees[1], list[2].trees[0]}} // one of both's two, and old's
	if got := idle(list, unused); !slices.Equal(got, []string{"firmware-old"}) {
		t.Errorf("of no use: %v", got)
	}
	if _, err := firmwareIn("firmware-linux", unpackedAs(t, "usr/share/doc")); err == nil || !strings.Contains(err.Error(), "firmware-linux") {
		t.Errorf("%v", err)
	}
}

// TestComponents: packages are read from all components, those of the set are in one.
func TestComponents(t *testing.T) {
	for text, want := range map[string]string{
		smallest: "trixie main\n",
		strings.Replace(smallest, "[base]", "components = [\"main\", \"non-free-firmware\"]\n[base]", 1): "trixie main non-free-firmware\n",
		strings.Replace(smallest, "[base]", "component = \"own\"\n[base]", 1):                            "trixie own\n",
	} {
		d, err := parseDistro("x.toml", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&apt{distro: d, mirror: "http://archive.example/debian"}).sources(); !strings.HasSuffix(got, want) {
			t.Errorf("%q doesn't end in %q", got, want)
		}
	}
}

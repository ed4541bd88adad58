package disc

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/diskfs/go-diskfs"
)

func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("make deps installs it: ", err)
		}
	}
}

func testTree(t *testing.T) *tree {
	t.Helper()
	tr := &tree{date: time.Unix(keyTime, 0), dir: t.TempDir()}
	err := tr.writeAll(map[string][]byte{
		".discinfo": []byte("id\nTest 1\namd64\n2\n"), "pool/a name with spaces & ünicode.deb": bytes.Repeat([]byte("0123456789abcdef"), 64<<10),
		"dists/one/InRelease": []byte("signed"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestISO(t *testing.T) {
	needTools(t, "xorriso", "implantisomd5", "checkisomd5")
	dir := t.TempDir()
	var images [][]byte
	for _, name := range []string{"a.iso", "b.iso"} {
		path := filepath.Join(dir, name)
		if err := testTree(t).iso(t.Context(), path, "TEST_1_D2", false); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, data)
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two images of the same differ")
	}
	a := filepath.Join(dir, "a.iso")
	if _, err := command(t.Context(), nil, "checkisomd5", a); err != nil {
		t.Error(err)
	}
	if got := readISO(t, a, "dists/one/InRelease"); got != "signed" {
		t.Errorf("InRelease on the disc: %q", got)
	}
}

// readISO reads a file with go-diskfs, which is not what wrote it.
func readISO(t *testing.T, image, path string) string {
	t.Helper()
	d, err := diskfs.Open(image, diskfs.WithOpenMode(diskfs.ReadOnly))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fsys, err := d.GetFilesystem(0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(fsys, path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTreeKey(t *testing.T) {
	a, b := testTree(t), testTree(t)
	if a.key() != b.key() {
		t.Error("the same tree has two keys")
	}
	if err := b.write("more", nil); err != nil {
		t.Fatal(err)
	}
	if a.key() == b.key() {
		t.Error("another tree has the same key")
	}
}

func TestTreeLink(t *testing.T) {
	dir := t.TempDir()
	if err := testTree(t).link(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "dists/one/InRelease"))
	if err != nil || string(got) != "signed" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	needTools(t, "xorriso", "implantisomd5", "checkisomd5")
	k := testKey(t)
	tr := &tree{date: k.date, dir: t.TempDir()}
	deb := []byte("not really a package")
	p := pkg{Name: "a", Version: "1", Arch: "all", Path: "pool/a.deb", stanza: stanza("Package: a\nVersion: 1\nArchitecture: all\nSize: 20\nSHA256: " + hexSum(deb))}
	d := &Distro{Product: "Test", Version: "1", Arch: "amd64", Archive: Archive{Suite: "one", Component: "main"}}
	files, err := repository{distro: d, label: "Test", date: k.date}.files([]pkg{p}, "", k)
	if err != nil {
		t.Fatal(err)
	}
	files[".discinfo"], files["pool/a.deb"], files["padding"] = []byte("id\nTest 1\namd64\n2\n"), deb, make([]byte, 1<<20)
	if err := tr.writeAll(files); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "x.iso")
	if err := tr.iso(t.Context(), image, "TEST_1_D2", false); err != nil {
		t.Fatal(err)
	}
	if wrong := countWrong(t, image); wrong != 0 {
		t.Errorf("%d things wrong with a right image", wrong)
	}
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, bytes.Replace(data, deb, bytes.ToUpper(deb), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if wrong := countWrong(t, image); wrong != 2 {
		t.Errorf("%d things wrong with a damaged package, want the image and the repository", wrong)
	}
}

func countWrong(t *testing.T, image string) int {
	t.Helper()
	findings, err := Check(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range findings {
		if f.Err != nil {
			t.Logf("%s: %v", f.What, f.Err)
			n++
		}
	}
	return n
}

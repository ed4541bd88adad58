package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// find reads a file out of an image.
func find(t testing.TB, image []byte, name string) (string, error) {
	t.Helper()
	r := bytes.NewReader(image)
	v, err := OpenISO(r)
	if err != nil {
		return "", err
	}
	start, size, err := v.Find(r, name)
	if err != nil {
		return "", err
	}
	if start < 0 || size < 0 {
		t.Fatalf("%s lies at %d, %d bytes", name, start, size)
	}
	if start+size > int64(len(image)) {
		return "", errors.New("beyond the end")
	}
	return string(image[start : start+size]), nil
}

func readImage(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFind(t *testing.T) {
	long := strings.Repeat("x", 240)
	files := map[string]string{"a": "A", "Deep/er/1/2/3/4/5/6/7/8/x.deb": "deep", long + "/" + long: "long", "empty": "", "pool/a+b_1%3a2~3.deb": "d"}
	dir := tree(t, files)
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.iso")
	out, err := exec.Command("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", path, dir).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("xorriso is not installed")
	}
	if err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	image := readImage(t, path)
	for name, want := range files {
		if got, err := find(t, image, name); got != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"none", "Deep", "a/b", "deep/er", "Deep/none/x"} {
		if _, err := find(t, image, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = find(t, image, "link")
	checkError(t, err, "symbolic link")
	_, err = find(t, image[:17*isoBlock], "a")
	checkError(t, err, "EOF")
	_, err = find(t, make([]byte, 64<<10), "a")
	checkError(t, err, "no ISO 9660")
}

// record is a directory record with an ISO 9660 name.
func record(name string, flags byte, block, size uint32) string {
	r := make([]byte, 33+len(name)+(33+len(name))%2)
	r[0], r[25], r[32] = byte(len(r)), flags, byte(len(name))
	binary.LittleEndian.PutUint32(r[2:], block)
	binary.LittleEndian.PutUint32(r[10:], size)
	copy(r[33:], name)
	return string(r)
}

func handmade(records ...string) []byte {
	return patches{
		16 * isoBlock:     "\x01CD001\x01",
		16*isoBlock + 128: "\x00\x08",
		16*isoBlock + 156: record("\x00", isoDirectory, 18, isoBlock),
		17 * isoBlock:     "\xffCD001",
		18 * isoBlock:     record("\x00", isoDirectory, 18, isoBlock) + record("\x01", isoDirectory, 18, isoBlock) + strings.Join(records, ""),
		19 * isoBlock:     strings.Repeat("a", isoBlock),
		20 * isoBlock:     strings.Repeat("b", 100),
		21*isoBlock - 1:   "\x00",
	}.image(21 * isoBlock)
}

// A file over 4 GiB has several records; its pieces follow one another.
func TestFindPieces(t *testing.T) {
	whole := handmade(record("BIG.BIN;1", isoMore, 19, isoBlock), record("BIG.BIN;1", 0, 20, 100))
	if got, err := find(t, whole, "big.bin"); len(got) != isoBlock+100 || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_, err := find(t, handmade(record("BIG.BIN;1", isoMore, 20, isoBlock), record("BIG.BIN;1", 0, 19, 100)), "big.bin")
	checkError(t, err, "do not follow one another")
	_, err = find(t, handmade(record("BIG.BIN;1", isoMore, 19, isoBlock)), "big.bin")
	checkError(t, err, "last piece is missing")
	odd := []byte(record("ODD.;1", 0, 19, 5))
	odd[26] = 1
	_, err = find(t, handmade(string(odd)), "odd")
	checkError(t, err, "interleaved")
}

func FuzzFind(f *testing.F) {
	disc := handmade(record("A.TXT;1", 0, 19, 5), record("DIR", isoDirectory, 18, isoBlock), record("BIG.;1", isoMore, 19, isoBlock), record("BIG.;1", 0, 20, 9))
	f.Add(disc[16*isoBlock:], "a.txt")
	f.Add(disc[16*isoBlock:], "dir/dir/big")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		find(t, append(make([]byte, 16*isoBlock), data...), name)
	})
}

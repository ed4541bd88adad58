package mediatest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ImageName is the name of the image that InISO makes.
const ImageName = "images/disc.iso"

// InISO is a store with one file: an ISO 9660 image, by xorriso, with the files of s
// in it. A fault of one of them is the image's at the same place. It is closed with s.
func InISO(t testing.TB, s *Store) *Store {
	t.Helper()
	if _, err := exec.LookPath("xorriso"); err != nil {
		t.Skip("xorriso is not installed")
	}
	dir := t.TempDir()
	image := filepath.Join(dir, "disc.iso")
	args := []string{"-as", "mkisofs", "-quiet", "-R", "-V", "TEST", "-o", image, InDir(t, s)}
	out, err := exec.Command("xorriso", args...).CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("SIGSEGV")) { // xorriso 1.5.4 does that when many run at once
		t.Logf("xorriso crashed, once more: %s", out)
		out, err = exec.Command("xorriso", args...).CombinedOutput()
	}
	if err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	whole := Item{Data: data}
	for name, it := range s.Items() {
		if it.Fault == None {
			continue
		}
		at := bytes.Index(data, it.Data)
		if at < 0 {
			t.Fatalf("%s is not in the image in one piece", name)
		}
		whole.Fault, whole.At = it.Fault, int64(at)+it.At
	}
	in := NewStore(nil)
	in.release = s.release
	in.Put(ImageName, whole)
	return in
}

// InDir writes the files of s to a new directory; faults are not for it.
func InDir(t testing.TB, s *Store) string {
	t.Helper()
	dir := t.TempDir()
	for name, it := range s.Items() {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, it.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

package vmtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Disc makes an ISO image that has files, name → content: a disc of a made-up set
// if there is a .discinfo among them, else one of something else.
func Disc(t testing.TB, label string, files map[string]string) string {
	t.Helper()
	Need(t, "xorriso")
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	iso := filepath.Join(t.TempDir(), label+".iso")
	if err := run(t.Context(), dir, "xorriso", "-report_about", "WARNING", "-as", "mkisofs", "-R", "-V", label, "-o", iso, "."); err != nil {
		t.Fatalf("make a disc: %v", err)
	}
	return iso
}

// BlankDisc makes an image of a disc with nothing on it.
func BlankDisc(t testing.TB) string {
	t.Helper()
	iso := filepath.Join(t.TempDir(), "blank.iso")
	if err := os.WriteFile(iso, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	return iso
}

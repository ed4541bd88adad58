package vmtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/molt-installer/molt/internal/vm/scenario"
)

// Disc makes an ISO image that has files, name → content: a disc of a made-up set
// if there is a .discinfo among them, else one of something else.
func Disc(t testing.TB, label string, files map[string]string) string {
	t.Helper()
	Need(t, "xorriso")
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
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

// Find is where on disc 1 of a set the middle of a file is, in bytes. The file
// is named by a pattern that fits one (filepath.Match).
func Find(t testing.TB, set *scenario.Set, pattern string) int {
	t.Helper()
	files := must(filepath.Glob(filepath.Join(set.Dir, "netboot", pattern)))(t)
	if len(files) != 1 {
		t.Fatalf("%d files are named %s on disc 1: %q", len(files), pattern, files)
	}
	file := must(os.ReadFile(files[0]))(t)
	disc := must(os.ReadFile(set.Disc(1)))(t)
	at := bytes.Index(disc, file)
	if at < 0 {
		t.Fatalf("%s is not on disc 1", files[0])
	}
	return at + len(file)/2
}

// Scratched is disc 1 of a set as QEMU reads it when one sector of a file can't
// be read, whatever is tried (docs/devel/blkdebug.rst there). The file is
// named as for Find.
func Scratched(t testing.TB, set *scenario.Set, pattern string) string {
	t.Helper()
	rule := fmt.Sprintf("[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\nsector = \"%d\"\n", Find(t, set, pattern)/512)
	config := filepath.Join(t.TempDir(), "scratch.conf")
	if err := os.WriteFile(config, []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	return "blkdebug:" + config + ":" + set.Disc(1)
}

package vmtest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// Initramfs writes an archive for the kernel: the archives in base one after
// the other (the kernel unpacks all of them; a later file replaces an earlier one), then
// files, path → content, all of them executable.
func Initramfs(t testing.TB, base []string, files map[string][]byte) string {
	t.Helper()
	var out bytes.Buffer
	for _, b := range base {
		out.Write(must(os.ReadFile(b))(t))
		out.Write(make([]byte, -out.Len()&3)) // each archive starts at a multiple of 4
	}
	made := map[string]bool{".": true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		addDirs(&out, path.Dir(name), made)
		addEntry(&out, name, 0o100755, files[name])
	}
	addEntry(&out, "TRAILER!!!", 0, nil)
	file := filepath.Join(t.TempDir(), "initrd.img")
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func addDirs(out *bytes.Buffer, dir string, made map[string]bool) {
	if made[dir] {
		return
	}
	made[dir] = true
	addDirs(out, path.Dir(dir), made)
	addEntry(out, dir, 0o040755, nil)
}

// addEntry writes an entry in the newc format: Documentation/driver-api/early-userspace/buffer-format.rst
// of the kernel. Owner, times and inode are 0; the kernel needs none of them.
func addEntry(out *bytes.Buffer, name string, mode int, data []byte) {
	fmt.Fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	out.Write(make([]byte, -out.Len()&3))
	out.Write(data)
	out.Write(make([]byte, -out.Len()&3))
}

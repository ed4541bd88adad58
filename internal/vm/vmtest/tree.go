package vmtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/molt-installer/molt/internal/vm/scenario"
)

// Tree is a copy of what a set has for servers, with the files of more instead or
// besides: path → content.
func Tree(t testing.TB, set *scenario.Set, more map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	CopyTree(t, set, dir, more)
	return dir
}

// CopyTree is Tree in a directory of the caller's. The files are not to be written to:
// they may be the set's own.
func CopyTree(t testing.TB, set *scenario.Set, to string, more map[string][]byte) {
	t.Helper()
	from := filepath.Join(set.Dir, "netboot")
	if !exists(from) {
		Missing(t, "the set in %s has no netboot/", set.Dir)
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case more[name] != nil:
			return nil
		}
		if os.Link(path, filepath.Join(to, name)) == nil {
			return nil
		}
		data, err := os.ReadFile(path) // on another file system
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range more {
		if err := os.WriteFile(filepath.Join(to, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Flipped is a file of a set's tree, named as for Find, with its bits flipped at
// a place: from the end, if that is negative. name is its path in the tree.
func Flipped(t testing.TB, set *scenario.Set, pattern string, at int) (name string, data []byte) {
	t.Helper()
	top := filepath.Join(set.Dir, "netboot")
	files := must(filepath.Glob(filepath.Join(top, pattern)))(t)
	if len(files) != 1 {
		t.Fatalf("%d files are named %s: %q", len(files), pattern, files)
	}
	data = bytes.Clone(must(os.ReadFile(files[0]))(t))
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 1
	return must(filepath.Rel(top, files[0]))(t), data
}

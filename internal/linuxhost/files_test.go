package linuxhost

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	h, dir := New(), t.TempDir()
	path := filepath.Join(dir, "etc/deep/file")
	for _, text := range []string{"one", "two, longer", ""} {
		if err := h.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := h.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("got %q, %v", got, err)
		}
	}
	info, err := h.Stat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, _ := h.Glob(filepath.Join(dir, "etc/deep/.*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestSymlinkReplacesAndRemove(t *testing.T) {
	h, path := New(), filepath.Join(t.TempDir(), "link")
	for _, target := range []string{"a", "b"} {
		if err := h.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.Readlink(path); got != target {
			t.Errorf("got %q", got)
		}
	}
	for range 2 {
		if err := h.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

func TestCopy(t *testing.T) {
	for _, size := range []int64{0, 1, chunk, 3*chunk + 5, behind*(maxHeld+2) + 1} {
		dir := t.TempDir()
		data := make([]byte, size)
		rand.Read(data)
		src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "new/dst")
		write(t, src, data, 0o644)
		last := int64(0)
		got, err := New().Copy(context.Background(), src, dst, func(n int64) { last = n })
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if got.Bytes != size || got.SHA256 != hex.EncodeToString(sum[:]) || last != size {
			t.Errorf("size %d: got %+v, progress %d", size, got, last)
		}
		if copied, err := os.ReadFile(dst); err != nil || !bytes.Equal(copied, data) {
			t.Errorf("size %d: contents differ, %v", size, err)
		}
		if names, _ := filepath.Glob(filepath.Join(dir, "new/*")); len(names) != 1 {
			t.Errorf("left behind: %v", names)
		}
	}
}

func TestCopyCancelled(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	write(t, src, make([]byte, 64*chunk), 0o644)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := New().Copy(ctx, src, filepath.Join(dir, "dst"), func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*dst*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestCopyNoSpace(t *testing.T) {
	needRoot(t)
	small := mountTmpfs(t, "size=2m")
	src := filepath.Join(t.TempDir(), "src")
	write(t, src, make([]byte, 4*chunk), 0o644)
	progress := int64(0)
	dst := filepath.Join(small, "dst")
	_, err := New().Copy(context.Background(), src, dst, func(n int64) { progress = n })
	var where *fs.PathError
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &where) || filepath.Dir(where.Path) != small {
		t.Errorf("got %v", err)
	}
	if progress != 0 {
		t.Errorf("copied %d bytes before it saw that the space is short", progress)
	}
	if free, err := New().Free(small); err != nil || free != 2<<20 {
		t.Errorf("free %d, %v", free, err)
	}
}

func BenchmarkCopy(b *testing.B) {
	dir := os.Getenv("MOLT_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
	data := make([]byte, 300<<20)
	rand.Read(data)
	if err := os.WriteFile(src, data, 0o644); err != nil {
		b.Fatal(err)
	}
	defer os.Remove(src)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		os.Remove(dst)
		if _, err := New().Copy(context.Background(), src, dst, nil); err != nil {
			b.Fatal(err)
		}
	}
	os.Remove(dst)
}

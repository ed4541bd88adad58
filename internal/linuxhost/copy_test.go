package linuxhost

import (
	"context"
	"errors"
	"hash"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

// TestCopyTellsOfLateWriteErrors: a disk fails while the copy goes on and is
// well again at its end. The disk is a loop device over a sparse file, for which
// there is room only later.
func TestCopyTellsOfLateWriteErrors(t *testing.T) {
	needRoot(t)
	const size, until = 64 << 20, (maxHeld + 1) * behind // the first wait
	small := mountTmpfs(t, "size=4m")
	disk := attachSparse(t, filepath.Join(small, "disk"), size)
	src := filepath.Join(t.TempDir(), "src")
	write(t, src, pattern(size), 0o644)
	in, out, other := open(t, src, os.O_RDONLY), open(t, disk, os.O_RDWR), open(t, disk, os.O_RDWR)
	c := &copier{in: in, out: out, sum: nullHash{}, progress: func(done int64) {
		switch done {
		case until - chunk:
			if err := other.Sync(); !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENOSPC) {
				t.Errorf("the disk did not fail: %v", err)
			}
		case until:
			if err := unix.Mount("", small, "", unix.MS_REMOUNT, "size=200m"); err != nil {
				t.Error(err)
			}
		}
	}}
	err := errors.Join(c.run(t.Context()), out.Sync())
	if !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, and half of the file is lost", err)
	}
}

func pattern(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i>>12) | 1
	}
	return data
}

func open(t *testing.T, name string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// attachSparse is a loop device over a new file without blocks.
func attachSparse(t *testing.T, name string, size int64) string {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	d, err := loopctl.Attach(t.Context(), f, loopctl.Config{})
	if err != nil {
		t.Skipf("needs a loop device: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Detach(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d.Path()
}

type nullHash struct{ hash.Hash }

func (nullHash) Write(p []byte) (int, error) { return len(p), nil }

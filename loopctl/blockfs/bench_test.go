package blockfs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/loopctl/source"
)

// BenchmarkRead reads a file of 256 MiB from end to end: plain, served, and served from
// the kernel's cache. The plain file's own pages are in memory all the time.
func BenchmarkRead(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root to mount")
	}
	name := b.TempDir() + "/image"
	if err := os.WriteFile(name, pattern(256<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	src, err := source.Open(b.Context(), name, source.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r, err := failover.New(b.Context(), []failover.Source{src}, failover.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	s, err := Mount(b.Context(), b.TempDir(), Config{Reader: r})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("plain", func(b *testing.B) { readAll(b, name, false) })
	b.Run("cold", func(b *testing.B) { readAll(b, s.Path(), true) })
	b.Run("cached", func(b *testing.B) { readAll(b, s.Path(), false) })
}

func readAll(b *testing.B, name string, drop bool) {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(256 << 20)
	p := make([]byte, 1<<20)
	for b.Loop() {
		if drop {
			unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		}
		for off := int64(0); off < 256<<20; off += 1 << 20 {
			if _, err := f.ReadAt(p, off); err != nil {
				b.Fatal(err)
			}
		}
	}
}

package loopctl

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSwitchLTP is the second half of LTP's ioctl_loop02, and ioctl_loop03: a read-only
// device takes a file of the same size and stays read-only; it takes none of another size, and a
// writable device none at all.
func TestSwitchLTP(t *testing.T) {
	const size = 1 << 20
	for _, tc := range []struct {
		name string
		c    Config
		size int
		want error
	}{
		{"the same size", Config{ReadOnly: true}, size, nil},
		{"twice the size", Config{ReadOnly: true}, 2 * size, ErrSizeMismatch},
		{"half the size", Config{ReadOnly: true}, size / 2, ErrSizeMismatch},
		{"device read-write", Config{}, size, ErrNotReadOnly},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, w way) {
				ends := noLeaks(t)
				content := pattern(size, 1)
				from, to := file(t, "from", content), file(t, "to", append(content, content...)[:tc.size])
				d, err := w.attach(from, tc.c)
				if err != nil {
					t.Fatal(err)
				}
				backing := from
				switch err := w.switchTo(d, to); {
				case tc.want == nil && err == nil:
					backing = to
				case tc.want == nil || !refusedFor(err, tc.want):
					t.Errorf("got %v, want %v", err, tc.want)
				}
				if bare := d.ChangeFD(to); !errors.Is(bare, tc.want) || tc.want != nil && !errors.Is(bare, unix.EINVAL) {
					t.Errorf("the ioctl: %v, want %v", bare, tc.want)
				}
				if now := infoOf(t, d); !isBacking(backing, now) || now.BackingFile != backing.Name() || now.ReadOnly != tc.c.ReadOnly {
					t.Errorf("it serves from %+v", now)
				}
				serves(t, d, content)
				release(t, d)
				from.Close()
				to.Close()
				ends()
			})
		})
	}
}

// TestNestedChurn is blktests' loop/006: one device is switched without end while
// another that reads from it is attached and detached: neither hangs, nor do they make a loop.
func TestNestedChurn(t *testing.T) {
	content := pattern(64<<10, 1)
	files := []*os.File{file(t, "a", content), file(t, "b", content)}
	d := attach(t, files[0], Config{ReadOnly: true})
	lower := opened(t, d.Path(), 0)
	ends := noLeaks(t)
	ctx, stop := context.WithCancel(within(t))
	var switcher sync.WaitGroup
	switches := 0
	switcher.Go(func() {
		for ; ctx.Err() == nil; switches++ {
			if err := d.ChangeFD(files[(switches+1)%2]); err != nil {
				t.Errorf("switch %d: %v", switches, err)
				return
			}
		}
	})
	for range 20 {
		upper, err := Attach(ctx, lower, Config{ReadOnly: true})
		if err != nil {
			t.Error(err)
			break
		}
		serves(t, upper, content)
		above := opened(t, upper.Path(), 0)
		if err := d.ChangeFD(above); !errors.Is(err, ErrRecursion) || !errors.Is(err, unix.EBADF) {
			t.Errorf("onto the device above: %v", err)
		}
		above.Close()
		release(t, upper)
	}
	stop()
	switcher.Wait()
	if switches < 5 {
		t.Errorf("only %d switches", switches)
	}
	ends()
}

// TestCapacityMounted is blktests' loop/007: the size of a device is set under a mounted
// file system, which doesn't hang and can be read.
func TestCapacityMounted(t *testing.T) {
	img, tree := image(t, "ext4")
	d := attach(t, img, Config{})
	point := t.TempDir()
	mountOn(t, d.Path(), point, "ext4", 0, "")
	for range 10 {
		if err := d.SetCapacity(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(point+"/new", pattern(64<<10, 9), 0o600); err != nil {
		t.Error(err)
	}
	sameTree(t, tree, point)
}

// TestSwitchKeeps: what a switch has to leave alone, by losetup's word.
func TestSwitchKeeps(t *testing.T) {
	both(t, func(t *testing.T, w way) {
		content := pattern(1<<20, 1)
		from, to := file(t, "from", content), file(t, "to", content)
		d := w.attached(t, from, Config{ReadOnly: true, Offset: 8192, SizeLimit: 256 << 10, BlockSize: 4096})
		before := losetup(t, d)
		if err := w.switchTo(d, to); err != nil {
			t.Fatal(err)
		}
		agree(t, strings.ReplaceAll(before, from.Name(), to.Name()), shown(t, d))
		agree(t, "262144", sizes(t, d))
		serves(t, d, content[8192:8192+256<<10])
	})
}

package loopctl

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// load reads a device at random from many sides, and checks every read.
type load struct {
	content []byte
	ctx     context.Context
	stop    func()
	all     sync.WaitGroup
	reads   [4]atomic.Int64 // by reader
	longest atomic.Int64    // nanoseconds
	fail    func(format string, args ...any)
}

// startLoad starts two direct and two buffered readers; one of the buffered drops the pages it has
// read, so that it comes to the device again.
func startLoad(t *testing.T, d *Device, content []byte, fail func(string, ...any)) *load {
	l := &load{content: content, fail: fail}
	l.ctx, l.stop = context.WithCancel(t.Context())
	for i, flags := range []int{0, 0, unix.O_DIRECT, unix.O_DIRECT} {
		dev, err := os.OpenFile(d.Path(), flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		l.all.Go(func() { defer dev.Close(); l.read(dev, i, i == 1) })
	}
	return l
}

func (l *load) end() {
	l.stop()
	l.all.Wait()
}

func (l *load) read(dev *os.File, reader int, drop bool) {
	whole := aligned(64 << 10)
	for l.ctx.Err() == nil {
		buf := whole[:4096<<rand.IntN(5)]
		off := rand.Int64N(int64(len(l.content)-len(buf))/4096+1) * 4096
		start := time.Now()
		if _, err := dev.ReadAt(buf, off); err != nil {
			l.fail("reader %d at %d: %v", reader, off, err)
			return
		}
		if took := int64(time.Since(start)); took > l.longest.Load() {
			l.longest.Store(took)
		}
		if i := difference(buf, l.content[off:off+int64(len(buf))]); i >= 0 {
			l.fail("reader %d: wrong byte at %d", reader, off+int64(i))
			return
		}
		if drop {
			_ = unix.Fadvise(int(dev.Fd()), off, int64(len(buf)), unix.FADV_DONTNEED)
		}
		l.reads[reader].Add(1)
	}
}

// TestUnderLoad switches back and forth under readers: most switches are the bare ioctl,
// some without verification, some by all the rules. Not one read may fail or be wrong.
func TestUnderLoad(t *testing.T) {
	const size, switches = 8 << 20, 300
	content := pattern(size, 1)
	files := []*os.File{file(t, "a", content), file(t, "b", content)}
	d := attach(t, files[0], Config{ReadOnly: true})
	ends := noLeaks(t)
	l := startLoad(t, d, content, t.Errorf)
	start := time.Now()
	for i := range switches {
		var err error
		switch to := files[(i+1)%2]; {
		case i%60 == 0:
			_, err = d.Switch(t.Context(), to, nil)
		case i%10 == 0:
			_, err = d.Switch(t.Context(), to, &SwitchOptions{Verify: VerifyNone, SkipRecheck: true})
		default:
			err = d.ChangeFD(to)
		}
		if err != nil {
			t.Errorf("switch %d: %v", i, err)
			break
		}
	}
	took := time.Since(start)
	l.end()
	var reads int64
	for i := range l.reads {
		n := l.reads[i].Load()
		reads += n
		if n < switches {
			t.Errorf("reader %d has done only %d reads", i, n)
		}
	}
	t.Logf("%d reads checked over %d switches in %v, the longest %v", reads, switches, took, time.Duration(l.longest.Load()))
	for _, f := range files {
		f.Close() // what of them is still open is a leak
	}
	ends()
}

// TestLoadSees: the readers of TestUnderLoad notice a file with one wrong byte, and one
// whose end is gone.
func TestLoadSees(t *testing.T) {
	const size = 1 << 20
	content := pattern(size, 1)
	for name, spoil := range map[string]func(*os.File) error{
		"a wrong byte": func(f *os.File) error { _, err := f.WriteAt([]byte{content[size/2] + 1}, size/2); return err },
		"a lost end":   func(f *os.File) error { return f.Truncate(size / 2) },
	} {
		t.Run(name, func(t *testing.T) {
			to := file(t, "to", content)
			d := attach(t, file(t, "from", content), Config{ReadOnly: true})
			noticed := make(chan string, 8)
			l := startLoad(t, d, content, func(format string, args ...any) { noticed <- fmt.Sprintf(format, args...) })
			defer l.end()
			if err := d.ChangeFD(to); err != nil {
				t.Fatal(err)
			}
			if err := spoil(to); err != nil {
				t.Fatal(err)
			}
			select {
			case what := <-noticed:
				t.Log(what)
			case <-within(t).Done():
				t.Error("nobody notices")
			}
		})
	}
}

package blockfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/loopctl/failover"
)

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	for _, dev := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(dev); err != nil {
			t.Skip("needs FUSE and loop devices:", err)
		}
	}
}

// pattern is content that says at every place where it is.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		n := uint64(i+1) * 0x9e3779b97f4a7c15
		for j := range 8 {
			b[i+j] = byte(n >> (8 * j))
		}
	}
	return b
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// soon is a context for what should take no time, also after the test.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

// mounted serves c until the end of the test.
func mounted(t *testing.T, c Config) *Server {
	t.Helper()
	asRoot(t)
	s, err := Mount(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("%v; aborted: %v", err, s.Abort())
		}
	})
	return s
}

// attached is a loop device over a file until the end of the test.
func attached(t *testing.T, name string, c loopctl.Config) *loopctl.Device {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := soon()
	defer cancel()
	c.ReadOnly = true
	d, err := loopctl.Attach(ctx, f, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := soon()
		defer cancel()
		if err := d.Detach(ctx); err != nil && !errors.Is(err, loopctl.ErrNotBound) {
			t.Errorf("leaked: %v", err)
		}
	})
	return d
}

// memory is a Reader that can fail.
type memory struct {
	mu      sync.Mutex
	content []byte
	err     error
	longest int // bytes asked for in one read
	reads   int
}

func (m *memory) Size() int64 { return int64(len(m.content)) }

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memory) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	m.longest = max(m.longest, len(p))
	if m.err != nil {
		return 0, m.err
	}
	return bytes.NewReader(m.content).ReadAt(p, off)
}

// timed takes the time of each read of a Reader.
type timed struct {
	*failover.Reader
	mu      sync.Mutex
	longest time.Duration
}

func (r *timed) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	start := time.Now()
	n, err := r.Reader.ReadAt(ctx, p, off)
	took := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.longest = max(r.longest, took)
	return n, err
}

func (r *timed) max() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.longest
}

// load is eight readers of a device, half of them past its page cache, that check all
// they read.
type load struct {
	dev, below *os.File // below: the served file, whose pages are dropped too
	content    []byte
	stop       chan struct{}
	all        sync.WaitGroup

	mu      sync.Mutex
	more    *sync.Cond
	reads   int
	longest time.Duration
	wrong   []error
}

func underLoad(t *testing.T, dev, below string, content []byte) *load {
	t.Helper()
	l := &load{content: content, stop: make(chan struct{})}
	l.more = sync.NewCond(&l.mu)
	for i := range 8 {
		flags := os.O_RDONLY
		if i%2 == 0 {
			flags |= unix.O_DIRECT
		}
		f, err := os.OpenFile(dev, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		cached, err := os.Open(below)
		if err != nil {
			t.Fatal(err)
		}
		l.all.Go(func() {
			defer f.Close()
			l.read(f, cached, uint64(i+1))
		})
	}
	t.Cleanup(func() { l.end(t) })
	return l
}

// read reads 64 KiB at places that look random until told to stop.
func (l *load) read(f, below *os.File, seed uint64) {
	defer func() {
		if below != nil {
			below.Close()
		}
	}()
	const n = 64 << 10
	p := aligned(n)
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		seed = seed*6364136223846793005 + 1442695040888963407
		off := int64(seed>>33) % (int64(len(l.content)) / n) * n
		unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED)
		if below != nil {
			unix.Fadvise(int(below.Fd()), off, n, unix.FADV_DONTNEED)
		}
		start := time.Now()
		got, err := f.ReadAt(p, off)
		l.count(time.Since(start), off, got, err, bytes.Equal(p, l.content[off:off+n]))
	}
}

func (l *load) count(took time.Duration, off int64, n int, err error, right bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	l.longest = max(l.longest, took)
	if err != nil || !right {
		l.wrong = append(l.wrong, fmt.Errorf("%d bytes at %d: right is %v, %w", n, off, right, err))
	}
	l.more.Broadcast()
}

// after waits for n more reads.
func (l *load) after(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for want := l.reads + n; l.reads < want; {
		l.more.Wait()
	}
}

// end stops the readers and reports what was wrong.
func (l *load) end(t *testing.T) {
	t.Helper()
	select {
	case <-l.stop:
		return
	default:
	}
	close(l.stop)
	l.all.Wait()
	if len(l.wrong) > 0 {
		t.Errorf("%d of %d reads are wrong: %v", len(l.wrong), l.reads, errors.Join(l.wrong[:min(5, len(l.wrong))]...))
	}
}

// aligned is a buffer for O_DIRECT.
func aligned(n int) []byte {
	p, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	return p
}

// nothingLeft fails when goroutines of ours or of the library are still there.
func nothingLeft(t *testing.T) {
	t.Helper()
	var text string
	for range 100 {
		buf := make([]byte, 1<<20)
		text = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(text, "go-fuse") && !strings.Contains(text, "failover.") {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("goroutines are left:\n%s", text)
}

// events is what failover tells, to be waited for.
type events chan failover.Event

func (e events) await(t *testing.T, up bool) failover.Event {
	t.Helper()
	ctx, cancel := soon()
	defer cancel()
	for {
		select {
		case got := <-e:
			if got.Up == up {
				return got
			}
		case <-ctx.Done():
			t.Fatalf("nobody told up=%v", up)
		}
	}
}

var _ io.Closer = (*Server)(nil)

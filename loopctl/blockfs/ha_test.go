package blockfs

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/loopctl/source"
)

// deadline is of a request at one source. What a test demands is generous, since the
// machine may be busy; the figures are logged.
const (
	deadline = time.Second
	generous = 5 * time.Second
)

// stoppable is a source that can be made to hang, whatever the context says.
type stoppable struct {
	failover.Source
	mu   sync.Mutex
	hang chan struct{} // nil: it goes
}

func (s *stoppable) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang = make(chan struct{})
}

func (s *stoppable) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang != nil {
		close(s.hang)
		s.hang = nil
	}
}

func (s *stoppable) wait() {
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

func (s *stoppable) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	s.wait()
	return s.Source.ReadAt(ctx, p, off)
}

func (s *stoppable) Size(ctx context.Context) (int64, error) {
	s.wait()
	return s.Source.Size(ctx)
}

func opened(t *testing.T, spec string) failover.Source {
	t.Helper()
	s, err := source.Open(t.Context(), spec, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// site is a device over a file over several sources.
type site struct {
	reader *timed
	server *Server
	dev    *loopctl.Device
	told   events
}

func serve(t *testing.T, dio bool, sources ...failover.Source) *site {
	t.Helper()
	asRoot(t)
	s := &site{told: make(events, 100)}
	r, err := failover.New(t.Context(), sources, failover.Options{
		Deadline: deadline, Probe: 100 * time.Millisecond, Tell: func(e failover.Event) { s.told <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		nothingLeft(t)
	})
	s.reader = &timed{Reader: r}
	s.server = mounted(t, Config{Reader: s.reader, Failed: func(off int64, _ int, err error) { t.Errorf("at %d: %v", off, err) }})
	s.dev = attached(t, s.server.Path(), loopctl.Config{DirectIO: dio})
	if info, err := s.dev.Info(); err != nil || info.DirectIO != dio {
		t.Fatalf("direct I/O is %v, %v", info.DirectIO, err)
	}
	return s
}

// ordeal stops the first source under load, has it come back, and moves the device to a
// file of its own, with no read failing, nor being late.
func ordeal(t *testing.T, s *site, content []byte, stop, resume func()) {
	t.Helper()
	l := underLoad(t, s.dev.Path(), s.server.Path(), content)
	l.after(300)
	before := l.longestSoFar()

	stop()
	down := s.told.await(t, false)
	l.after(300)
	h := s.reader.Health()
	if down.Index != 0 || h[0].State == failover.Closed || h[1].Requests == 0 {
		t.Errorf("told %+v; health %+v", down, h)
	}

	resume()
	if up := s.told.await(t, true); up.Index != 0 {
		t.Errorf("told %+v", up)
	}
	l.after(50) // those that the second has in hand
	had := s.reader.Health()[0].Requests
	l.after(200)
	if h := s.reader.Health(); h[0].Requests < had+50 {
		t.Errorf("the first is not asked again: %+v", h)
	}
	held, below := l.longestSoFar(), s.reader.max()

	moveAway(t, s, content)
	l.after(300)
	l.end(t)
	t.Logf("%d reads; the longest: %v before, %v over the hang (%v in failover), %v in all; deadline %v",
		l.reads, before, held, below, l.longest, deadline)
	if l.longest > deadline+generous || below > deadline+generous {
		t.Errorf("the longest read took %v, in failover %v", l.longest, below)
	}
}

func (l *load) longestSoFar() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.longest
}

// moveAway switches to a local file; then nobody uses the served one any more.
func moveAway(t *testing.T, s *site, content []byte) {
	t.Helper()
	f, err := os.Open(write(t, "local", content))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := soon()
	defer cancel()
	report, err := s.dev.Switch(ctx, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(content); report.SHA256 != hexOf(want) {
		t.Errorf("switched to %s", report.SHA256)
	}
	t.Logf("switched in %v, warnings %v", report.Ioctl, report.Warnings)
	if info, err := s.dev.Info(); err != nil || info.BackingFile != f.Name() {
		t.Errorf("it serves from %s, %v", info.BackingFile, err)
	}
}

func hexOf(sum [32]byte) string {
	const digits = "0123456789abcdef"
	var b []byte
	for _, c := range sum {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return string(b)
}

// TestHungSource: the first source hangs within the process, deaf to its context.
func TestHungSource(t *testing.T) {
	content := pattern(32 << 20)
	for _, dio := range []bool{true, false} {
		name := map[bool]string{true: "direct", false: "buffered"}[dio]
		t.Run(name, func(t *testing.T) {
			first := &stoppable{Source: opened(t, write(t, "a", content))}
			s := serve(t, dio, first, opened(t, write(t, "b", content)))
			t.Cleanup(first.resume)
			ordeal(t, s, content, first.stop, first.resume)
		})
	}
}

// TestStoppedServer: the first source is a web server, which is stopped and goes on.
func TestStoppedServer(t *testing.T) {
	content := pattern(32 << 20)
	image := write(t, "image", content)
	web, url := child(t, "web", filepath.Dir(image))
	s := serve(t, true, opened(t, url+"/image"), opened(t, write(t, "b", content)))
	signal := func(sig unix.Signal) func() {
		return func() {
			if err := web.Signal(sig); err != nil {
				t.Error(err)
			}
		}
	}
	ordeal(t, s, content, signal(unix.SIGSTOP), signal(unix.SIGCONT))
}

// TestHungFileSystem: the first source is a file on a file system whose server is stopped, so
// that reads hang in the kernel, each with its thread.
func TestHungFileSystem(t *testing.T) {
	asRoot(t)
	content := pattern(32 << 20)
	dir := t.TempDir()
	server, path := child(t, "fuse", dir, write(t, "image", content))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH) })
	s := serve(t, true, opened(t, path), opened(t, write(t, "b", content)))
	signal := func(sig unix.Signal) func() {
		return func() {
			if err := server.Signal(sig); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(signal(unix.SIGCONT))
	ordeal(t, s, content, signal(unix.SIGSTOP), signal(unix.SIGCONT))
}

// TestKilledServer: the first source's server dies for good; a wrong copy in its place
// is not taken.
func TestKilledServer(t *testing.T) {
	content := pattern(8 << 20)
	image := write(t, "image", content)
	web, url := child(t, "web", filepath.Dir(image))
	s := serve(t, true, opened(t, url+"/image"), opened(t, write(t, "b", content)))
	l := underLoad(t, s.dev.Path(), s.server.Path(), content)
	l.after(100)
	if err := web.Kill(); err != nil {
		t.Fatal(err)
	}
	down := s.told.await(t, false)
	l.after(100)
	l.end(t)
	if down.Index != 0 || down.Reason == "" {
		t.Errorf("told %+v", down)
	}
	t.Logf("down because: %s; longest read %v", down.Reason, l.longest)
}

// TestCutSource: the first source loses a byte while it serves, and gets it back.
func TestCutSource(t *testing.T) {
	content := pattern(4 << 20)
	a := write(t, "a", content)
	s := serve(t, true, opened(t, a), opened(t, write(t, "b", content)))
	l := underLoad(t, s.dev.Path(), s.server.Path(), content)
	l.after(100)
	st, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(a, int64(len(content)-1)); err != nil {
		t.Fatal(err)
	}
	t.Logf("down because: %s", s.told.await(t, false).Reason)
	l.after(100)
	if err := os.WriteFile(a, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(a, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	s.told.await(t, true)
	l.after(100)
	l.end(t)
}

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// asCommand in the environment makes the test program be the command.
const asCommand = "LOOPCTL_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Unsetenv(asCommand)
		main()
	}
	os.Exit(m.Run())
}

// process is the command running.
type process struct {
	*exec.Cmd
	out    *bufio.Reader
	stderr *transcript
}

// start starts the command, and ends it with the test if it is still there.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for loop devices and mounts")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(self, args...), stderr: &transcript{}}
	p.Env = append(append(os.Environ(), asCommand+"=1"), env...)
	p.Stderr = p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
	})
	return p
}

// line is the next line of the output.
func (p *process) line(t *testing.T) string {
	t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("no more output: %v\n%s", err, p.stderr)
	}
	return strings.TrimSuffix(s, "\n")
}

// event is the next event of that name; others may come before it.
func (p *process) event(t *testing.T, name string) event {
	t.Helper()
	for {
		var e event
		if line := p.line(t); json.Unmarshal([]byte(line), &e) != nil {
			t.Fatalf("not JSON: %s", line)
		}
		if e.Event == name {
			return e
		}
	}
}

// signal asks the command to end.
func (p *process) signal(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func (p *process) status(t *testing.T) int {
	t.Helper()
	kill := time.AfterFunc(time.Minute, func() { p.Process.Kill() })
	defer kill.Stop()
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// random makes a file that nobody can guess.
func random(t *testing.T, size int) (string, []byte) {
	t.Helper()
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(data)
	path := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

// moody is a web server that can be made to hang.
func moody(t *testing.T, data []byte) (url string, hang func(bool)) {
	t.Helper()
	var mu sync.Mutex
	gate := make(chan struct{})
	close(gate)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		g := gate
		mu.Unlock()
		select {
		case <-g:
			http.ServeContent(w, r, "image", time.Unix(1e9, 0), bytes.NewReader(data))
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/image", func(on bool) {
		mu.Lock()
		defer mu.Unlock()
		if on {
			gate = make(chan struct{})
		} else {
			close(gate)
		}
	}
}

// readers read a device past its cache and compare, until they are stopped.
type readers struct {
	stop    chan struct{}
	all     sync.WaitGroup
	reads   atomic.Int64
	longest atomic.Int64
	wrong   atomic.Value
}

func read(t *testing.T, dev string, data []byte) *readers {
	t.Helper()
	r := &readers{stop: make(chan struct{})}
	for range 4 {
		f, err := os.OpenFile(dev, os.O_RDONLY|syscall.O_DIRECT, 0)
		if err != nil {
			t.Fatal(err)
		}
		buf, err := syscall.Mmap(-1, 0, 16<<10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		r.all.Go(func() {
			defer f.Close()
			defer syscall.Munmap(buf)
			r.loop(f, buf, data)
		})
	}
	return r
}

func (r *readers) loop(f *os.File, buf, data []byte) {
	for {
		select {
		case <-r.stop:
			return
		default:
		}
		off := rand.Int64N(int64(len(data)/len(buf))) * int64(len(buf))
		start := time.Now()
		_, err := f.ReadAt(buf, off)
		if took := int64(time.Since(start)); took > r.longest.Load() {
			r.longest.Store(took)
		}
		if err != nil || !bytes.Equal(buf, data[off:off+int64(len(buf))]) {
			r.wrong.Store(fmt.Sprintf("read at %d: %v", off, err))
			return
		}
		r.reads.Add(1)
	}
}

// done ends the readers, who must have read something and found nothing wrong.
func (r *readers) done(t *testing.T) {
	t.Helper()
	close(r.stop)
	r.all.Wait()
	if wrong := r.wrong.Load(); wrong != nil || r.reads.Load() == 0 {
		t.Errorf("%d reads, %v", r.reads.Load(), wrong)
	}
	t.Logf("%d reads, the longest %v", r.reads.Load(), time.Duration(r.longest.Load()))
}

// TestServe: the first source hangs under load and comes back; a signal finds the device
// in use, and the end comes when it no longer is.
func TestServe(t *testing.T) {
	path, data := random(t, 8<<20)
	url, hang := moody(t, data)
	p := start(t, nil, "serve", "--attach", "--json", "--deadline", "400ms", "--failures", "1", "--probe", "50ms", url, path)
	ready := p.event(t, "ready")
	if ready.Size != int64(len(data)) || ready.Device == "" {
		t.Fatalf("%+v", ready)
	}
	load := read(t, ready.Device, data)
	hang(true)
	if down := p.event(t, "down"); !strings.Contains(down.Source.Source, "127.0.0.1") || down.Source.Reason == "" {
		t.Errorf("%+v", down)
	}
	before := load.reads.Load()
	hang(false)
	p.event(t, "up")
	if load.reads.Load() == before {
		t.Error("nothing was read while the first source was down")
	}
	p.signal(t)
	p.event(t, "stopping")
	busy := p.event(t, "busy")
	if me := fmt.Sprintf("pid %d", os.Getpid()); !slices.ContainsFunc(busy.Users, func(u string) bool { return strings.Contains(u, me) }) {
		t.Errorf("%s isn't named: %q", me, busy.Users)
	}
	load.done(t)
	if longest := time.Duration(load.longest.Load()); longest > 5*time.Second { // loopctl/failover proves the exact bound
		t.Errorf("a read took %v", longest)
	}
	p.event(t, "ended")
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d: %s", code, p.stderr)
	}
	gone(t, ready.Device, ready.Path)
}

// gone says that nothing is left of a service.
func gone(t *testing.T, dev, path string) {
	t.Helper()
	if out, _, _ := try(t, "list", "-nO", "NAME,BACK-FILE"); strings.Contains(out, path) {
		t.Errorf("%s is still bound: %s", dev, out)
	}
	if mounts, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(mounts), filepath.Dir(path)+" ") {
		t.Errorf("%s is still mounted", filepath.Dir(path))
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil && strings.HasPrefix(path, "/run/") {
		t.Errorf("%s is still there", filepath.Dir(path))
	}
}

// TestServeEndsAtSecondSignal: reads fail from then on, and the status says so.
func TestServeEndsAtSecondSignal(t *testing.T) {
	path, data := random(t, 1<<20)
	dir := t.TempDir()
	p := start(t, nil, "serve", "--mount", dir, path)
	served := p.line(t)
	if filepath.Dir(served) != dir {
		t.Fatal(served)
	}
	f, err := os.Open(served)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(data))
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, data) {
		t.Error("wrong content:", err)
	}
	p.signal(t)
	if !p.stderr.wait("stopping\n") || !p.stderr.wait("still in use") {
		t.Fatal(p.stderr)
	}
	p.signal(t)
	if code := p.status(t); code != 6 || !strings.Contains(p.stderr.String(), errStillServed.Error()) {
		t.Errorf("exit status %d: %s", code, p.stderr)
	}
	gone(t, "", served)
}

// TestServeLetsGoOfWhatHasMoved: a device that was switched to another file stays.
func TestServeLetsGoOfWhatHasMoved(t *testing.T) {
	path, data := random(t, 1<<20)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, data, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "serve", "--attach", path)
	dev := p.line(t)
	if _, errs, code := try(t, "switch", "--quiet", dev, elsewhere); code != 0 {
		t.Fatal(errs)
	}
	t.Cleanup(func() { try(t, "detach", dev) })
	p.signal(t)
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d: %s", code, p.stderr)
	}
	if out, errs, code := try(t, "list", "-nO", "AUTOCLEAR,BACK-FILE", dev); code != 0 || strings.Join(strings.Fields(out), " ") != "0 "+elsewhere {
		t.Errorf("%q %s", out, errs)
	}
}

// TestServeNotifies: what a systemd unit with Type=notify waits for.
func TestServeNotifies(t *testing.T) {
	path, _ := random(t, 1<<20)
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := start(t, []string{"NOTIFY_SOCKET=" + socket}, "serve", path)
	served := p.line(t)
	buf := make([]byte, 100)
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		l.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, _, err := l.ReadFrom(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("%q, want %s: %v", buf[:n], want, err)
		}
		if want == "READY=1" {
			p.signal(t)
		}
	}
	if code := p.status(t); code != 0 {
		t.Errorf("exit status %d: %s", code, p.stderr)
	}
	gone(t, "", served)
}

// TestServeRefuses: nothing to serve from, and nothing left behind.
func TestServeRefuses(t *testing.T) {
	path, _ := random(t, 1<<20)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"/does/not/exist"}, "no such file"},
		{[]string{path, file(t, "short", 4096)}, "differ in size"},
		{[]string{"--mount", "/does/not/exist", path}, "no such file"},
		{[]string{"gopher://x/y"}, "gopher"},
	} {
		p := start(t, nil, append([]string{"serve"}, tc.args...)...)
		if code := p.status(t); code != 1 || !strings.Contains(p.stderr.String(), tc.want) {
			t.Errorf("%v: exit status %d: %s", tc.args, code, p.stderr)
		}
	}
}

// TestRescue: the server is dead, and the way on that the hint shows works.
func TestRescue(t *testing.T) {
	path, data := random(t, 1<<20)
	dir := t.TempDir()
	p := start(t, nil, "serve", "--mount", dir, path)
	dev := attached(t, "-r", p.line(t))
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	p.Process.Kill()
	p.Wait()
	_, errs, code := try(t, "switch", "--quiet", dev, path)
	if code != 1 || !strings.Contains(errs, "--rescue --digest SHA256 "+dev) {
		t.Errorf("exit status %d: %s", code, errs)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	if _, errs, code := try(t, "switch", "--rescue", "--digest", sum, dev, path); code != 0 {
		t.Fatalf("exit status %d: %s", code, errs)
	}
	if got, err := os.ReadFile(dev); err != nil || !bytes.Equal(got, data) {
		t.Error("wrong content:", err)
	}
}

package lan

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Server is a program that runs until the test ends.
type Server struct {
	lan   *LAN
	cmd   *exec.Cmd
	mu    sync.Mutex
	said  strings.Builder
	heard chan struct{} // closed and replaced with every line
	ended bool
}

// start starts a server and waits until it has said that it is ready.
func (l *LAN) start(ready, name string, args ...string) *Server {
	l.t.Helper()
	s := &Server{lan: l, cmd: exec.Command(name, args...), heard: make(chan struct{})}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	out, in := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = in, in
	do(l.t, s.cmd.Start())
	var wg sync.WaitGroup
	wg.Go(func() { s.listen(out) })
	wg.Go(func() { _ = s.cmd.Wait(); in.Close() })
	l.t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		wg.Wait()
		if l.t.Failed() {
			l.t.Logf("%s said:\n%s", name, lastOf(s.Said(), 40))
		}
	})
	if ready != "" {
		s.Await(ready, 1)
	}
	return s
}

func (s *Server) listen(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		s.tell(func() { s.said.WriteString(lines.Text() + "\n") })
	}
	s.tell(func() { s.ended = true })
}

func (s *Server) tell(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.heard)
	s.heard = make(chan struct{})
}

// Said is everything the server said, its requests included.
func (s *Server) Said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// Await waits until what the server said matches n times, for two minutes at most.
func (s *Server) Await(pattern string, n int) {
	s.lan.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for {
		s.mu.Lock()
		said, heard, ended := s.said.String(), s.heard, s.ended
		s.mu.Unlock()
		if len(re.FindAllStringIndex(said, n)) >= n {
			return
		}
		if ended {
			s.lan.t.Fatalf("%s has ended, without %q:\n%s", s.cmd.Path, pattern, said)
		}
		select {
		case <-heard:
		case <-limit.C:
			s.lan.t.Fatalf("%s did not say %q %d times:\n%s", s.cmd.Path, pattern, n, lastOf(said, 40))
		}
	}
}

// Stop makes the server hang; Continue ends that.
func (s *Server) Stop() { s.lan.t.Helper(); do(s.lan.t, s.cmd.Process.Signal(unix.SIGSTOP)) }

// Continue is the end of Stop.
func (s *Server) Continue() { s.lan.t.Helper(); do(s.lan.t, s.cmd.Process.Signal(unix.SIGCONT)) }

// listens waits until there is somebody at a TCP port of the host.
func (l *LAN) listens(port string) {
	l.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		if c, err := net.Dial("tcp", net.JoinHostPort(Host4, port)); err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	l.t.Fatalf("nobody listens on port %s", port)
}

// lastOf is the last n lines of s.
func lastOf(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

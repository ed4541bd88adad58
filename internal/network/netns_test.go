package network

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/nstest"
)

// namespaced runs the calling test in a process with network, mounts, processes
// and host name of its own, in which it returns true; elsewhere it reports how that went.
func namespaced(t *testing.T) bool {
	t.Helper()
	if nstest.Inside(t) {
		isolate(t)
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	for _, program := range []string{"dnsmasq", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s (molt deps installs it)", program)
		}
	}
	nstest.Again(t, unix.CLONE_NEWNET|unix.CLONE_NEWNS|unix.CLONE_NEWUTS|unix.CLONE_NEWPID)
	return false
}

// isolate gives the process an /etc and a /run of its own.
func isolate(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	do(unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	for _, d := range []string{"upper", "work"} {
		do(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	do(unix.Mount("overlay", "/etc", "overlay", 0, fmt.Sprintf("lowerdir=/etc,upperdir=%s/upper,workdir=%s/work", dir, dir)))
	t.Cleanup(func() { _ = unix.Unmount("/etc", unix.MNT_DETACH) })
	do(unix.Mount("proc", "/proc", "proc", 0, ""))
	do(unix.Mount("tmpfs", "/run", "tmpfs", 0, ""))
	do(unix.Mount("sysfs", "/sys", "sysfs", 0, ""))
	do(LinkResolvConf("/"))
	ip(t, "link set lo up")
	ip(t, "netns add far")
}

func ip(t *testing.T, args string) { t.Helper(); nstest.IP(t, args) }

// cable makes the card name, whose other end is name+"far" in the namespace
// "far", with these addresses. That end is up only if linked.
func cable(t *testing.T, name string, linked bool, addresses ...string) {
	t.Helper()
	ip(t, "link add "+name+" type veth peer name "+name+"far netns far")
	for _, a := range addresses {
		nodad := ""
		if strings.Contains(a, ":") {
			nodad = " nodad"
		}
		ip(t, "-n far addr add "+a+" dev "+name+"far"+nodad)
	}
	if linked {
		plug(t, name)
	}
}

func plug(t *testing.T, name string)   { t.Helper(); ip(t, "-n far link set "+name+"far up") }
func unplug(t *testing.T, name string) { t.Helper(); ip(t, "-n far link set "+name+"far down") }

// journal is what a server says.
type journal struct {
	mu    sync.Mutex
	lines []string
	ended bool
	bell  bell
}

func (j *journal) read(r io.Reader) {
	for s := bufio.NewScanner(r); s.Scan(); {
		j.mu.Lock()
		j.lines = append(j.lines, s.Text())
		j.mu.Unlock()
		j.bell.ring()
	}
	j.mu.Lock()
	j.ended = true
	j.mu.Unlock()
	j.bell.ring()
}

// await waits until there are n lines with text.
func (j *journal) await(t *testing.T, text string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	said := func() bool { return strings.Count(strings.Join(j.lines, "\n"), text) >= n }
	err := j.bell.until(ctx, func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.ended || said()
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil || !said() {
		t.Fatalf("%q was not said %d times:\n%s", text, n, strings.Join(j.lines, "\n"))
	}
}

// dnsmasq starts a server in the namespace "far".
func dnsmasq(t *testing.T, args ...string) *journal {
	t.Helper()
	dir := t.TempDir()
	args = append([]string{"netns", "exec", "far", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--no-resolv",
		"--no-hosts", "--bind-dynamic", "--no-ping", "--log-dhcp", "--log-facility=-", "--pid-file=",
		"--dhcp-leasefile=" + filepath.Join(dir, "leases"), "--local=/test/"}, args...)
	cmd := exec.Command("ip", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	var wg sync.WaitGroup
	wg.Go(func() { j.read(pipe) })
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		wg.Wait()
		_ = cmd.Wait()
	})
	j.await(t, "started, version", 1)
	return j
}

// states keeps what was told, and lets tests wait for it.
type states struct {
	mu   sync.Mutex
	all  []State
	bell bell
}

func (s *states) tell(st State) {
	s.mu.Lock()
	s.all = append(s.all, st)
	s.mu.Unlock()
	s.bell.ring()
}

func (s *states) String() string { return s.since(0) }

// since are the states from the n-th on.
func (s *states) since(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, st := range s.all[n:] {
		lines = append(lines, st.String())
	}
	return strings.Join(lines, "\n")
}

// told is how many states there were so far.
func (s *states) told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// await waits until something was told of which text is a part, at any time.
func (s *states) await(ctx context.Context, text string) error { return s.awaitFrom(ctx, 0, text) }

// awaitFrom is await for the states from the n-th on: what was told before
// something was done says nothing of what came of it.
func (s *states) awaitFrom(ctx context.Context, n int, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.bell.until(ctx, func() bool { return strings.Contains(s.since(n), text) }); err != nil {
		return fmt.Errorf("%q was not told after the first %d, but\n%s", text, n, s)
	}
	return nil
}

// options parses a command line that must be right.
func options(t *testing.T, line string) bootargs.Options {
	t.Helper()
	o, warnings := bootargs.Parse(line)
	for _, w := range warnings {
		t.Fatal(w)
	}
	return o
}

// source is a Config whose source is dnsmasq's own TCP port, by name.
func source(t *testing.T, line string, s *states) Config {
	t.Helper()
	return Config{
		Options: options(t, line), Hosts: []string{"mirror.test"}, Tell: s.tell,
		First: func(ctx context.Context) error {
			c, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", "mirror.test:53")
			if err == nil {
				c.Close()
			}
			return err
		},
	}
}

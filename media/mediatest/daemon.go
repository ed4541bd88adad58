package mediatest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Daemon is a real server, run as processes of its own until the test ends.
type Daemon struct {
	Address string // "127.0.0.1:4711"

	t    testing.TB
	args []string
	cmd  *exec.Cmd
}

// startDaemon runs a server's program and returns when it answers at address.
func startDaemon(t testing.TB, address string, args ...string) *Daemon {
	t.Helper()
	d := &Daemon{Address: address, t: t, args: args}
	d.Start()
	t.Cleanup(d.Kill)
	return d
}

// Start starts it again, after Kill.
func (d *Daemon) Start() {
	d.t.Helper()
	d.cmd = exec.Command(d.args[0], d.args[1:]...)
	d.cmd.Stdout, d.cmd.Stderr = d.t.Output(), d.t.Output()
	d.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.answers()
}

// Kill ends it as a power failure would.
func (d *Daemon) Kill() {
	if d.cmd.ProcessState != nil {
		return
	}
	d.Signal(unix.SIGSTOP) // what is stopped has no further children
	d.Signal(unix.SIGKILL)
	_ = d.cmd.Wait() // it was killed
}

// Signal is for the server and all that it started, which can be in other
// groups: SIGSTOP makes it hang, SIGCONT goes on.
func (d *Daemon) Signal(sig unix.Signal) {
	d.t.Helper()
	for _, pid := range family(d.cmd.Process.Pid) {
		if err := unix.Kill(pid, sig); err != nil && err != unix.ESRCH {
			d.t.Errorf("kill %d: %v", pid, err)
		}
	}
}

// family is a process, its children and theirs.
func family(pid int) []int {
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, l := range lists {
		data, _ := os.ReadFile(l)
		for _, word := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, family(child)...)
			}
		}
	}
	return all
}

// answers waits until somebody listens.
func (d *Daemon) answers() {
	d.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		c, err := net.Dial("tcp", d.Address)
		if err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	d.t.Fatalf("nobody listens on %s", d.Address)
}

// port is that of the Address.
func (d *Daemon) port() string {
	_, port, _ := net.SplitHostPort(d.Address)
	return port
}

// freePort is one of host that nobody uses.
func freePort(t testing.TB, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// find is the path of a server's program.
func find(t testing.TB, name string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the server changes its user")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip(name + " is not installed")
	}
	return path
}

// forAll lets the servers' own users read dir.
func forAll(t testing.TB, dir string) string {
	t.Helper()
	for d := dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writeFile(t testing.TB, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

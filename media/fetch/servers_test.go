package fetch_test

import (
	"bufio"
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

	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
)

// daemon runs a server of Debian's with its own configuration until the test
// ends, and returns its process once it answers at address.
func daemon(t testing.TB, address, name string, args ...string) *os.Process {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip(name + " is not installed")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		signal(t, cmd.Process, unix.SIGSTOP) // what is stopped has no further children
		signal(t, cmd.Process, unix.SIGKILL)
		cmd.Wait()
	})
	answers(t, address)
	return cmd.Process
}

// signal is for a server and for all that it started, which can be in other groups.
func signal(t testing.TB, p *os.Process, sig unix.Signal) {
	t.Helper()
	for _, pid := range family(p.Pid) {
		if err := unix.Kill(pid, sig); err != nil && err != unix.ESRCH {
			t.Errorf("kill %d: %v", pid, err)
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
func answers(t testing.TB, address string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	t.Fatalf("nobody listens on %s", address)
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the server changes its user")
	}
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

func writeFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nginx serves a directory; its URL and process.
func nginx(t testing.TB, dir string) (string, *os.Process) {
	needRoot(t)
	address := "127.0.0.1:" + freePort(t)
	tmp := t.TempDir()
	conf := writeFile(t, fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr; user www-data; worker_processes 1;
events {}
http { access_log off; sendfile on; default_type application/octet-stream;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen %[2]s; root %[3]s; location /closed/ { deny all; } } }
`, tmp, address, forAll(t, dir)))
	return "http://" + address, daemon(t, address, "nginx", "-c", conf, "-e", "stderr")
}

// vsftpd serves a directory to everybody.
func vsftpd(t testing.TB, dir string, more ...string) (string, *os.Process) {
	needRoot(t)
	address := "127.0.0.1:" + freePort(t)
	_, port, _ := net.SplitHostPort(address)
	empty := t.TempDir()
	conf := writeFile(t, fmt.Sprintf(`listen=YES
listen_address=127.0.0.1
listen_port=%s
background=NO
anonymous_enable=YES
local_enable=NO
anon_root=%s
secure_chroot_dir=%s
seccomp_sandbox=NO
xferlog_enable=NO
%s
`, port, forAll(t, dir), empty, strings.Join(more, "\n")))
	return "ftp://" + address, daemon(t, address, "vsftpd", conf)
}

// Conformance, as far as real servers can be asked for it.
func TestRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	over := func(serve func(testing.TB, string) string) func(testing.TB, *mediatest.Store) fetch.Tree {
		return func(t testing.TB, s *mediatest.Store) fetch.Tree {
			return open(t, serve(t, mediatest.InDir(t, s)), fetch.Options{})
		}
	}
	web := over(func(t testing.TB, dir string) string { url, _ := nginx(t, dir); return url })
	files := over(func(t testing.TB, dir string) string { url, _ := vsftpd(t, dir); return url })
	passive := over(func(t testing.TB, dir string) string {
		url, _ := vsftpd(t, dir, "cmds_denied=EPSV")
		return url
	})
	for name, k := range map[string]mediatest.Kind{
		"nginx": {Open: web}, "vsftpd": {Open: files}, "vsftpd-PASV": {Open: passive},
		"iso-at-nginx": {Open: inISO(web)}, "iso-at-vsftpd": {Open: inISO(files)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mediatest.Run(t, k)
		})
	}
}

// A server that is stopped in the middle, cancelled, and one that is killed for good.
func TestRealServersHang(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"x": mediatest.Bytes(1, 32<<20)}))
	for name, start := range map[string]func(testing.TB, string) (string, *os.Process){
		"nginx":  nginx,
		"vsftpd": func(t testing.TB, dir string) (string, *os.Process) { return vsftpd(t, dir) },
	} {
		for _, tt := range []struct {
			name    string
			signal  unix.Signal
			reasons []error
		}{
			{"stopped", unix.SIGSTOP, []error{fetch.ErrTimeout}},
			{"killed", unix.SIGKILL, []error{fetch.ErrRefused}},
		} {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				url, process := start(t, dir)
				tree := open(t, url, fetch.Options{})
				f, err := tree.Open(t.Context(), "x")
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				s, err := f.Stream(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Read(make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				signal(t, process, tt.signal)
				begin := time.Now()
				_, err = bufio.NewReader(s).WriteTo(discard{})
				mediatest.Check(t, err, tt.reasons...)
				if d := time.Since(begin); d > 3*mediatest.Stall {
					t.Errorf("it took %v", d)
				}
				t.Log(err)
			})
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestRealServersRefuse(t *testing.T) {
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"closed/x": []byte("x")}))
	url, _ := nginx(t, dir)
	_, err := read(t, open(t, url, fetch.Options{}), "closed/x")
	checkWords(t, err, fetch.ErrForbidden, "403 Forbidden")
	url, _ = vsftpd(t, dir)
	_, err = read(t, open(t, withUser(url), fetch.Options{}), "closed/x")
	checkWords(t, err, fetch.ErrLogin, "anonymous only")
}

package linuxhost

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/host"
)

func sh(script string) host.Command { return host.Command{Args: []string{"sh", "-c", script}} }

func TestRunOutput(t *testing.T) {
	var got []string
	c := sh(`echo one; echo two >&2; printf '10%%\r20%%\r\n'; cat; printf '%s %s' "$LC_ALL" "$X"`)
	c.Stdin, c.Env = "in\n", []string{"X=y"}
	c.Line = func(l string) { got = append(got, l) }
	if err := New().Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	want := []string{"one", "two", "10%", "20%", "in", "C.UTF-8 y"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRunStdoutAndFds(t *testing.T) {
	var stdout, three, four bytes.Buffer
	var lines []string
	c := sh(`printf 'a\r\nb'; echo err >&2; echo drei >&3; echo vier >&4`)
	c.Stdout, c.Fds, c.Line = &stdout, []io.Writer{&three, &four}, func(l string) { lines = append(lines, l) }
	if err := New().Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	got := []string{stdout.String(), three.String(), four.String(), strings.Join(lines, "|")}
	if d := cmp.Diff([]string{"a\r\nb", "drei\n", "vier\n", "err"}, got); d != "" {
		t.Error(d)
	}
}

func TestRunFails(t *testing.T) {
	err := New().Run(context.Background(), sh(`seq 30; exit 3`))
	var exit *host.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("got %v", err)
	}
	if exit.Code != 3 || len(exit.Tail) != 20 || exit.Tail[19] != "30" {
		t.Errorf("got %+v", exit)
	}
	err = New().Run(context.Background(), sh(`kill -9 $$`))
	if !errors.As(err, &exit) || exit.Code != -1 {
		t.Errorf("killed: %v", err)
	}
	err = New().Run(context.Background(), host.Command{Args: []string{"no-such-program"}})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
}

func TestRunCancelEndsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	pids := make(chan string, 1)
	c := sh(`sh -c 'echo $$; exec sleep 100' & wait`)
	c.Line = func(l string) { pids <- l; cancel() }
	start := time.Now()
	err := New().Run(ctx, c)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > grace {
		t.Errorf("took %v", d)
	}
	pid, err := strconv.Atoi(<-pids)
	if err != nil {
		t.Fatal(err)
	}
	if !endsSoon(pid) {
		t.Error("the child is still there")
	}
}

// endsSoon waits for the end of a process that is not our child.
func endsSoon(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return errors.Is(err, unix.ESRCH)
	}
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	return err == nil && n == 1
}

func TestRunDoesNotWaitForDaemons(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var pid string
	c := sh(`sleep 100 & echo $!`)
	c.Line, c.Fds = func(l string) { pid = l }, []io.Writer{w}
	if err := New().Run(context.Background(), c); err != nil {
		t.Error(err)
	}
	daemon, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(daemon, 0); err != nil {
		t.Errorf("the daemon is gone: %v", err)
	}
	unix.Kill(daemon, unix.SIGTERM)
}

func TestRunChroot(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox here")
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "usr/bin/busybox"), data, 0o755)
	if err := os.Symlink("/usr/bin/busybox", filepath.Join(root, "usr/bin/ls")); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = New().Run(context.Background(), host.Command{
		Args: []string{"ls", "/"}, Root: root, Line: func(l string) { got = append(got, l) },
	})
	if err != nil {
		t.Skipf("no static busybox here: %v", err)
	}
	if d := cmp.Diff([]string{"usr"}, got); d != "" {
		t.Error(d)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if syscall.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func write(t *testing.T, path string, data []byte, perm os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, perm); err != nil {
		t.Fatal(err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\nb", 1)
	f.Add("10%\r20%\r\n\n", 3)
	f.Add(strings.Repeat("x", maxLine+7)+"\r\n", 5)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		split := func(parts ...string) (got []string) {
			l := &lines{emit: func(s string) { got = append(got, s) }, keep: 2}
			for _, p := range parts {
				l.Write([]byte(p))
			}
			l.flush()
			return got
		}
		if cut < 0 || cut > len(text) {
			cut = len(text) / 2
		}
		whole := split(text)
		if d := cmp.Diff(whole, split(text[:cut], text[cut:])); d != "" {
			t.Error("writing in parts gives other lines:", d)
		}
		for _, l := range whole {
			if len(l) > maxLine || strings.ContainsAny(l, "\r\n") {
				t.Errorf("not a line: %q", l)
			}
		}
	})
}

func TestRunNoSync(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a filter of system calls needs root")
	}
	for _, noSync := range []bool{false, true} {
		var status []string
		c := sh(`cat /proc/self/status; sync`)
		c.NoSync, c.Line = noSync, func(l string) { status = append(status, l) }
		if err := New().Run(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		got := strings.Contains(strings.Join(status, "\n"), "Seccomp:\t2")
		if got != noSync {
			t.Errorf("NoSync %v: filter is %v", noSync, got)
		}
	}
	own, err := os.ReadFile("/proc/thread-self/status")
	if err != nil || strings.Contains(string(own), "Seccomp:\t2") {
		t.Errorf("the filter has stayed: %v", err)
	}
}

// TestSyncFilter has the kernel's own word for what the filter lets through:
// a sync of a file descriptor that isn't one.
func TestSyncFilter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a filter of system calls needs root")
	}
	got := make(chan [2]error)
	go func() {
		runtime.LockOSThread()
		before := unix.Fsync(-1)
		ignoreSync()
		got <- [2]error{before, errors.Join(unix.Fsync(-1), unix.Fdatasync(-1), unix.Syncfs(-1), unix.SyncFileRange(-1, 0, 0, 0))}
	}()
	errs := <-got
	if !errors.Is(errs[0], unix.EBADF) || errs[1] != nil {
		t.Errorf("before the filter %v, then %v", errs[0], errs[1])
	}
}

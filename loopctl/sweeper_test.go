package loopctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a test leaves to its Cleanup nobody does when a panic, the test's deadline or
// SIGKILL ends the process. It may not even end: a thread in a read that hangs keeps the
// descriptor of the very server that would have to die for the read to end. So a second process
// does it: the sweeper.
const (
	asSweeper = "LOOPCTL_TEST_SWEEP" // the directory of the tests
	asHanging = "LOOPCTL_TEST_HANG"
)

// startSweeper starts one for dir; dismiss ends it without a sweep. The kernel tells it when
// the thread that has started it ends.
func startSweeper(dir string) (dismiss func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Dir, cmd.Env, cmd.Stdin = "/", []string{asSweeper + "=" + dir}, r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	runtime.LockOSThread()
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return func() {
		w.Write([]byte{0})
		w.Close()
		cmd.Wait()
		runtime.UnlockOSThread()
	}, nil
}

// sweeper waits until it is dismissed, or has work.
func sweeper(dir string) int {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(os.Stdin).ReadByte()
		ended <- err
	}()
	select {
	case <-died:
	case err := <-ended:
		if err == nil {
			return 0
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for wait := newBackoff(); !swept(dir); {
		if wait.next(ctx) != nil {
			return 1
		}
	}
	if os.RemoveAll(dir) != nil {
		return 1
	}
	return 0
}

// swept takes down what it can of what lies under dir, and says that there was nothing left.
// A device keeps a file system busy, and the other way round: it takes more than one round.
func swept(dir string) bool {
	clean := true
	all, _ := pids()
	for _, pid := range all { // commands that were started from there
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && strings.HasPrefix(exe, dir+"/") {
			clean = false
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	mounts, _ := readMounts("/proc/self/mountinfo")
	for _, m := range slices.Backward(mounts) {
		if strings.HasPrefix(m.point, dir+"/") {
			clean = false
			// The force ends what hangs there, busy or not. Never lazily: then a device can't be told by its path any more.
			unix.Unmount(m.point, unix.MNT_FORCE)
		}
	}
	infos, err := List()
	for _, info := range infos {
		if strings.HasPrefix(info.BackingFile, dir+"/") {
			clean = false
			clearDevice(info.Path)
		}
	}
	return clean && err == nil
}

func clearDevice(path string) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_ = unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0)
}

// TestSweeper: a process of tests that is killed in the middle of a read and of a switch that
// hang ends, and leaves no mount, no device and no file.
func TestSweeper(t *testing.T) {
	if os.Getenv(asHanging) != "" {
		hangForEver(t)
	}
	asRoot(t)
	cmd := exec.CommandContext(within(t), "/proc/self/exe", "-test.run=^TestSweeper$")
	cmd.Env = append(os.Environ(), asHanging+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		_, dir, _ = strings.Cut(lines.Text(), "hangs in ")
	}
	cmd.Process.Kill()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if cmd.ProcessState.ExitCode() != -1 || dir == "" {
			t.Fatalf("it ended with %v, in %q", err, dir)
		}
	case <-within(t).Done():
		t.Fatal("it doesn't end")
	}
	until(t, "all is swept", func() bool {
		_, err := os.Lstat(dir)
		return errors.Is(err, os.ErrNotExist)
	})
}

// hangForEver is what TestSweeper kills.
func hangForEver(t *testing.T) {
	content := pattern(1<<20, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	to := file(t, "to", content)
	dev, err := d.directReader()
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	go readFull(dev, aligned(4096), 512<<10)
	<-h.parked
	exchange(context.Background(), d.f, to, func() { fmt.Println("hangs in", os.TempDir()) })
	t.Fatal("it doesn't hang")
}

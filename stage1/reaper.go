package stage1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

// clearTime is what programs get to end after SIGTERM.
const clearTime = 3 * time.Second

// reaper is the real processes. As process 1 it takes the exit status of every
// process whose parent has died, and those of its own programs.
type reaper struct {
	started chan struct{}
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{started: make(chan struct{}, 1), waiting: map[int]chan syscall.WaitStatus{}}
	go r.reap()
	return r
}

// reap waits for children for ever. Without children it waits for the next to
// be started: only a child can leave others behind.
func (r *reaper) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			<-r.started
		case err == nil:
			r.mu.Lock()
			if c := r.waiting[pid]; c != nil {
				c <- status
				delete(r.waiting, pid)
			}
			r.mu.Unlock()
		}
	}
}

// Start implements processes.
func (r *reaper) Start(p program) (process, error) {
	tty, err := os.OpenFile(p.tty, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open the console: %w", err)
	}
	defer tty.Close()
	stderr := tty
	if p.error != nil {
		stderr = p.error
	}
	attr := &syscall.ProcAttr{
		Dir: "/", Env: p.env, Files: []uintptr{tty.Fd(), tty.Fd(), stderr.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	}
	path, args := p.path, p.args
	if p.root != "" {
		path, args = "/proc/self/exe", append([]string{enterName, p.root, p.path}, p.args...)
	}
	// The lock keeps reap from seeing the end of a process before it is known.
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, args, attr)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.path, err)
	}
	c := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = c
	signalTo(r.started)
	return &child{pid, c}, nil
}

// enterName is what this program is called as to become another one in
// another root.
const enterName = "molt-enter"

// enter is "molt-enter ROOT PROGRAM ARG0 ARG…". Stage 1 may be what serves the
// file system the program is on (loopctl/blockfs). If it executed that itself,
// between fork and exec its threads would wait for a file that only they can
// read: the Go runtime can't stop the world, nor go on, until a vfork is over.
func enter(args []string) int {
	if len(args) < 3 {
		return 2
	}
	err := unix.Chroot(args[0])
	if err == nil {
		err = unix.Chdir("/")
	}
	if err == nil {
		err = unix.Exec(args[1], args[2:], os.Environ())
	}
	fmt.Fprintf(os.Stderr, "start %s in %s: %v\n", args[1], args[0], err)
	return 127
}

type child struct {
	pid   int
	ended chan syscall.WaitStatus
}

func (c *child) Wait() string {
	switch s := <-c.ended; {
	case s.Signaled():
		return fmt.Sprintf("ended by signal %d (%s)", s.Signal(), s.Signal())
	case s.ExitStatus() != 0:
		return fmt.Sprintf("exit status %d", s.ExitStatus())
	}
	return ""
}

func (c *child) Terminate() { _ = unix.Kill(c.pid, unix.SIGTERM) }

func (c *child) Kill() { _ = unix.Kill(c.pid, unix.SIGKILL) }

// Clear implements processes.
func (r *reaper) Clear(ctx context.Context, dir string) ([]string, error) {
	pids := rooted("/proc", dir)
	if len(pids) == 0 {
		return nil, nil
	}
	var names []string
	for _, pid := range pids {
		names = append(names, fmt.Sprintf("%d (%s)", pid, command(pid)))
		_ = unix.Kill(pid, unix.SIGTERM)
	}
	ctx, cancel := context.WithTimeout(ctx, clearTime)
	defer cancel()
	for len(pids) > 0 && ctx.Err() == nil {
		r.Await(ctx, pids[:1])
		pids = rooted("/proc", dir)
	}
	for tries := 0; len(pids) > 0 && tries < 100; tries++ { // a process can fork while it is being ended
		r.Kill(pids)
		again, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
		r.Await(again, pids)
		cancel()
		pids = rooted("/proc", dir)
	}
	if len(pids) > 0 {
		return names, fmt.Errorf("process %d (%s) doesn't end", pids[0], command(pids[0]))
	}
	return names, nil
}

// rooted are the processes whose root directory is at or below dir.
func rooted(proc, dir string) []int {
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*/root"))
	var pids []int
	for _, l := range links {
		root, err := os.Readlink(l)
		if err != nil || root != dir && !strings.HasPrefix(root, dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(l))); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

func command(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(data))
}

// Holders implements processes.
func (r *reaper) Holders(ctx context.Context, path string) ([]loopctl.Holder, error) {
	return loopctl.Holders(ctx, path)
}

// Await implements processes: a pidfd becomes readable when its process ends
// (pidfd_open(2)).
func (r *reaper) Await(ctx context.Context, pids []int) {
	var fds []unix.PollFd
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
		if err != nil {
			return // it has ended already
		}
		defer unix.Close(fd)
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	const slice = 100 // milliseconds; how late the end of ctx can be noticed
	for ctx.Err() == nil {
		n, err := unix.Poll(fds, slice)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// Kill implements processes.
func (r *reaper) Kill(pids []int) {
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// swapOff is swapoff(2), which x/sys/unix doesn't wrap.
func swapOff(path string) error {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(p)), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

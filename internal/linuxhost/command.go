package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/molt-installer/molt/stage2/host"
)

const (
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// grace is how long a program may take to end after SIGTERM.
	grace = 5 * time.Second
	// drain is how long output is still read after the program has ended: a
	// daemon it left behind can hold the pipe for ever.
	drain = 2 * time.Second
	// tailLines is how much output an ExitError keeps.
	tailLines = 20
)

// Run implements host.Commands. The program gets a session of its own: it
// can't ask on the installer's terminal, and signals reach all its children.
func (h *Host) Run(ctx context.Context, c host.Command) error {
	if len(c.Args) == 0 {
		return errors.New("run: no program given")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	program, err := lookPath(c.Root, c.Args[0])
	if err != nil {
		return fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	out := &lines{emit: c.Line, keep: tailLines}
	cmd := prepare(program, c, out)
	pipes, err := openFds(cmd, c.Fds)
	if err != nil {
		return fmt.Errorf("run %s: %w", c.Args[0], err)
	}
	start := cmd.Start
	if c.NoSync {
		start = func() error { return startUnsynced(cmd) }
	}
	err = run(ctx, cmd, start, pipes)
	out.flush()
	return explain(ctx, c, err, out.tail)
}

func prepare(program string, c host.Command, out *lines) *exec.Cmd {
	cmd := &exec.Cmd{
		Path:        program,
		Args:        c.Args,
		Dir:         "/",
		Env:         append([]string{"PATH=" + searchPath, "LC_ALL=C.UTF-8", "HOME=/root"}, c.Env...),
		Stdout:      out,
		Stderr:      out,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Chroot: c.Root},
		WaitDelay:   drain,
	}
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	return cmd
}

// run starts the program and waits for it, its output and its pipes.
func run(ctx context.Context, cmd *exec.Cmd, start func() error, pipes *fds) error {
	err := start()
	pipes.started()
	if err != nil {
		pipes.finish(0)
		return err
	}
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watch(ctx, cmd.Process.Pid, ended)
	}()
	err = cmd.Wait()
	close(ended)
	<-watched
	pipes.finish(drain)
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

// watch ends the session's process group when ctx does: SIGTERM, then SIGKILL
// when the program doesn't go, or has gone and left children behind.
func watch(ctx context.Context, pid int, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	syscall.Kill(-pid, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
	syscall.Kill(-pid, syscall.SIGKILL)
}

// explain turns what Wait said into what host.Commands promises.
func explain(ctx context.Context, c host.Command, err error, tail []string) error {
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		return fmt.Errorf("run %s: %w", c.Args[0], err)
	case ctx.Err() != nil:
		return fmt.Errorf("run %s: %w", c.Args[0], context.Cause(ctx))
	}
	return &host.ExitError{Args: c.Args, Code: exit.ExitCode(), Tail: tail}
}

// Has reports whether Run would find a program, wherever the caller's own PATH leads.
func Has(program string) bool {
	_, err := lookPath("", program)
	return err == nil
}

// lookPath finds a program in root and returns its path as seen from there.
// Symbolic links count as found: where an absolute one leads only the kernel
// can say, after the chroot.
func lookPath(root, name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(searchPath) {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(filepath.Join("/", root, path))
		if err == nil && (info.Mode()&fs.ModeSymlink != 0 || info.Mode().IsRegular() && info.Mode()&0o111 != 0) {
			return path, nil
		}
	}
	where := "stage 2's root"
	if root != "" {
		where = root
	}
	return "", fmt.Errorf("%w in %s", exec.ErrNotFound, where)
}

// fds are the pipes behind the file descriptors 3, 4, … of a program.
type fds struct {
	readers, writers []*os.File
	done             chan struct{} // gets one value from each goroutine
}

func openFds(cmd *exec.Cmd, sinks []io.Writer) (*fds, error) {
	p := &fds{done: make(chan struct{}, len(sinks))}
	for _, sink := range sinks {
		r, w, err := os.Pipe()
		if err != nil {
			p.started()
			p.finish(0)
			return nil, err
		}
		p.readers, p.writers = append(p.readers, r), append(p.writers, w)
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		go func() {
			io.Copy(sink, r)
			p.done <- struct{}{}
		}()
	}
	return p, nil
}

// started closes the ends that the program has now.
func (p *fds) started() {
	for _, w := range p.writers {
		w.Close()
	}
}

// finish waits until everything is read, but no longer than wait.
func (p *fds) finish(wait time.Duration) {
	for _, r := range p.readers {
		r.SetReadDeadline(time.Now().Add(wait))
	}
	for range p.readers {
		<-p.done
	}
	for _, r := range p.readers {
		r.Close()
	}
}

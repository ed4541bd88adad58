package vm

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
)

// run starts the process. PR_SET_PDEATHSIG fires when the thread that forked
// ends, not the process (prctl(2)), so that thread stays with the child until it ends.
func (g *Guest) run() error {
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if g.cfg.Display == "none" {
		g.cmd.SysProcAttr.Setpgid = true // Ctrl-C in the terminal is for us
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := g.cmd.Start()
		started <- err
		if err == nil {
			g.finish()
		}
	}()
	return <-started
}

// socketPair makes a connection, one end of which is for a child. Unlike a
// socket with a name it needs no short path, no retry, and leaves nothing behind.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "qemu")
	defer mine.Close() // FileConn duplicates it
	theirs := os.NewFile(uintptr(fds[1]), "qemu")
	conn, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return conn, theirs, nil
}

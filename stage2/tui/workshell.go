package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	ossignal "os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangUp is how long a shell may take to end when its terminal is wanted back.
const hangUp = 5 * time.Second

// ShellOn returns a Terminal's Shell: a login shell on tty, whichever there is.
func ShellOn(tty *os.File, environ []string) func(context.Context) error {
	return func(ctx context.Context) error {
		shell := "/bin/sh"
		if _, err := os.Stat("/bin/bash"); err == nil {
			shell = "/bin/bash"
		}
		fmt.Fprintf(tty, "\r\n%s: exit comes back to the installation, which goes on meanwhile.\r\n", shell)
		cmd := exec.CommandContext(ctx, shell, "-l")
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "/", tty, tty, tty
		cmd.Env = append([]string{"HOME=/root"}, environ...)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGHUP) } // SIGTERM is nothing to an interactive one, bash(1)
		cmd.WaitDelay = hangUp
		err := onTerminal(cmd, tty)
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return nil // of the last command in it
		}
		return err
	}
}

// onTerminal runs cmd as the job in the foreground of its terminal: Ctrl-C there is
// for it alone. A terminal that is nobody's becomes cmd's own.
func onTerminal(cmd *exec.Cmd, tty *os.File) error {
	fd := int(tty.Fd())
	if _, err := unix.IoctlGetInt(fd, unix.TIOCGSID); err != nil { // not ours, tty_ioctl(2)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		return cmd.Run()
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: fd}
	err := cmd.Run()
	// Taking the terminal back is done from the background, and would stop this process.
	ossignal.Ignore(syscall.SIGTTOU)
	defer ossignal.Reset(syscall.SIGTTOU)
	return errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, syscall.Getpgrp()))
}

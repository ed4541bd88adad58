package stage2

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/muesli/cancelreader"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/rescue"
)

// rescueAsked is the rescue that the kickstart or the boot line asks for; nil: none.
func (s *session) rescueAsked() *config.Rescue {
	if s.answers.Rescue == nil && s.setup.Options.Rescue {
		return &config.Rescue{}
	}
	return s.answers.Rescue
}

// mend is what is done instead of an installation.
func (s *session) mend(ctx context.Context, asked config.Rescue) error {
	terminal := s.Rescue
	if terminal == nil {
		terminal = ownTerminal{os.Stdin, os.Stdout}
	}
	// A %pre script has left a link to the target there, and an %onerror script wants to make one.
	if err := s.Host.Remove(rescue.Root); err != nil {
		return fmt.Errorf("make way for the system to be mounted on %s: %w", rescue.Root, err)
	}
	defer s.Host.Remove(rescue.Root)
	s.awaitConsole(ctx)
	s.out.Emit(event.Event{Type: event.Ask, Message: "a rescue: a shell at the terminal instead of an installation"})
	s.out.show(silent{}) // the terminal is the person's now
	defer s.out.show(nil)
	err := rescue.Rescue{
		Tools: s.Host, Terminal: terminal, Probe: s.Probe, NoMount: asked.NoMount, ReadOnly: asked.ReadOnly,
	}.Run(ctx)
	if err == nil {
		s.out.Emit(event.Event{Type: event.Done, Message: "the rescue has ended; nothing was installed"})
	}
	return err
}

// silent is a front end that shows nothing.
type silent struct{}

func (silent) Emit(event.Event) {}

// ownTerminal is the terminal this program was started on. Its standard error is none: stage 1 reads that.
type ownTerminal struct{ in, out *os.File }

func (t ownTerminal) Write(p []byte) (int, error) { return t.out.Write(p) }

// ReadLine implements rescue.Terminal.
func (t ownTerminal) ReadLine(ctx context.Context) (string, error) {
	in, err := cancelreader.NewReader(t.in)
	if err != nil {
		return "", err
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.Cancel() })()
	line, err := bufio.NewReader(in).ReadString('\n')
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return strings.TrimSpace(line), err
}

// hangUp is how long a shell may take to end when the machine has to.
const hangUp = 5 * time.Second

// Shell implements rescue.Terminal. The shell itself makes the groups of processes that
// Ctrl-C goes to.
func (t ownTerminal) Shell(ctx context.Context) error {
	shell := "/bin/sh"
	if linuxhost.Has("bash") {
		shell = "/bin/bash"
	}
	cmd := exec.CommandContext(ctx, shell)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "/", t.in, t.out, t.out
	cmd.Env = append(os.Environ(), "HOME=/root")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGHUP) } // SIGTERM is nothing to an interactive one, bash(1)
	cmd.WaitDelay = hangUp
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

package stage1

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
)

const shellProgram = "/bin/gosh"

// choice is a line of the menu.
type choice struct {
	key, title string
	do         func(s *session, ctx context.Context, device string) handoff.Action // "" shows the menu again
}

func choices() []choice {
	action := func(a handoff.Action) func(*session, context.Context, string) handoff.Action {
		return func(*session, context.Context, string) handoff.Action { return a }
	}
	return []choice{
		{"r", "try again", action(handoff.Retry)},
		{"e", "edit the boot options and try again", (*session).edit},
		{"l", "show the log", (*session).showLog},
		{"s", "start a shell (leave it with exit)", func(s *session, _ context.Context, device string) handoff.Action {
			s.shell(device)
			return ""
		}},
		{"b", "reboot", action(handoff.Reboot)},
		{"p", "switch off", action(handoff.Poweroff)},
	}
}

// menu asks on all consoles what to do after a failure. When no disc was found
// and then one comes, that is the answer.
func (s *session) menu(ctx context.Context, failure error) handoff.Action {
	for {
		line, device, err := s.choose(ctx, missing(failure))
		switch {
		case ctx.Err() != nil:
			return handoff.Reboot
		case err != nil:
			return handoff.Retry
		}
		if a, ok := s.answer(ctx, line, device); ok {
			return a
		}
	}
}

// missing reports whether what failed is that something is not there yet.
func missing(failure error) bool {
	f, ok := failure.(*Failure)
	return ok && !f.final && strings.Contains(f.What, "not found")
}

// choose shows the menu and returns the answer. An error says that there is a
// new device to look at instead, or no console at all.
func (s *session) choose(ctx context.Context, watch bool) (line, device string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if watch {
		watchDiscs()
		go func() {
			select {
			case <-s.devices.arrived:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	var b strings.Builder
	b.WriteString("\nWhat now?\n")
	for _, c := range choices() {
		fmt.Fprintf(&b, "  %s  %s\n", c.key, c.title)
	}
	b.WriteString("> ")
	line, device, err = s.con.Ask(ctx, b.String())
	if err != nil && ctx.Err() == nil {
		s.say("Nobody can answer here: %v", err)
		s.waitFor(ctx)
	}
	return line, device, err
}

// waitFor waits on a machine without a usable console: for a device, or Ctrl-Alt-Del.
func (s *session) waitFor(ctx context.Context) {
	select {
	case <-s.devices.arrived:
	case <-s.ended:
		s.end(ctx, handoff.Reboot)
	case <-ctx.Done():
	}
}

// watchDiscs makes the kernel look into the drives from time to time and tell
// when a disc was put in (Documentation/admin-guide/kernel-parameters.txt).
func watchDiscs() {
	const interval = 2 * time.Second
	_ = os.WriteFile("/sys/module/block/parameters/events_dfl_poll_msecs", fmt.Appendf(nil, "%d", interval.Milliseconds()), 0)
}

// answer does what line chooses; false asks again.
func (s *session) answer(ctx context.Context, line, device string) (handoff.Action, bool) {
	for _, c := range choices() {
		if strings.EqualFold(line, c.key) {
			s.note("chosen on %s: %s", device, c.title)
			a := c.do(s, ctx, device)
			return a, a != ""
		}
	}
	s.say("%q is none of the choices.", line)
	return "", false
}

// edit lets a person type boot options. They are added at the end, where they
// win over earlier ones; a "-" before a name takes that option out.
func (s *session) edit(ctx context.Context, _ string) handoff.Action {
	s.say("The boot options are now:\n  %s", s.cmdline)
	line, _, err := s.con.Ask(ctx, "Options to add, or -name to take one out (nothing: as they are):\n> ")
	if err != nil {
		return ""
	}
	s.setCommandLine(editOptions(s.cmdline, line))
	s.note("boot options: %s", s.cmdline)
	return handoff.Retry
}

func (s *session) showLog(context.Context, string) handoff.Action {
	fmt.Fprint(s.con, s.log.text())
	return ""
}

// shell runs a shell on a console, the main one by default, to its end.
func (s *session) shell(device string) {
	if device == "" {
		device = s.fixed.Console
	}
	p, err := s.Start(program{
		path: shellProgram, args: []string{shellProgram}, tty: device,
		env: []string{"PATH=/bin:/sbin", "HOME=/root", "TERM=" + termType(device)},
	})
	if err != nil {
		s.say("No shell: %v", err)
		return
	}
	p.Wait()
	s.con.Restore()
}

package stage1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
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
		{"u", "use another source and try again", (*session).askSource},
		{"n", "set the network by hand and try again", (*session).askNetwork},
		{"e", "edit the boot options and try again", (*session).edit},
		{"l", "show the log", (*session).showLog},
		{"w", "save the logs on a USB stick", (*session).saveLogs},
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
		case ctx.Err() != nil, errors.Is(err, errEnded):
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
	var f *Failure
	return errors.As(failure, &f) && f.waits
}

// errEnded is Ctrl-Alt-Del.
var errEnded = errors.New("asked to end")

// choose shows the menu and returns the answer. An error says that there is a
// new device or disc to look at instead, no console at all, or Ctrl-Alt-Del.
func (s *session) choose(ctx context.Context, watch bool) (line, device string, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	cancel := func() { stop(nil) }
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		select {
		case <-s.ended:
			stop(errEnded)
		case <-ctx.Done():
		}
	})
	if watch {
		wg.Go(func() { defer cancel(); s.newcomer(ctx) })
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
	if err != nil && errors.Is(context.Cause(ctx), errEnded) {
		err = errEnded
	}
	return line, device, err
}

// newcomer returns when there is a device or disc that was not there when the
// drives were looked into.
func (s *session) newcomer(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		if s.Changed(ctx) == nil {
			cancel()
		}
	})
	select {
	case <-s.devices.came:
	case <-ctx.Done():
	}
}

// waitFor waits on a machine without a usable console: for a device, or the end of ctx.
func (s *session) waitFor(ctx context.Context) {
	select {
	case <-s.devices.came:
	case <-ctx.Done():
	}
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
	s.say("The boot options are now:\n  %s", secretless(s.cmdline))
	line, _, err := s.con.Ask(ctx, "Options to add, or -name to take one out (nothing: as they are):\n> ")
	if err != nil {
		return ""
	}
	return s.change(line)
}

// askSource lets a person name another source. It takes the place of those named before.
func (s *session) askSource(ctx context.Context, _ string) handoff.Action {
	line, _, err := s.con.Ask(ctx, `The source is now: `+cmp.Or(redacted(slices.Concat(s.opts.Stage2, s.opts.Repo, without(s.askedRepo()))), "any drive or disk")+`
  cdrom  hd:DEVICE:/PATH  nfs:SERVER:/PATH  http://SERVER/PATH  https://…  ftp://…
Another source (nothing: as it is; none: any drive or disk):
> `)
	if err != nil {
		return ""
	}
	if line == "none" {
		s.elsewhere = s.elsewhere || s.askedRepo() != "" // the kickstart is read again, and says the same
		return s.change("-inst.stage2 -inst.repo")
	}
	if line == "" {
		return handoff.Retry
	}
	if _, err := media.ParseSource(line); err != nil {
		s.say("%v", err)
		return ""
	}
	name := "inst.stage2"
	if s.askedRepo() != "" {
		name = "inst.repo" // or the packages would still be where the kickstart says
	}
	return s.change("-inst.stage2 -inst.repo " + bootargs.Param{Name: name, Value: line, HasValue: true}.String())
}

// askNetwork lets a person set addresses. They take the place of ip= and nameserver=.
func (s *session) askNetwork(ctx context.Context, _ string) handoff.Action {
	line, _, err := s.con.Ask(ctx, `The network, as ip= says it:
  dhcp  INTERFACE:dhcp  auto6  ADDRESS::GATEWAY:NETMASK::INTERFACE:none
Network (nothing: any interface, by DHCP):
> `)
	if err != nil {
		return ""
	}
	edit := "-ip -nameserver"
	if line != "" {
		edit += " ip=" + line
		server, _, err := s.con.Ask(ctx, "Name server (nothing: none, or as DHCP says):\n> ")
		if err != nil {
			return ""
		}
		if server != "" {
			edit += " nameserver=" + server
		}
	}
	s.offline() // also for the same network: that it is brought up anew is what was asked for
	return s.change(edit)
}

// change edits the boot options, and has it all tried again with them. The network stays
// up if it would be the same, and if the sources of then can be reached by it.
func (s *session) change(edit string) handoff.Action {
	before := networkOptions(s.opts)
	s.setCommandLine(editOptions(s.cmdline, edit))
	s.note("boot options: %s", secretless(s.cmdline))
	if !reflect.DeepEqual(before, networkOptions(s.opts)) {
		s.offline()
	}
	s.unproven = s.network != nil
	return handoff.Retry
}

// secretless leaves passwords out of a command line.
func secretless(line string) string {
	words := bootargs.Split(line)
	list := make([]string, len(words))
	for i, w := range words {
		w.Value = media.Redact(w.Value)
		list[i] = w.Told()
	}
	return strings.Join(list, " ")
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

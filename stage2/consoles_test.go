package stage2

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/host/hosttest"
)

// withScreen is a session on a machine with a screen, below dir as /sys and /dev, and what
// it warns of.
func withScreen(t *testing.T, dir string, o bootargs.Options) (*session, *hosttest.Host, *[]string) {
	t.Helper()
	h := hosttest.New()
	h.AddFile(dir+"/class/vtconsole/vtcon0/bind", "1\n")
	h.AddFile(dir+"/class/vtconsole/vtcon0/name", "(S) VGA+\n")
	font := "\x36\x04\x02\x01" + strings.Repeat("\x00", 256) + "A\x00\xff\xff\xe4\x00\xff\xff"
	h.AddFile("/usr/share/consolefonts/Lat15-Fixed16.psf", font)
	h.Answer(hosttest.Reply{Stdout: "keymaps 0-127\n"}, "ckbcomp")
	h.Answer(hosttest.Reply{Do: func(ctx context.Context, _ host.Command) error { <-ctx.Done(); return ctx.Err() }}, "sh")
	h.Answer(hosttest.Reply{}, "sh", "-c", `"$@"; exit`)
	warnings := &[]string{}
	s := &session{Installer: Installer{Host: h, Paths: Paths{Sys: dir, Dev: dir}}, live: true, out: &outputs{}}
	s.out.logs = []event.Sink{event.Func(func(e event.Event) { *warnings = append(*warnings, e.Message) })}
	s.setup.Options = o
	return s, h, warnings
}

// asChild is how stage2/console runs what opens a terminal.
const asChild = `run sh -c "$@"; exit sh `

// programs are what was run, without what a shell is given.
func programs(h *hosttest.Host) []string {
	var got []string
	for _, c := range h.Called("run ") {
		child, ok := strings.CutPrefix(c, asChild)
		switch {
		case ok:
			c = "run " + child
		case strings.HasPrefix(c, "run sh "):
			c = "run sh"
		}
		got = append(got, c)
	}
	slices.Sort(got)
	return slices.Compact(got)
}

// TestBootLineReachesConsole: inst.lang= and inst.keymap= before anything is read, and a kickstart's
// answers once they are known; where it gives none, those of the boot line are the answers.
func TestBootLineReachesConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, h, warnings := withScreen(t, dir, bootargs.Options{Lang: "de_AT", Keymap: "fr_CH"})
		s.openConsole()
		stop := s.serveConsole(t.Context())
		synctest.Wait()
		font := " /usr/share/consolefonts/Lat15-Fixed16.psf"
		want := []string{
			"run ckbcomp -model pc105 -layout ch -variant fr -option ",
			"run loadkeys --console " + dir + "/tty1 --unicode --quiet -",
			"run setfont -C " + dir + "/tty1" + font, "run setfont -C " + dir + "/tty2" + font, "run setfont -C " + dir + "/tty3" + font,
			"run sh",
		}
		if d := cmp.Diff(want, programs(h)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		s.answers.Keyboard = config.Keyboard{Layout: "us"}
		s.settle()
		synctest.Wait()
		if s.answers.Language != "de_AT.UTF-8" || s.answers.Keyboard.Layout != "us" {
			t.Errorf("answers: %+v", s.answers)
		}
		if !slices.Contains(programs(h), "run ckbcomp -model pc105 -layout us -variant  -option ") {
			t.Errorf("the kickstart's keyboard isn't loaded: %q", programs(h))
		}
		stop()
		if len(*warnings) > 0 {
			t.Errorf("warnings: %q", *warnings)
		}
	})
}

// TestConsoleFails: what goes wrong with it is told, and that is all.
func TestConsoleFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, warnings := withScreen(t, t.TempDir(), bootargs.Options{Lang: "no such 'thing", Keymap: "de"})
		h.FailOn(asChild+"setfont", 3, errors.New("no font"))
		h.FailOn("run ckbcomp", 1, errors.New("no keymap"))
		h.FailOn("run sh -c \n", 1, errors.New("no shell"))
		s.openConsole()
		stop := s.serveConsole(t.Context())
		synctest.Wait()
		stop()
		s.settle()
		got := strings.Join(*warnings, "\n")
		for _, want := range []string{"no such thing", "no font", "no shell"} {
			if !strings.Contains(got, want) {
				t.Errorf("not told: %s, but:\n%s", want, got)
			}
		}
		if s.answers.Language != "" {
			t.Errorf("the language is %q", s.answers.Language)
		}
	})
}

// TestNoConsole: without a screen, or on somebody's own machine, nothing is run; the boot line's
// answers count there too.
func TestNoConsole(t *testing.T) {
	for name, change := range map[string]func(s *session, h *hosttest.Host, dir string){
		"no screen":   func(_ *session, h *hosttest.Host, dir string) { h.AddFile(dir+"/class/vtconsole/vtcon0/bind", "0\n") },
		"a rehearsal": func(s *session, _ *hosttest.Host, _ string) { s.live = false },
	} {
		dir := t.TempDir()
		s, h, _ := withScreen(t, dir, bootargs.Options{Lang: "de_DE", Keymap: "de"})
		change(s, h, dir)
		s.openConsole()
		s.serveConsole(t.Context())()
		s.settle()
		if got := programs(h); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
		if s.answers.Language != "de_DE.UTF-8" || s.answers.Keyboard.Layout != "de" {
			t.Errorf("%s: answers %+v", name, s.answers)
		}
	}
}

// TestLogTerminal: all events are on the third terminal, a program's output too.
func TestLogTerminal(t *testing.T) {
	dir := t.TempDir()
	s, _, _ := withScreen(t, dir, bootargs.Options{})
	if err := os.WriteFile(filepath.Join(dir, "tty3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.openConsole()
	s.out.Emit(event.Event{Type: event.Log, Message: "said by a program"})
	s.out.Emit(event.Event{Type: event.Failed, Err: "the end"})
	for _, q := range s.out.queues {
		q.Close(grace)
	}
	data, err := os.ReadFile(filepath.Join(dir, "tty3"))
	if err != nil || !strings.Contains(string(data), "said by a program") || !strings.Contains(string(data), "the end") {
		t.Errorf("%v:\n%s", err, data)
	}
}

// TestConsoleKeepsNobodyWaiting: an unattended installation goes on while fonts are loaded, the session's
// end calls that off without a word, and an image without fonts is no warning.
func TestConsoleKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, warnings := withScreen(t, t.TempDir(), bootargs.Options{Lang: "de_AT", Keymap: "de"})
		h.Answer(hosttest.Reply{Do: func(ctx context.Context, _ host.Command) error { <-ctx.Done(); return ctx.Err() }}, "sh", "-c", `"$@"; exit`)
		s.openConsole()
		stop := s.serveConsole(t.Context()) // would not return
		s.answers.Language = "fr_FR.UTF-8"
		s.settle()
		synctest.Wait()
		stop()
		if len(*warnings) > 0 {
			t.Errorf("told at the end: %q", *warnings)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := withScreen(t, t.TempDir(), bootargs.Options{})
		if err := h.Remove("/usr/share/consolefonts/Lat15-Fixed16.psf"); err != nil {
			t.Fatal(err)
		}
		var got []event.Type
		s.out.logs = []event.Sink{event.Func(func(e event.Event) { got = append(got, e.Type) })}
		s.openConsole()
		stop := s.serveConsole(t.Context())
		s.awaitConsole(t.Context())
		stop()
		if !slices.Equal(got, []event.Type{event.Log}) {
			t.Errorf("events %v", got)
		}
	})
}

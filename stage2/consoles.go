package stage2

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/console"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/headless"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/regional"
	"github.com/molt-installer/molt/stage2/words"
)

// openConsole finds the machine's own console, if it has one and this is the machine, and has
// all events shown on its third terminal.
func (s *session) openConsole() {
	if !s.live {
		return
	}
	s.console = console.Find(s.Host, s.Paths.Sys, s.Paths.Dev)
	if s.console != nil {
		s.out.follow(s.console.TTY(console.LogTTY))
	}
}

// follow has all events written to a terminal besides, as text.
func (o *outputs) follow(tty string) {
	if q := o.open(tty); q != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.logs = append(o.logs, headless.Text(q, headless.TextOptions{Log: true}))
	}
}

// serving is what is done to the console beside the installation, which doesn't wait for it.
type serving struct {
	ctx  context.Context // until the session's end; nil: the console isn't ours
	all  sync.WaitGroup
	last chan struct{} // closed when it looks as was said last; nil: nothing was said
}

// serveConsole gives the console the language and keyboard of the boot line, and keeps a shell on its
// second terminal until stop is called, which returns when all of that is over.
func (s *session) serveConsole(ctx context.Context) (stop func()) {
	boot, err := readBoot(s.setup.Options)
	s.warn(err)
	s.boot = boot
	if s.console == nil {
		return func() {}
	}
	first := boot
	first.Language = cmp.Or(boot.Language, words.English)         // for letters with accents from the first screen on
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a person may look around while the rest ends
	s.serve.ctx = ctx
	s.apply(first)
	ready := s.serve.last
	s.serve.all.Go(func() {
		<-ready
		texts := words.Open(boot.Language)
		if !console.Readable(texts.Letters(), s.console.Shows) {
			texts = words.Open(words.English)
		}
		s.warn(s.console.Shell(ctx, console.ShellTTY, texts.T("Press Enter for a shell.")))
	})
	return func() {
		cancel()
		s.serve.all.Wait()
	}
}

// warn tells of what went wrong, if anything did, and hinders nothing.
func (s *session) warn(err error) {
	if err != nil {
		s.out.Emit(event.Event{Type: event.Warning, Message: err.Error()})
	}
}

// readBoot is what inst.lang= and inst.keymap= answer, read as a kickstart's commands are.
func readBoot(o bootargs.Options) (config.Answers, error) {
	var text strings.Builder
	for _, c := range []struct{ command, value string }{{"lang", o.Lang}, {"keyboard", o.Keymap}} {
		if c.value != "" {
			text.WriteString(c.command + " '" + strings.NewReplacer("'", "", "\n", "").Replace(c.value) + "'\n")
		}
	}
	answers, diags := kickstart.Parse("boot options", []byte(text.String()), kickstart.Options{})
	return answers, diags.Err()
}

// settle answers by the boot line what the kickstart leaves open, and has the console show and
// read what was answered.
func (s *session) settle() {
	a := &s.answers
	a.Language, a.Keyboard = cmp.Or(a.Language, s.boot.Language), cmp.Or(a.Keyboard, s.boot.Keyboard)
	if a.Language != s.boot.Language || a.Keyboard != s.boot.Keyboard {
		s.apply(*a)
	}
}

// apply begins to have the console show and read what the answers say, after what was
// begun before.
func (s *session) apply(a config.Answers) {
	if s.serve.ctx == nil {
		return
	}
	before, done := s.serve.last, make(chan struct{})
	s.serve.last = done
	s.serve.all.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		s.dress(s.serve.ctx, a)
	})
}

// dress is what apply begins. That the session has ended before is no failure, and an image
// without fonts is as it was built.
func (s *session) dress(ctx context.Context, a config.Answers) {
	if a.Language != "" {
		err := s.console.SetLanguage(ctx, a.Language)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, fs.ErrNotExist):
			s.out.Emit(event.Event{Type: event.Log, Message: err.Error()})
		default:
			s.warn(err)
		}
	}
	if err := s.console.SetKeyboard(ctx, a.Keyboard); ctx.Err() == nil {
		s.warn(err)
	}
}

// awaitConsole waits until the console looks as was said: somebody is to be asked on it.
func (s *session) awaitConsole(ctx context.Context) {
	if s.serve.last == nil {
		return
	}
	select {
	case <-s.serve.last:
	case <-ctx.Done():
	}
}

// regions are the lists of this system, those that it has.
func (s *session) regions() *regional.Lists {
	lists, err := regional.Read(os.DirFS("/"))
	if s.live {
		s.warn(err)
	}
	return lists
}

// here is the terminal that this program was started on. The console's keys and letters
// are set wherever the questions are asked: somebody will stand before it.
func (s *session) here() dialog.Local {
	var own console.Letters
	if s.console != nil {
		own = s.console.Shows
	}
	term := os.Getenv("TERM")
	l := dialog.Local{Shows: console.LettersOf(term, os.Getenv("LANG"), own)}
	l.Readable = func(_, characters string) bool { return console.Readable(characters, l.Shows) }
	if s.console == nil {
		return l
	}
	l.Language = func(ctx context.Context, locale string) { s.warn(s.console.SetLanguage(ctx, locale)) }
	l.Keyboard = s.console.SetKeyboard
	if term == "linux" {
		l.Readable = func(locale, characters string) bool {
			return console.Readable(characters, func(text string) bool { return s.console.Could(locale, text) })
		}
	}
	return l
}

// Package plain is the installer's face as lines of text: it asks the questions
// of stage2/dialog one after the other, numbered, shows the plan and has it
// confirmed, and tells the progress in lines. It is for a screen reader, for a line
// that can do nothing but print, and for a pipe.
//
// It sends no escape sequences and draws nothing over: every line stays. Letters
// and line ends are all that it writes, and a bell when a disc is wanted. It
// decides nothing about disks or packages and knows no engine.
//
// # Contract
//
// Input is read line by line, and no line before it is needed. A line is
// at most MostLine bytes, the rest of it is dropped and said so; control
// characters in it are dropped. When the input ends before the confirmation, Ask
// returns ErrEnded; after it, whatever is asked has that error, and the events are
// shown all the same.
// Output must not wait for long, and what Write returns is not looked at: a headless.Queue
// over the line is meant. A UI is used by one installation; Emit can be called from
// any goroutine.
package plain

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/words"
)

// ErrEnded says that the input has ended.
var ErrEnded = errors.New("the input has ended")

// Choice is one answer to a question.
type Choice struct {
	Key   string // what Choose returns
	Label string
}

// Question is put when something failed, or at the end.
type Question struct {
	Title   string
	Text    string
	Output  bool // the last lines of the programs' output are told with it
	Choices []Choice
}

// UI asks and tells on one line.
type UI struct {
	out  *printer
	in   *lines
	echo *os.File // the terminal that shows what is typed; nil: a pipe, where this program does

	mu   sync.Mutex // one question at a time
	show progress
}

// Start begins to use the line. Words are the texts until the person chooses
// others.
func Start(in io.Reader, out io.Writer, product string, w *words.Catalog) *UI {
	u := &UI{out: &printer{w: out}, in: newLines(in)}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		u.echo = f
	}
	u.show = progress{out: u.out, words: w, titles: map[string]string{}, numbers: map[string]int{}}
	u.out.line(w.T("%s installation", product))
	return u
}

// Ask asks what is open, shows the plan and returns when it has been confirmed.
func (u *UI) Ask(ctx context.Context, s *dialog.State) (config.Answers, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := &talk{UI: u, ctx: ctx, state: s}
	a, err := t.install()
	u.show.speak(s.Words)
	return a, err
}

// Emit tells of an event.
func (u *UI) Emit(e event.Event) { u.show.take(e) }

// Choose puts a question and returns the Key of the answer. Only a number is one: Enter alone
// does nothing.
func (u *UI) Choose(ctx context.Context, q Question) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.in.ended != nil {
		return "", u.in.ended
	}
	w := u.show.language()
	u.out.line("")
	u.out.line(w.T(q.Title))
	u.out.paragraph(w.Said(q.Text))
	if tail := u.show.output(); q.Output && len(tail) > 0 {
		u.out.line(w.T("The last lines of its output:"))
		for _, l := range tail {
			u.out.line("  " + l)
		}
	}
	for i, c := range q.Choices {
		u.out.line(strconv.Itoa(i+1) + ") " + w.T(c.Label))
	}
	for {
		line, err := u.read(ctx, w.T("The number of what is to be done"), false)
		if err != nil {
			return "", err
		}
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && n >= 1 && n <= len(q.Choices) {
			return q.Choices[n-1].Key, nil
		}
		if i := slices.IndexFunc(q.Choices, func(c Choice) bool { return c.Key == strings.TrimSpace(line) }); i >= 0 {
			return q.Choices[i].Key, nil
		}
		u.out.line(w.T("Type a number from 1 to %d.", len(q.Choices)))
	}
}

// Line asks for one line.
func (u *UI) Line(ctx context.Context, prompt string) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	line, err := u.read(ctx, u.show.language().T(prompt), false)
	return strings.TrimSpace(line), err
}

// Tell says something.
func (u *UI) Tell(id string, args ...any) { u.out.apart(u.show.language().T(id, args...), false) }

// Close stops reading. What was not read is the next program's.
func (u *UI) Close() error {
	u.in.close()
	return nil
}

// read prompts for a line.
func (u *UI) read(ctx context.Context, prompt string, secret bool) (string, error) {
	if secret && u.echo != nil { // before somebody can answer
		defer quiet(u.echo)()
	}
	u.out.prompt(prompt + ": ")
	line, cut, err := u.in.next(ctx)
	switch {
	case err != nil:
		u.out.line("")
		return "", err
	case u.echo == nil && secret && line != "" && !command(line):
		u.out.line("***")
	case u.echo == nil:
		u.out.line(line)
	case secret:
		u.out.line("")
	}
	if cut {
		u.out.line(u.show.language().T("The line was too long: it was cut."))
	}
	return line, nil
}

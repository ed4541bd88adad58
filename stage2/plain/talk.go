package plain

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
)

// move is where a person wants to go from a question.
type move int

const (
	next    move = iota // to the question after it
	back                // to the one before
	onward              // to the next page, the rest of this one stays as it is
	summary             // to what was chosen
	again               // to the same one
)

// moves are the lines that are no answers.
func moves(line string) (m move, ok bool) {
	m, ok = map[string]move{"<": back, ">": onward, "!": summary}[line]
	return m, ok
}

// command reports whether a line is one of those, or asks for help.
func command(line string) bool {
	_, ok := moves(line)
	return ok || line == "?"
}

// talk is one conversation, from the first question to the confirmation.
type talk struct {
	*UI
	ctx     context.Context
	state   *dialog.State
	typed   string // Key of the Text that was just given another value
	heading string // of the page that is asked
}

// install goes over the pages that are open, and then to the summary.
func (t *talk) install() (config.Answers, error) {
	t.commands()
	var pages []dialog.Page
	for _, p := range dialog.Pages() {
		if t.state.Asked(p) {
			pages = append(pages, p)
		}
	}
	for i := 0; i < len(pages); {
		t.heading = t.T("Page %d of %d: %s", i+1, len(pages), t.T(pages[i].Title))
		m, err := t.page(pages[i])
		if err != nil {
			return config.Answers{}, err
		}
		switch m {
		case back:
			i = max(0, i-1)
		case summary:
			i = len(pages)
		default:
			i++
		}
	}
	return t.decide()
}

// T is a text in the language that was chosen last.
func (t *talk) T(id string, args ...any) string { return t.state.Words.T(id, args...) }

func (t *talk) commands() {
	t.out.line("")
	t.out.paragraph(t.T("Type an answer and press Enter. What stands in brackets is the answer so far: Enter alone keeps it."))
	t.out.line(t.T("Instead of an answer you can type:"))
	for _, c := range [][2]string{
		{"?", t.T("help")}, {"<", t.T("back to the question before")}, {">", t.T("on to the next page")},
		{"!", t.T("see what has been chosen, and go on from there")}, {"-", t.T("make the answer empty")},
	} {
		t.out.line("  " + c[0] + "  " + c[1])
	}
}

// say tells what is wrong.
func (t *talk) say(err error) {
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		text := t.T(line)
		if text == line {
			text = t.state.Words.Said(line)
		}
		t.out.paragraph(t.T("Not possible: %s", text))
	}
}

// page asks a page's questions, forward and back.
func (t *talk) page(p dialog.Page) (move, error) {
	t.state.Enter(p)
	t.out.line("")
	t.out.line(t.heading)
	t.typed = ""
	for i := 0; ; {
		fields := p.Fields(t.state)
		m, err := next, error(nil)
		if i < len(fields) {
			m, err = t.ask(p, fields[i])
		} else {
			m = onward
		}
		if err != nil {
			return m, err
		}
		switch m {
		case next:
			i = after(fields[i], p.Fields(t.state), i)
		case again:
			i = after(fields[i], p.Fields(t.state), i) - 1
		case back:
			if i = before(fields, i); i < 0 {
				return back, nil
			}
		default:
			bad, ok := t.leave(p)
			if ok && i < len(fields) {
				return m, nil
			} else if ok {
				return next, nil
			}
			i = bad
		}
	}
}

// leave checks the page and has it take effect. When it can't be left, bad is the place of the
// question to ask again.
func (t *talk) leave(p dialog.Page) (bad int, ok bool) {
	for i, f := range p.Fields(t.state) {
		if err := wrong(f); err != nil {
			t.say(err)
			return i, false
		}
	}
	if p.Leave == nil {
		return 0, true
	}
	if err := p.Leave(t.ctx, t.state); err != nil {
		t.say(err)
		return 0, false
	}
	return 0, true
}

// wrong is what can't stay as it is.
func wrong(f dialog.Field) error {
	switch f := f.(type) {
	case dialog.Text:
		if f.Check != nil {
			return labelled(f.Label, f.Check(*f.Value))
		}
	case dialog.Marks:
		if f.Check != nil {
			return labelled(f.Label, f.Check(*f.Values))
		}
	}
	return nil
}

func labelled(label string, err error) error {
	if err == nil {
		return nil
	}
	return errors.New(label + ": " + err.Error())
}

// after is the place of the question behind f, which was at i before it was answered.
func after(f dialog.Field, now []dialog.Field, i int) int {
	key := keyOf(f)
	for j, g := range now {
		if key != "" && keyOf(g) == key {
			return j + 1
		}
	}
	return i + 1
}

// before is the place of the question before i; -1 when there is none.
func before(fields []dialog.Field, i int) int {
	for i--; i >= 0; i-- {
		if keyOf(fields[i]) != "" {
			break
		}
	}
	return i
}

// keyOf is empty for what asks nothing.
func keyOf(f dialog.Field) string {
	switch f := f.(type) {
	case dialog.Text:
		return f.Key
	case dialog.Choice:
		return f.Key
	case dialog.Marks:
		return f.Key
	case dialog.Yes:
		return f.Key
	case dialog.Button:
		return f.Key
	case dialog.Table:
		return f.Key
	}
	return ""
}

// above asks a page that lies above another one.
func (t *talk) above(p *dialog.Page) error {
	heading := t.heading
	defer func() { t.heading = heading }()
	t.heading = t.T(p.Title)
	_, err := t.page(*p)
	t.typed = ""
	t.out.line("")
	t.out.line(t.T("Back to: %s", heading))
	return err
}

// act does what takes time, and asks the page that comes of it.
func (t *talk) act(do func(context.Context) (*dialog.Page, error)) error {
	p, err := do(t.ctx)
	switch {
	case t.ctx.Err() != nil:
		return context.Cause(t.ctx)
	case err != nil:
		t.say(err)
		return nil
	case p != nil:
		return t.above(p)
	}
	return nil
}

// line asks for a line that is no command. A question mark is answered by help.
func (t *talk) line(prompt string, secret bool, help func()) (text string, m move, err error) {
	for {
		text, err := t.read(t.ctx, prompt, secret)
		if err != nil {
			return "", next, err
		}
		if m, ok := moves(strings.TrimSpace(text)); ok {
			return "", m, nil
		}
		if strings.TrimSpace(text) != "?" {
			return text, next, nil
		}
		help()
	}
}

// number is a number from 1 to most.
func number(s string, most int) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n >= 1 && n <= most
}

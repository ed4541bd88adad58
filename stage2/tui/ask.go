package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/words"
)

// ask goes through the pages, forward and back, to the summary and the
// confirmation.
type ask struct {
	msg    askMsg
	state  *dialog.State
	words  *words.Catalog
	styles styles
	pages  []dialog.Page
	at     int     // of pages; len(pages) is the summary
	stack  []*form // the page and those that were opened above it
	sum    *summary
	over   overlay // lies above all; nil: nothing does
	aside  bool    // the page was entered from the summary and goes back to it
	work   *errand // what is at work in the background with the State; nil: nothing
	gone   part    // what is shown instead from now on; nil: nothing else
	number string  // of the page among those that are asked

	width, height int // of the screen that is worked at, without its frame
}

// overlay is what lies above the pages and takes all keys.
type overlay interface {
	press(k tea.KeyPressMsg) (gone bool, cmd tea.Cmd)
	view(width, height int, s styles) string
	title() string
	keys() []string
}

func newAsk(msg askMsg, s styles) (part, tea.Cmd) {
	a := &ask{msg: msg, state: msg.state, words: msg.state.Words, styles: s, pages: dialog.Pages(), width: 78, height: 20}
	a.at = -1
	return a, a.next()
}

func (a *ask) resize(width, height int) { a.width, a.height = width, height }

// form is the page on top; nil on the summary.
func (a *ask) form() *form {
	if len(a.stack) == 0 {
		return nil
	}
	return a.stack[len(a.stack)-1]
}

// enter shows page n with what was typed there before.
func (a *ask) enter(n int) tea.Cmd {
	a.endSummary()
	a.at, a.stack = n, nil
	if n == len(a.pages) {
		return a.enterSummary()
	}
	a.state.Enter(a.pages[n])
	a.count()
	a.stack = []*form{newForm(a.state, a.pages[n], false)}
	return nil
}

// count says which page of those that are asked this is. It can't wait for the
// drawing, when the State may be at work.
func (a *ask) count() {
	at, all := 0, 0
	for i, p := range a.pages {
		if a.state.Asked(p) {
			all++
			if i <= a.at {
				at++
			}
		}
	}
	a.number = a.state.Words.T("%d of %d", at, all)
}

// next goes to the next page that a person has to see.
func (a *ask) next() tea.Cmd {
	n := a.at + 1
	for n < len(a.pages) && !a.state.Asked(a.pages[n]) {
		n++
	}
	if a.aside {
		n, a.aside = len(a.pages), false
	}
	return a.enter(n)
}

// back goes to the page before, from a page of its own kind to the one below,
// and from the first page out, if the person says so.
func (a *ask) back() tea.Cmd {
	if len(a.stack) > 1 {
		a.pop()
		return nil
	}
	if a.aside {
		a.aside = false
		return a.enter(len(a.pages))
	}
	for n := a.at - 1; n >= 0; n-- {
		if a.state.Asked(a.pages[n]) {
			return a.enter(n)
		}
	}
	a.gone = &leave{words: a.words, styles: a.styles, under: a}
	return nil
}

func (a *ask) pop() {
	a.stack = a.stack[:len(a.stack)-1]
	a.form().refresh()
}

func (a *ask) update(msg tea.Msg) (part, tea.Cmd) {
	cmd := a.take(msg)
	if a.work == nil && a.state.Words != a.words {
		a.words = a.state.Words
		changed := wordsMsg{a.words}
		cmd = tea.Batch(cmd, func() tea.Msg { return changed })
	}
	if p := a.gone; p != nil {
		a.gone = nil
		return p, cmd
	}
	return a, cmd
}

func (a *ask) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case errandMsg:
		return a.cameBack(msg)
	case reviewedMsg:
		if a.sum != nil && msg.of == a.sum {
			a.sum.take(msg)
		}
	case tea.KeyPressMsg:
		if a.work != nil {
			a.hold(msg)
			return nil
		}
		return a.key(msg)
	case tea.PasteMsg:
		switch f := a.form(); {
		case a.work != nil:
			a.hold(msg)
		case a.over == nil && f != nil:
			return a.obey(f.paste(msg.Content))
		}
	}
	return nil
}

func (a *ask) key(k tea.KeyPressMsg) tea.Cmd {
	if a.over != nil {
		gone, cmd := a.over.press(k)
		if gone {
			a.over = nil
		}
		return cmd
	}
	if k.String() == "f1" {
		a.over = newHelp(a)
		return nil
	}
	f := a.form()
	if f == nil {
		return a.sum.press(k)
	}
	r, used := f.press(k)
	switch {
	case used:
		return a.obey(r)
	case k.String() == "esc":
		return a.back()
	case k.String() == "?":
		a.over = newHelp(a)
	}
	return nil
}

// obey does what the form on top wants.
func (a *ask) obey(r result) tea.Cmd {
	f := a.form()
	switch {
	case r.start != nil:
		return a.send(f.focused().key(), r.start, a.opened)
	case !r.done:
		return nil
	case f.page.Leave == nil:
		return a.left(nil)
	}
	leave := func(ctx context.Context) (*dialog.Page, error) { return nil, f.page.Leave(ctx, a.state) }
	return a.send("", leave, a.left)
}

// opened puts the page that an action brought on top.
func (a *ask) opened(page *dialog.Page) tea.Cmd {
	if page != nil {
		a.stack = append(a.stack, newForm(a.state, *page, true))
	}
	return nil
}

// left goes on after a page that was filled in.
func (a *ask) left(*dialog.Page) tea.Cmd {
	if len(a.stack) > 1 {
		a.pop()
		return nil
	}
	return a.next()
}

func (a *ask) confirmed(answers config.Answers) {
	a.msg.reply <- answers
	a.gone = message{heading: a.words.T("Installation"), text: a.words.T("Starting ...")}
}

func (a *ask) view(width, height int) string {
	switch f := a.form(); {
	case a.over != nil:
		return a.over.view(width, height, a.styles)
	case a.work != nil && f != nil:
		return tall(f.view(width, height-2, a.styles), height-1) + a.styles.title.Render(clip(a.working(), width))
	case f != nil:
		return f.view(width, height, a.styles)
	}
	return a.sum.view(width, height)
}

func (a *ask) working() string {
	if a.work.stopped {
		return a.words.T("Stopping ...")
	}
	return a.words.T("Working ... Esc stops it.")
}

func (a *ask) title() string {
	f := a.form()
	switch {
	case a.over != nil:
		return a.over.title()
	case f == nil:
		return a.words.T("Summary")
	case len(a.stack) > 1 || a.aside:
		return oneLine(a.words.T(f.page.Title))
	}
	return fmt.Sprintf("%s (%s)", oneLine(a.words.T(f.page.Title)), a.number)
}

func (a *ask) keys() string {
	w := a.words
	switch f := a.form(); {
	case a.over != nil:
		return keyLine(a.over.keys())
	case a.work != nil:
		return keyLine([]string{w.T("Esc stop")})
	case f == nil:
		return keyLine(a.sum.keys())
	default:
		return keyLine(f.keys())
	}
}

package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"github.com/molt-installer/molt/stage2/config"
)

// ask goes through the pages, forward and back, then to the review.
type ask struct {
	msg    askMsg
	styles styles
	draft  *draft
	pages  []screen
	at     int
	form   *huh.Form
	failed error
	ahead  typeahead
}

func newAsk(msg askMsg, s styles) (part, tea.Cmd) {
	a := &ask{msg: msg, styles: s, draft: newDraft(msg.session), pages: screens()}
	return a, a.enter(0)
}

// enter shows page n with what was typed there before.
func (a *ask) enter(n int) tea.Cmd {
	a.at = n
	a.form = huh.NewForm(a.pages[n].form(a.msg.session, a.draft)).
		WithTheme(huh.ThemeFunc(theme)).WithShowHelp(false).WithWidth(76)
	return a.form.Init()
}

func (a *ask) update(msg tea.Msg) (part, tea.Cmd) {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		if a.ahead.holds(key) {
			return a, nil
		}
		if a.isBack(key) {
			return a, a.enter(max(0, a.at-1))
		}
	}
	return a.ahead.after(msg, a.form, a.pass)
}

// pass gives a message to the form and turns the page when it is filled in.
func (a *ask) pass(msg tea.Msg) (part, tea.Cmd) {
	m, cmd := a.form.Update(msg)
	a.form = m.(*huh.Form)
	switch {
	case a.form.State != huh.StateCompleted:
		return a, cmd
	case a.at == 0 && a.draft.disk == "":
		return a, a.enter(0)
	case a.at+1 < len(a.pages):
		return a, a.enter(a.at + 1)
	}
	return a.review()
}

// isBack reports whether key leaves the page backwards: Esc, unless a list is
// being searched, where Esc ends the search.
func (a *ask) isBack(key tea.KeyPressMsg) bool {
	if key.String() != "esc" {
		return false
	}
	f, ok := a.form.GetFocusedField().(interface{ GetFiltering() bool })
	return !ok || !f.GetFiltering()
}

func (a *ask) review() (part, tea.Cmd) {
	answers, err := a.draft.answers(a.msg.session)
	if err != nil {
		a.failed = err
		return a, a.enter(a.at)
	}
	r := &review{ask: a, answers: answers, styles: a.styles}
	return r, r.work()
}

// resume comes back from the review to the last page.
func (a *ask) resume() (part, tea.Cmd) { return a, a.enter(len(a.pages) - 1) }

func (a *ask) confirmed(answers config.Answers) (part, tea.Cmd) {
	a.msg.reply <- answers
	return message{heading: "Installation", text: "Starting ..."}, nil
}

func (a *ask) view(_, _ int) string {
	v := a.form.View()
	if a.failed != nil {
		v += "\n\n" + a.styles.bad.Render(a.failed.Error())
	}
	return v
}

func (a *ask) title() string {
	return fmt.Sprintf("%s (%d of %d)", a.pages[a.at].title, a.at+1, len(a.pages))
}

func (a *ask) keys() string {
	return "Enter next   Shift+Tab previous field   Esc previous page   Up/Down choose"
}

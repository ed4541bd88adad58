package tui

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/dialog"
)

// mostHeldKeys is how much can be typed ahead.
const mostHeldKeys = 1000

// errand is work in the background that has the State for itself. What is
// typed meanwhile is for what comes after it.
type errand struct {
	at      string // Key of the field it was started by
	cancel  context.CancelFunc
	then    func(*dialog.Page) tea.Cmd
	stopped bool
	held    []tea.Msg
}

type errandMsg struct {
	of   *errand
	page *dialog.Page
	err  error
}

// send starts do; then is called when it went well.
func (a *ask) send(at string, do dialog.Action, then func(*dialog.Page) tea.Cmd) tea.Cmd {
	ctx, cancel := context.WithCancel(a.msg.ctx)
	e := &errand{at: at, cancel: cancel, then: then}
	a.work = e
	return func() tea.Msg {
		defer cancel()
		page, err := careful(ctx, do)
		return errandMsg{e, page, err}
	}
}

// careful makes a panic of do an error: a mistake in one page mustn't take the
// terminal away.
func careful(ctx context.Context, do dialog.Action) (page *dialog.Page, err error) {
	defer func() {
		if p := recover(); p != nil {
			page, err = nil, fmt.Errorf("a mistake in the installer: %v\n%s", p, debug.Stack())
		}
	}()
	return do(ctx)
}

// hold keeps what is typed while an errand is on its way; Esc calls it back.
func (a *ask) hold(msg tea.Msg) {
	e := a.work
	if k, ok := msg.(tea.KeyPressMsg); ok && (k.String() == "esc" || k.String() == "ctrl+c") {
		e.cancel()
		e.stopped, e.held = true, nil
		return
	}
	if len(e.held) < mostHeldKeys {
		e.held = append(e.held, msg)
	}
}

// cameBack goes on after an errand. After one that failed nothing that was typed ahead
// is taken: it was for another field.
func (a *ask) cameBack(msg errandMsg) tea.Cmd {
	e := msg.of
	if a.work != e {
		return nil
	}
	a.work = nil
	if f := a.form(); f != nil {
		f.refresh()
	}
	if msg.err != nil {
		a.wentWrong(e, msg.err)
		return nil
	}
	cmds := []tea.Cmd{e.then(msg.page)}
	for _, held := range e.held {
		if a.gone == nil {
			cmds = append(cmds, a.take(held))
		}
	}
	return tea.Batch(cmds...)
}

func (a *ask) wentWrong(e *errand, err error) {
	text := translated(a.words, err.Error())
	if e.stopped && errors.Is(err, context.Canceled) {
		text = a.words.T("Stopped.")
	}
	f := a.form()
	if f == nil {
		a.sum.failed(text)
		return
	}
	if i := slices.IndexFunc(f.widgets, func(w widget) bool { return w.stops() && w.key() == e.at }); i >= 0 {
		f.goTo(i)
	}
	f.failed = text
}

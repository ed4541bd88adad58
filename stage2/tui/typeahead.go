package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// typeahead keeps what is typed between an Enter and the moment the form has
// moved on: huh moves by a message of its own, and on a slow machine the next
// letters come before it and would land in the field just left.
type typeahead struct {
	held  []tea.KeyPressMsg
	from  huh.Field // the field being left; nil when nothing is held
	moves int       // tells an old timeout from the current one
}

// moveTimeout ends a hold where the form had nowhere to move to.
type moveTimeout int

// longestMove is for a machine under load. Only from a form's first field is there nowhere
// to go, backwards, and nobody is to wait that long there.
func longestMove(key string) time.Duration {
	if key == "shift+tab" {
		return 300 * time.Millisecond
	}
	return 5 * time.Second
}

// holds keeps key back while the form is moving.
func (t *typeahead) holds(key tea.KeyPressMsg) bool {
	if t.from == nil {
		return false
	}
	t.held = append(t.held, key)
	return true
}

// after passes msg on, and then what was held, once the form has moved.
func (t *typeahead) after(msg tea.Msg, form *huh.Form, pass func(tea.Msg) (part, tea.Cmd)) (part, tea.Cmd) {
	field := form.GetFocusedField()
	p, cmd := pass(msg)
	a, asking := p.(*ask)
	if !asking {
		return p, cmd
	}
	if leaves(msg) && a.form == form && field.Error() == nil {
		t.from = field
		t.moves++
		n := t.moves
		return p, tea.Batch(cmd, tea.Tick(longestMove(msg.(tea.KeyPressMsg).String()), func(time.Time) tea.Msg { return moveTimeout(n) }))
	}
	late, ok := msg.(moveTimeout)
	if t.from == nil || (a.form.GetFocusedField() == t.from && !(ok && int(late) == t.moves)) {
		return p, cmd
	}
	return t.release(a, cmd)
}

func leaves(msg tea.Msg) bool {
	key, ok := msg.(tea.KeyPressMsg)
	return ok && (key.String() == "enter" || key.String() == "tab" || key.String() == "shift+tab")
}

// release types what was held; a key among it can start the next hold.
func (t *typeahead) release(a *ask, cmd tea.Cmd) (part, tea.Cmd) {
	held := t.held
	t.held, t.from = nil, nil
	var p part = a
	for _, key := range held {
		var next tea.Cmd
		p, next = p.update(key)
		cmd = tea.Batch(cmd, next)
	}
	return p, cmd
}

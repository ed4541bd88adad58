package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/words"
)

// widget is a field on the screen. It draws what it was last given and what has
// been typed, and reads nothing of the State while it draws: that can be at work.
type widget interface {
	key() string
	stops() bool // it can have the keys
	// set gives it the field as things stand now; false: it isn't of this kind.
	set(f dialog.Field, w *words.Catalog) bool
	press(k tea.KeyPressMsg) outcome
	paste(text string) outcome
	wrong() string // what is wrong with what it holds; empty: nothing
	leave()        // another gets the keys
	draw(a area) []string
	hints(w *words.Catalog) []string // the keys it has of its own
}

// outcome is what became of a key.
type outcome struct {
	used    bool // it was the field's own
	changed bool // an answer is another one now
	next    bool // the person is done with the field
	start   dialog.Action
}

// area is where a widget draws.
type area struct {
	width, room int // room is the height of the whole page
	labels      int // columns that labels beside a field have
	focused     bool
	asked       bool // somebody was at it already, so that mistakes are said
	styles      styles
	words       *words.Catalog
}

// form is a page on the screen.
type form struct {
	state   *dialog.State
	page    dialog.Page
	words   *words.Catalog
	widgets []widget // the last one goes on
	at      int      // the one that has the keys
	asked   map[string]bool
	scroll  int    // lines that the person has moved the page by
	failed  string // what went wrong at the widget at
}

// newForm is page p; sub: it lies above another.
func newForm(s *dialog.State, p dialog.Page, sub bool) *form {
	f := &form{state: s, page: p, asked: map[string]bool{}, widgets: []widget{&proceed{sub: sub}}}
	f.refresh()
	f.at = f.following(-1, 1)
	return f
}

// refresh asks for the fields anew. What has been typed, and who has the keys,
// stays by Key.
func (f *form) refresh() {
	f.words = f.state.Words
	had := f.widgets[f.at]
	old := map[string]widget{}
	for _, w := range f.widgets {
		old[w.key()] = w
	}
	end := f.widgets[len(f.widgets)-1]
	end.set(nil, f.words)
	var all []widget
	for _, field := range fieldsOf(f.page, f.state) {
		all = append(all, renew(old, field, f.words))
	}
	f.widgets = append(all, end)
	f.at = min(f.at, len(f.widgets)-1)
	for i, w := range f.widgets {
		if w == had {
			f.at = i
		}
	}
	if !f.widgets[f.at].stops() {
		f.at = f.following(f.at, 1)
	}
}

func fieldsOf(p dialog.Page, s *dialog.State) []dialog.Field {
	if p.Fields == nil {
		return nil
	}
	return p.Fields(s)
}

// renew gives the widget that shows field already the new state of it, or makes
// one.
func renew(old map[string]widget, field dialog.Field, w *words.Catalog) widget {
	fresh := newWidget(field)
	fresh.set(field, w)
	key := fresh.key()
	if was := old[key]; key != "" && was != nil && was.set(field, w) {
		delete(old, key) // two fields of one key mustn't share a widget
		return was
	}
	return fresh
}

func newWidget(f dialog.Field) widget {
	switch f.(type) {
	case dialog.Text:
		return newTextLine()
	case dialog.Choice, dialog.Marks:
		return &list{}
	case dialog.Yes:
		return &check{}
	case dialog.Button:
		return &button{}
	case dialog.Table:
		return &table{}
	}
	return &note{}
}

// following is the next widget from i that can have the keys, or the one before
// with step -1; i itself at the end.
func (f *form) following(i, step int) int {
	for n := i + step; n >= 0 && n < len(f.widgets); n += step {
		if f.widgets[n].stops() {
			return n
		}
	}
	return max(0, i)
}

func (f *form) focused() widget { return f.widgets[f.at] }

// move gives the keys to another widget.
func (f *form) move(step int) { f.goTo(f.following(f.at, step)) }

func (f *form) goTo(i int) {
	if i == f.at {
		return
	}
	f.asked[f.focused().key()] = true
	f.focused().leave()
	f.at, f.scroll, f.failed = i, 0, ""
}

// result is what a form wants of the one it belongs to.
type result struct {
	start dialog.Action // is to be run
	done  bool          // the page is filled in
}

// press takes a key. The field has it first; the rest moves about.
func (f *form) press(k tea.KeyPressMsg) (result, bool) {
	if s := k.String(); s == "ctrl+n" || s == "f10" {
		f.after(f.focused().press(tea.KeyPressMsg{Code: tea.KeyTab})) // what a list has chosen by leaving it
		return f.submit(), true
	}
	o := f.focused().press(k)
	if r := f.after(o); o.used {
		return r, true
	}
	switch k.String() {
	case "tab", "down":
		f.move(1)
	case "shift+tab", "up":
		f.move(-1)
	case "enter":
		return f.forward(), true
	case "pgdown":
		f.scrollBy(5)
	case "pgup":
		f.scrollBy(-5)
	default:
		return result{}, false
	}
	return result{}, true
}

// scrollBy moves the page without moving the keys, by no more than it is long on the
// narrowest screen.
func (f *form) scrollBy(n int) {
	lines, _, _ := f.lines(area{width: leastWidth - 3, room: leastHeight - frameHeight, words: f.words}, 1)
	f.scroll = max(-len(lines), min(f.scroll+n, len(lines)))
}

func (f *form) paste(text string) result { return f.after(f.focused().paste(text)) }

func (f *form) after(o outcome) result {
	if o.changed {
		f.failed, f.scroll = "", 0
		f.refresh()
	}
	if o.start != nil {
		f.failed = ""
		return result{start: o.start}
	}
	if o.next {
		return f.forward()
	}
	return result{}
}

// forward is Enter: to the next field, and from the last to the next page.
func (f *form) forward() result {
	_, atEnd := f.focused().(*proceed)
	f.asked[f.focused().key()] = true
	if f.focused().wrong() != "" {
		return result{}
	}
	if b := f.buttonOf(f.focused().key()); b != nil {
		return result{start: b.field.Do}
	}
	next := f.following(f.at, 1)
	if _, end := f.widgets[next].(*proceed); !atEnd && !end {
		f.goTo(next)
		return result{}
	}
	return f.submit()
}

// buttonOf is the button that Enter in a field presses; nil: none.
func (f *form) buttonOf(key string) *button {
	for _, w := range f.widgets {
		if b, ok := w.(*button); ok && key != "" && b.field.Of == key {
			return b
		}
	}
	return nil
}

// submit is done unless something is wrong; then that has the keys.
func (f *form) submit() result {
	for i, w := range f.widgets {
		if w.wrong() != "" {
			f.goTo(i)
			f.asked[w.key()] = true
			return result{}
		}
	}
	return result{done: true}
}

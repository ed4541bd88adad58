package tui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/words"
)

const (
	shortList = 8  // options that are all shown, with or without the keys
	pageStep  = 10 // rows that PgUp and PgDn go
)

// row is an option as it is drawn and searched.
type row struct {
	value, label, hint string
	found              string // what a search looks through
}

// list is a dialog.Choice or a dialog.Marks.
type list struct {
	field   dialog.Field
	many    bool // Marks
	id      string
	label   string
	hint    string
	mistake string
	rows    []row
	open    bool // the hints of all rows are shown
	marked  map[string]bool
	chosen  string

	search search
	at     int  // in what the search leaves
	moved  bool // since the list got the keys
}

func (l *list) set(f dialog.Field, w *words.Catalog) bool {
	old := l.rows
	switch d := f.(type) {
	case dialog.Choice:
		if l.many {
			return false
		}
		l.field, l.id, l.chosen, l.marked = d, d.Key, *d.Value, map[string]bool{*d.Value: true}
		l.describe(d.Label, d.Hint, d.Options)
	case dialog.Marks:
		if l.field != nil && !l.many {
			return false
		}
		l.field, l.id, l.many, l.marked, l.mistake = d, d.Key, true, map[string]bool{}, ""
		for _, v := range *d.Values {
			l.marked[v] = true
		}
		if d.Check != nil {
			if err := d.Check(*d.Values); err != nil {
				l.mistake = translated(w, err.Error())
			}
		}
		l.describe(d.Label, d.Hint, d.Options)
		l.open = d.Hints && len(d.Options) <= shortList
	default:
		return false
	}
	if !slices.EqualFunc(old, l.rows, func(a, b row) bool { return a.value == b.value }) {
		l.search.end()
		l.home()
	}
	l.search.over(l.rows)
	return true
}

func (l *list) describe(label, hint string, options []dialog.Option) {
	l.label, l.hint = oneLine(label), harmless(hint)
	l.rows = make([]row, len(options))
	for i, o := range options {
		label := oneLine(o.Label)
		l.rows[i] = row{o.Value, label, harmless(o.Hint), fold(label + " " + o.Find + " " + o.Value)}
	}
}

// home puts the cursor on what is chosen.
func (l *list) home() {
	l.at, l.moved = 0, false
	if !l.many {
		l.at = max(0, slices.IndexFunc(l.rows, func(r row) bool { return r.value == l.chosen }))
	}
}

func (l *list) leave() {
	if l.search.text != "" {
		l.stopSearch()
	}
	if !l.many {
		l.home()
	}
}

// stopSearch keeps the cursor on the row it is on.
func (l *list) stopSearch() {
	at := l.pointed()
	l.search.end()
	l.search.over(l.rows)
	l.at = max(0, at)
}

// pointed is the row under the cursor, as an index of rows; -1: none.
func (l *list) pointed() int {
	if l.at >= len(l.search.left) {
		return -1
	}
	return l.search.left[l.at]
}

func (l *list) press(k tea.KeyPressMsg) outcome {
	if l.step(k.String()) {
		l.moved = true
		return outcome{used: true}
	}
	switch k.String() {
	case "enter":
		return l.enter()
	case "tab", "shift+tab":
		if l.many || !l.moved {
			return outcome{}
		}
		o := l.choose()
		o.used = false
		return o
	case "space":
		if l.many || l.search.text == "" {
			return l.choose()
		}
	}
	if l.search.press(k, l.rows) {
		l.at, l.moved = 0, true
		if l.search.text == "" {
			l.home()
		}
		return outcome{used: true}
	}
	return outcome{}
}

// step moves the cursor. At its ends the keys are the page's.
func (l *list) step(k string) bool {
	to := l.at
	switch k {
	case "up":
		to--
	case "down":
		to++
	case "pgup":
		to = max(0, to-pageStep)
	case "pgdown":
		to = min(len(l.search.left)-1, to+pageStep)
	case "home":
		to = 0
	case "end":
		to = len(l.search.left) - 1
	}
	if to == l.at || to < 0 || to >= len(l.search.left) {
		return false
	}
	l.at = to
	return true
}

func (l *list) enter() outcome {
	if len(l.rows) > 0 && l.pointed() < 0 {
		return outcome{used: true} // nothing is found
	}
	if l.many || len(l.rows) == 0 {
		l.leave()
		return outcome{used: true, next: true}
	}
	o := l.choose()
	o.next = true
	return o
}

// choose takes the row under the cursor, or marks it.
func (l *list) choose() outcome {
	i := l.pointed()
	if i < 0 {
		return outcome{used: true}
	}
	l.moved = false
	value := l.rows[i].value
	switch d := l.field.(type) {
	case dialog.Marks:
		if at := slices.Index(*d.Values, value); at >= 0 {
			*d.Values = slices.Delete(slices.Clone(*d.Values), at, at+1)
		} else {
			*d.Values = append(slices.Clone(*d.Values), value)
		}
	case dialog.Choice:
		l.stopSearch()
		same := *d.Value == value
		*d.Value, l.chosen = value, value
		if same {
			return outcome{used: true}
		}
		if d.Changed != nil {
			d.Changed()
		}
	}
	return outcome{used: true, changed: true}
}

func (l *list) paste(text string) outcome {
	if text = strings.TrimSpace(oneLine(text)); text != "" {
		l.search.find(l.search.text+text, l.rows)
		l.at, l.moved = 0, true
	}
	return outcome{used: true}
}

func (l *list) draw(a area) []string {
	head := l.label
	folded := !a.focused && len(l.rows) > shortList
	if folded {
		head += ": " + l.said(a.words)
	}
	lines := wrapMarked(mark(a.focused), head, a.width)
	if a.focused {
		lines = styled(lines, a.styles.title.Render)
	}
	lines = append(lines, styled(indented(wrapText(l.hint, a.width-2)), a.styles.dim.Render)...)
	if !folded {
		lines = append(lines, l.body(a, len(lines))...)
	}
	if l.mistake != "" && (a.asked || a.focused && len(l.marked) > 0) {
		lines = append(lines, styled(wrapMarked("! ", l.mistake, a.width), a.styles.bad.Render)...)
	}
	return lines
}

// said is what is chosen, for a list that is folded.
func (l *list) said(w *words.Catalog) string {
	var all []string
	for _, r := range l.rows {
		if l.marked[r.value] {
			all = append(all, r.label)
		}
	}
	if len(all) == 0 && !l.many {
		return cmp.Or(l.chosen, "-")
	}
	return cmp.Or(strings.Join(all, ", "), w.T("none"))
}

// body is the rows, as many as there is room for, around the cursor.
func (l *list) body(a area, above int) []string {
	var lines []string
	if l.search.begun || l.search.text != "" {
		lines = append(lines, "  "+a.words.T("Search: %s", l.search.text)+a.styles.cursor.Render(" "))
	}
	if len(l.search.left) == 0 && len(l.rows) > 0 {
		return append(lines, "  "+a.words.T("Nothing is called that."))
	}
	room := len(l.search.left)
	if len(l.rows) > shortList {
		room = max(3, min(room, a.room-above-len(lines)-4))
	}
	first := max(0, min(l.at-room/2, len(l.search.left)-room))
	for i := first; i < min(first+room, len(l.search.left)); i++ {
		lines = append(lines, l.line(a, i)...)
	}
	if room < len(l.search.left) {
		lines = append(lines, a.styles.dim.Render("  "+a.words.T("%d of %d", l.at+1, len(l.search.left))))
	}
	return lines
}

// line is a row; the one under the cursor is shown whole.
func (l *list) line(a area, i int) []string {
	r := l.rows[l.search.left[i]]
	box := "( ) "
	switch on := l.marked[r.value]; {
	case l.many && on:
		box = "[x] "
	case l.many:
		box = "[ ] "
	case on:
		box = "(*) "
	}
	pointed := a.focused && i == l.at
	lines := []string{"    " + box + cut(r.label, a.width-8)}
	switch {
	case pointed:
		lines = styled(wrapMarked("  > "+box, r.label, a.width), a.styles.title.Render)
	case !l.open:
		return lines
	}
	for _, h := range wrapText(r.hint, a.width-8) {
		lines = append(lines, strings.Repeat(" ", 4+ansi.StringWidth(box))+a.styles.dim.Render(h))
	}
	return lines
}

func (l *list) key() string   { return l.id }
func (l *list) stops() bool   { return true }
func (l *list) wrong() string { return l.mistake }

func (l *list) hints(w *words.Catalog) []string {
	var keys []string
	if l.many {
		keys = append(keys, w.T("Space mark"))
	}
	if len(l.rows) > shortList {
		keys = append(keys, w.T("type to search"))
	}
	return append(keys, w.T("Up/Down choose"))
}

package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/words"
)

// table is a dialog.Table.
type table struct {
	field  dialog.Table
	label  string
	hint   string
	head   []string
	cells  [][]string
	bad    []string
	rows   []row // for the search: the values are their keys
	search search
	at     int
}

func (t *table) set(f dialog.Field, w *words.Catalog) bool {
	d, ok := f.(dialog.Table)
	if !ok {
		return false
	}
	was := ""
	if i := t.pointed(); i >= 0 {
		was = t.rows[i].value
	}
	t.field, t.label, t.hint = d, oneLine(d.Label), harmless(d.Hint)
	t.head = lineAll(d.Head)
	t.cells, t.bad, t.rows = nil, nil, nil
	for _, r := range d.Rows {
		cells := lineAll(r.Cells)
		t.cells = append(t.cells, cells)
		t.bad = append(t.bad, translated(w, r.Bad))
		t.rows = append(t.rows, row{value: r.Key, found: fold(strings.Join(cells, " "))})
	}
	t.search.over(t.rows)
	if n := slices.IndexFunc(t.search.left, func(i int) bool { return t.rows[i].value == was }); n >= 0 {
		t.at = n
	}
	t.at = max(0, min(t.at, len(t.search.left)-1))
	return true
}

func lineAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = oneLine(s)
	}
	return out
}

// pointed is the row under the cursor; -1: none.
func (t *table) pointed() int {
	if t.at >= len(t.search.left) {
		return -1
	}
	return t.search.left[t.at]
}

func (t *table) press(k tea.KeyPressMsg) outcome {
	l := list{search: t.search, at: t.at}
	if l.step(k.String()) {
		t.at = l.at
		return outcome{used: true}
	}
	searching := t.search.begun || t.search.text != ""
	if k.String() == "enter" && searching {
		t.endSearch()
		return outcome{used: true}
	}
	if !searching {
		for i, a := range t.field.Actions {
			if k.String() == a.Key || i == t.first() && k.String() == "enter" {
				return t.act(a)
			}
		}
		if k.Text != "/" {
			return outcome{}
		}
	}
	used := t.search.press(k, t.rows)
	if used {
		t.at = 0
	}
	return outcome{used: used}
}

// first is the action of Enter: the first one that there is a row for. -1: none.
func (t *table) first() int {
	return slices.IndexFunc(t.field.Actions, func(a dialog.RowAction) bool { return a.Whole || len(t.rows) > 0 })
}

func (t *table) endSearch() {
	i := t.pointed()
	t.search.end()
	t.search.over(t.rows)
	t.at = max(0, i)
}

// act does a with the row under the cursor.
func (t *table) act(a dialog.RowAction) outcome {
	key := ""
	if i := t.pointed(); i >= 0 {
		key = t.rows[i].value
	} else if !a.Whole {
		return outcome{used: true}
	}
	return outcome{used: true, start: func(ctx context.Context) (*dialog.Page, error) { return a.Do(ctx, key) }}
}

func (t *table) draw(a area) []string {
	lines := wrapMarked(mark(a.focused), t.label, a.width)
	if a.focused {
		lines = styled(lines, a.styles.title.Render)
	}
	lines = append(lines, styled(indented(wrapText(t.hint, a.width-2)), a.styles.dim.Render)...)
	if t.search.begun || t.search.text != "" {
		lines = append(lines, "  "+a.words.T("Search: %s", t.search.text)+a.styles.cursor.Render(" "))
	}
	widths := t.widths(a.width - 4)
	if len(t.head) > 0 {
		lines = append(lines, a.styles.dim.Render("    "+columns(t.head, widths, a.width-4)))
	}
	keys := t.keys(a)
	room := max(3, a.room-len(lines)-len(keys)-4)
	first := max(0, min(t.at-room/2, len(t.search.left)-room))
	for i := first; i < min(first+room, len(t.search.left)); i++ {
		lines = append(lines, t.line(a, i, widths)...)
	}
	if len(t.rows) == 0 {
		lines = append(lines, "    "+a.words.T("none"))
	}
	if room < len(t.search.left) {
		lines = append(lines, a.styles.dim.Render("    "+a.words.T("%d of %d", t.at+1, len(t.search.left))))
	}
	return append(lines, keys...)
}

// enter is what Enter does, with the key; empty: nothing of the table's own.
func (t *table) enter() string {
	if i := t.first(); i >= 0 && !t.search.begun && t.search.text == "" {
		return "Enter " + oneLine(t.field.Actions[i].Label)
	}
	return ""
}

// keys are what can be done now, below the table.
func (t *table) keys(a area) []string {
	var all []string
	for i, act := range t.field.Actions {
		key := act.Key
		if i == t.first() {
			key = "Enter"
		}
		if act.Whole || len(t.rows) > 0 {
			all = append(all, key+" "+oneLine(act.Label))
		}
	}
	return indented(wrapText(strings.Join(all, keyGap), a.width-2))
}

func (t *table) line(a area, i int, widths []int) []string {
	n := t.search.left[i]
	text := columns(t.cells[n], widths, a.width-4)
	mark, pointed := "    ", a.focused && i == t.at
	if pointed {
		mark = "  > "
	}
	var lines []string
	switch {
	case pointed:
		lines = []string{a.styles.title.Render(mark + text)}
	default:
		lines = []string{mark + text}
	}
	for _, l := range wrapMarked("    ! ", t.bad[n], a.width) {
		lines = append(lines, a.styles.bad.Render(l))
	}
	return lines
}

// widths are those of the columns: as wide as what is in them, and when that is
// too much the widest gives.
func (t *table) widths(room int) []int {
	var w []int
	for _, cells := range append([][]string{t.head}, t.cells...) {
		for i, c := range cells {
			if i == len(w) {
				w = append(w, 0)
			}
			w[i] = max(w[i], ansi.StringWidth(c))
		}
	}
	total := 2 * max(0, len(w)-1)
	for _, n := range w {
		total += n
	}
	for ; total > room && len(w) > 0; total-- {
		i := slices.Index(w, slices.Max(w))
		if w[i] <= 4 {
			break
		}
		w[i]--
	}
	return w
}

func columns(cells []string, widths []int, room int) string {
	var out []string
	for i, c := range cells {
		out = append(out, pad(c, widths[i]))
	}
	return strings.TrimRight(clip(strings.Join(out, "  "), room), " ")
}

func (t *table) key() string          { return t.field.Key }
func (t *table) stops() bool          { return true }
func (t *table) paste(string) outcome { return outcome{} }
func (t *table) wrong() string        { return "" }
func (t *table) leave()               { t.endSearch() }

func (t *table) hints(w *words.Catalog) []string {
	if len(t.rows) == 0 {
		return []string{w.T("Tab next field")}
	}
	return []string{w.T("Tab next field"), w.T("Up/Down choose"), w.T("/ search")}
}

package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/words"
)

// mark is what stands before the field that has the keys.
func mark(focused bool) string {
	if focused {
		return "> "
	}
	return "  "
}

// note is a dialog.Note.
type note struct {
	text string
	bad  bool
}

func (n *note) set(f dialog.Field, _ *words.Catalog) bool {
	d, ok := f.(dialog.Note)
	if ok {
		n.text, n.bad = harmless(d.Text), d.Bad
	}
	return ok
}

func (n *note) draw(a area) []string {
	if !n.bad {
		return indented(wrap(n.text, a.width-2))
	}
	return styled(wrapMarked("! ", n.text, a.width), a.styles.bad.Render)
}

func (n *note) key() string                   { return "" }
func (n *note) stops() bool                   { return false }
func (n *note) press(tea.KeyPressMsg) outcome { return outcome{} }
func (n *note) paste(string) outcome          { return outcome{} }
func (n *note) wrong() string                 { return "" }
func (n *note) leave()                        {}
func (n *note) hints(*words.Catalog) []string { return nil }

func indented(lines []string) []string {
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return lines
}

func styled(lines []string, render func(...string) string) []string {
	for i := range lines {
		lines[i] = render(lines[i])
	}
	return lines
}

// textLine is a dialog.Text.
type textLine struct {
	field               dialog.Text
	input               textinput.Model
	label, hint, remark string
	mistake             string
}

func newTextLine() *textLine {
	t := &textLine{input: textinput.New()}
	t.input.KeyMap.Paste = key.NewBinding() // the clipboard of the machine that is installed: there is none
	t.input.SetVirtualCursor(false)
	t.input.Focus()
	return t
}

func (t *textLine) set(f dialog.Field, w *words.Catalog) bool {
	d, ok := f.(dialog.Text)
	if !ok || (t.field.Key != "" && d.Secret != t.field.Secret) {
		return false
	}
	t.field, t.label, t.hint = d, oneLine(d.Label), harmless(d.Hint)
	if t.input.Value() != *d.Value {
		t.input.SetValue(*d.Value)
		t.input.CursorEnd()
	}
	t.mistake, t.remark = "", ""
	if d.Check != nil {
		if err := d.Check(*d.Value); err != nil {
			t.mistake = translated(w, err.Error())
		}
	}
	if d.Remark != nil {
		t.remark = harmless(d.Remark(*d.Value))
	}
	return true
}

func (t *textLine) press(k tea.KeyPressMsg) outcome {
	switch k.String() {
	case "enter", "tab", "shift+tab", "up", "down", "esc", "pgup", "pgdown", "ctrl+c":
		return outcome{}
	}
	before, at := t.input.Value(), t.input.Position()
	t.input, _ = t.input.Update(k)
	return t.edited(before, at, k.Text != "")
}

// edited tells what became of the text.
func (t *textLine) edited(before string, at int, used bool) outcome {
	value := t.input.Value()
	*t.field.Value = value
	return outcome{used: used || value != before || at != t.input.Position(), changed: value != before}
}

func (t *textLine) paste(text string) outcome {
	before, at := t.input.Value(), t.input.Position()
	text = strings.TrimRight(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	t.input, _ = t.input.Update(tea.PasteMsg{Content: oneLine(text)})
	return t.edited(before, at, true)
}

func (t *textLine) draw(a area) []string {
	label, render := t.label, a.styles.plain.Render
	if a.focused {
		render = a.styles.title.Render
	}
	var lines []string
	if beside := ansi.StringWidth(label) <= a.labels; beside {
		room := min(50, a.width-a.labels-5)
		lines = append(lines, mark(a.focused)+render(pad(label, a.labels))+" "+t.box(room, a))
	} else {
		lines = styled(wrapMarked(mark(a.focused), label, a.width), render)
		lines = append(lines, "  "+t.box(min(50, a.width-4), a))
	}
	lines = append(lines, styled(indented(wrapText(t.hint, a.width-2)), a.styles.dim.Render)...)
	if t.mistake != "" && (a.asked || a.focused && t.input.Value() != "") {
		return append(lines, styled(wrapMarked("! ", t.mistake, a.width), a.styles.bad.Render)...)
	}
	return append(lines, indented(wrapText(t.remark, a.width-2))...)
}

func wrapText(s string, width int) []string {
	if s == "" {
		return nil
	}
	return wrap(s, width)
}

// box is the text between brackets, room columns wide, with the cursor in it.
func (t *textLine) box(room int, a area) string {
	room = max(room, 4)
	letters := []rune(t.input.Value())
	if t.field.Secret {
		letters = []rune(strings.Repeat("*", len(letters)))
	}
	at := min(t.input.Position(), len(letters))
	if !a.focused {
		return "[" + pad(string(letters), room) + "]"
	}
	from := 0
	for ansi.StringWidth(string(letters[from:at])) > room-2 {
		from++
	}
	under, rest := " ", ""
	if at < len(letters) {
		under, rest = string(letters[at]), string(letters[at+1:])
	}
	before := string(letters[from:at])
	left := room - ansi.StringWidth(before) - max(1, ansi.StringWidth(under))
	return "[" + before + a.styles.cursor.Render(under) + pad(rest, left) + "]"
}

func (t *textLine) key() string                   { return t.field.Key }
func (t *textLine) stops() bool                   { return true }
func (t *textLine) wrong() string                 { return t.mistake }
func (t *textLine) leave()                        {}
func (t *textLine) hints(*words.Catalog) []string { return nil }

// check is a dialog.Yes.
type check struct {
	field       dialog.Yes
	label, hint string
	on          bool
}

func (c *check) set(f dialog.Field, _ *words.Catalog) bool {
	d, ok := f.(dialog.Yes)
	if ok {
		c.field, c.label, c.hint, c.on = d, oneLine(d.Label), harmless(d.Hint), *d.Value
	}
	return ok
}

func (c *check) press(k tea.KeyPressMsg) outcome {
	switch k.String() {
	case "space", "x":
		*c.field.Value = !*c.field.Value
	case "y", "+":
		*c.field.Value = true
	case "n", "-":
		*c.field.Value = false
	default:
		return outcome{}
	}
	return outcome{used: true, changed: true}
}

func (c *check) draw(a area) []string {
	box := "[ ] "
	if c.on {
		box = "[x] "
	}
	lines := wrapMarked(mark(a.focused)+box, c.label, a.width)
	if a.focused {
		lines = styled(lines, a.styles.title.Render)
	}
	return append(lines, styled(indented(wrapText(c.hint, a.width-2)), a.styles.dim.Render)...)
}

func (c *check) key() string                     { return c.field.Key }
func (c *check) stops() bool                     { return true }
func (c *check) paste(string) outcome            { return outcome{} }
func (c *check) wrong() string                   { return "" }
func (c *check) leave()                          {}
func (c *check) hints(w *words.Catalog) []string { return []string{w.T("Space yes/no")} }

// button is a dialog.Button.
type button struct {
	field dialog.Button
	label string
}

func (b *button) set(f dialog.Field, _ *words.Catalog) bool {
	d, ok := f.(dialog.Button)
	if ok {
		b.field, b.label = d, oneLine(d.Label)
	}
	return ok
}

func (b *button) press(k tea.KeyPressMsg) outcome {
	if s := k.String(); s == "enter" || s == "space" {
		return outcome{used: true, start: b.field.Do}
	}
	return outcome{}
}

func (b *button) draw(a area) []string { return []string{pressable(b.label, a)} }

// pressable is a label as a button.
func pressable(label string, a area) string {
	text := "[ " + cut(label, a.width-6) + " ]"
	if a.focused {
		return mark(true) + a.styles.chosen.Render(text)
	}
	return mark(false) + text
}

func (b *button) key() string                     { return b.field.Key }
func (b *button) stops() bool                     { return true }
func (b *button) paste(string) outcome            { return outcome{} }
func (b *button) wrong() string                   { return "" }
func (b *button) leave()                          {}
func (b *button) hints(w *words.Catalog) []string { return nil }

// proceed is the button at the end of each page.
type proceed struct {
	sub   bool
	label string
}

func (p *proceed) set(_ dialog.Field, w *words.Catalog) bool {
	p.label = w.T("Continue")
	if p.sub {
		p.label = w.T("OK")
	}
	return true
}

func (p *proceed) press(k tea.KeyPressMsg) outcome {
	if k.String() == "space" {
		return outcome{used: true, next: true}
	}
	return outcome{}
}

func (p *proceed) draw(a area) []string          { return []string{pressable(p.label, a)} }
func (p *proceed) key() string                   { return "" }
func (p *proceed) stops() bool                   { return true }
func (p *proceed) paste(string) outcome          { return outcome{} }
func (p *proceed) wrong() string                 { return "" }
func (p *proceed) leave()                        {}
func (p *proceed) hints(*words.Catalog) []string { return nil }

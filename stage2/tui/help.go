package tui

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/words"
)

// help is what the page is for, and the keys. Any key closes it, but those that move it.
type help struct {
	text   string
	words  *words.Catalog
	scroll int // lines
}

func newHelp(a *ask) overlay {
	w := a.words
	text, keys := w.T("Everything that was chosen, and what will be done. Enter on a line goes back to its page."), []string(nil)
	if f := a.form(); f != nil {
		text, keys = w.T(f.page.Help), f.keys()
	} else {
		keys = a.sum.keys()
	}
	keys = append(keys, w.T("F10 like Ctrl-N"), w.T("Shift-Tab field before"), w.T("Ctrl-C leave the installer"), w.T("Ctrl-L draw the screen again"))
	return &help{text: harmless(text) + "\n\n" + w.T("Keys:") + "\n  " + strings.Join(keys, "\n  "), words: w}
}

func (h *help) press(k tea.KeyPressMsg) (bool, tea.Cmd) {
	most := strings.Count(h.text, "\n") + len(h.text)/30
	switch k.String() {
	case "down", "j":
		h.scroll++
	case "up", "k":
		h.scroll--
	case "pgdown", "space":
		h.scroll += pageStep
	case "pgup":
		h.scroll -= pageStep
	default:
		return true, nil
	}
	h.scroll = max(0, min(h.scroll, most))
	return false, nil
}

func (h *help) view(width, height int, _ styles) string {
	return window(wrap(h.text, width-1), 0, 0, h.scroll, width, height)
}

func (h *help) title() string { return h.words.T("Help") }

func (h *help) keys() []string {
	return []string{h.words.T("any key closes"), h.words.T("Up/Down scroll")}
}

// keyLine is the keys at the bottom of the screen.
func keyLine(keys []string) string { return strings.Join(keys, keyGap) }

// keyGap is between two keys.
const keyGap = "   "

// wholeKeys leaves out the last keys of a line when it is wider than there is room for.
func wholeKeys(line string, width int) string {
	for ansi.StringWidth(line) > width {
		at := strings.LastIndex(line, keyGap)
		if at <= 0 {
			break
		}
		line = line[:at]
	}
	return line
}

// keys are those of the page and the field on it, the most useful first.
func (f *form) keys() []string {
	w, enter := f.words, f.words.T("Enter next")
	switch field := f.focused().(type) {
	case *button:
		enter = w.T("Enter press")
	case *table:
		enter = cmp.Or(field.enter(), enter)
	}
	own, keys := f.focused().hints(w), []string{enter}
	if len(own) > 0 && own[0] != w.T("Up/Down choose") { // which anybody tries
		keys, own = append(keys, own[0]), own[1:]
	}
	keys = append(keys, w.T("F1 help"), w.T("Esc back"), w.T("Ctrl-N next page"))
	keys = append(keys, own...)
	if tab := w.T("Tab next field"); !slices.Contains(keys, tab) {
		keys = append(keys, tab)
	}
	return keys
}

package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/words"
)

// confirm is a question before something that can't be taken back. The first
// button is the harmless one, and has the keys.
type confirm struct {
	heading string
	text    string
	buttons [2]string
	do      func() tea.Cmd // the second button
	words   *words.Catalog
	second  bool
	scroll  int
}

func (c *confirm) press(k tea.KeyPressMsg) (bool, tea.Cmd) {
	switch k.String() {
	case "left", "right", "tab", "shift+tab", "h", "l":
		c.second = !c.second
	case "esc":
		return true, nil
	case "enter", "space":
		if c.second {
			return true, c.do()
		}
		return true, nil
	case "down":
		c.scroll++
	case "up":
		c.scroll--
	case "pgdown":
		c.scroll += pageStep
	case "pgup":
		c.scroll -= pageStep
	}
	c.scroll = max(0, min(c.scroll, strings.Count(c.text, "\n")+len(c.text)/30))
	return false, nil
}

func (c *confirm) view(width, height int, s styles) string {
	a := area{width: width, styles: s}
	a.focused = !c.second
	first := pressable(c.buttons[0], a)
	a.focused = c.second
	second := pressable(c.buttons[1], a)
	line := first + "   " + second
	rows := 1
	if ansi.StringWidth(line) > width {
		line, rows = first+"\n"+second, 2
	}
	text := window(wrap(c.text, width-1), 0, 0, c.scroll, width, height-rows-1)
	return tall(text, height-rows) + line
}

// tall is text with empty lines up to height, and the last one ended.
func tall(text string, height int) string {
	return text + strings.Repeat("\n", max(1, height-strings.Count(text, "\n")))
}

// disarmer is a part with a question that can be answered for good: disarm goes back to the
// harmless answer.
type disarmer interface{ disarm() }

func (a *ask) disarm() {
	if c, ok := a.over.(*confirm); ok {
		c.second = false
	}
}

func (c *confirm) title() string { return c.heading }

func (c *confirm) keys() []string {
	return []string{c.words.T("Left/Right choose"), c.words.T("Enter press"), c.words.T("Esc back"), c.words.T("Up/Down scroll")}
}

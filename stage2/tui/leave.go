package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/words"
)

// leave asks whether the installer is to be left, over the part that was shown.
type leave struct {
	words  *words.Catalog
	styles styles
	under  part
	sure   bool
}

func (l *leave) update(msg tea.Msg) (part, tea.Cmd) {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok { // what was begun there goes on
		var cmd tea.Cmd
		l.under, cmd = l.under.update(msg)
		return l, cmd
	}
	switch key.String() {
	case "left", "right", "tab", "shift+tab", "h", "l":
		l.sure = !l.sure
	case "esc":
		return l.under, nil
	case "enter":
		if l.sure {
			return l, func() tea.Msg { return leftMsg{} }
		}
		return l.under, nil
	}
	return l, nil
}

func (l *leave) view(width, _ int) string {
	stay, quit := "[  "+l.words.T("Stay")+"  ]", "[  "+l.words.T("Leave")+"  ]"
	if l.sure {
		quit = l.styles.header.Render(quit)
	} else {
		stay = l.styles.header.Render(stay)
	}
	text := l.styles.title.Width(width).Render(l.words.T("Leave the installer? Nothing has been written to any disk."))
	return text + "\n\n" + stay + "   " + quit
}

func (l *leave) disarm() {
	l.sure = false
	if p, ok := l.under.(disarmer); ok {
		p.disarm()
	}
}

func (l *leave) title() string { return l.words.T("Leave?") }
func (l *leave) keys() string  { return l.words.T("Left/Right choose   Enter do it   Esc stay") }

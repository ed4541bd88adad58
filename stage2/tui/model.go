package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
)

// The messages the UI's methods send into the program.
type (
	askMsg struct {
		ctx     context.Context
		session Session
		reply   chan<- config.Answers
	}
	chooseMsg struct {
		question Question
		reply    chan<- string
	}
)

// part is what fills the screen between header and footer. Parts don't know
// each other; they leave by sending a message to the root.
type part interface {
	update(tea.Msg) (part, tea.Cmd)
	view(width, height int) string
	title() string
	keys() string
}

// model is the root: it routes messages and draws the frame.
type model struct {
	product       string
	styles        styles
	width, height int
	current       part
	work          *work // survives questions
}

func newModel(product string) model {
	s := newStyles()
	return model{product: product, styles: s, width: 80, height: 24,
		current: message{text: "One moment ...", heading: "Welcome"}, work: newWork(s)}
}

func (m model) Init() tea.Cmd { return nil }

// Update routes: messages of the UI's methods choose the part, all others go
// to the part that is shown.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 40), max(msg.Height, 12)
		return m, nil
	case askMsg:
		var cmd tea.Cmd
		m.current, cmd = newAsk(msg, m.styles)
		return m, cmd
	case chooseMsg:
		var cmd tea.Cmd
		m.current, cmd = newChoose(msg, m.styles)
		return m, cmd
	case eventsMsg:
		return m.onEvents(msg)
	case showWorkMsg:
		m.current = m.work
		return m, nil
	}
	var cmd tea.Cmd
	m.current, cmd = m.current.update(msg)
	return m, cmd
}

// showWorkMsg goes back from a question to the progress.
type showWorkMsg struct{}

func (m model) onEvents(msg eventsMsg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	for _, e := range msg.events {
		m.work.take(e)
		if e.Type == event.NeedDisc {
			cmd = tea.Raw("\a")
		}
		if _, asking := m.current.(*choose); !asking && e.Step != "" { // what comes before the plan leaves the questions alone
			m.current = m.work
		}
	}
	return m, cmd
}

// View draws header, part and footer to exactly the height of the screen.
func (m model) View() tea.View {
	inner := m.height - 4
	body := m.current.view(m.width-2, inner)
	body = lipgloss.NewStyle().Width(m.width - 2).Height(inner).MaxHeight(inner).Render(body)
	header := m.styles.header.Render(fill(" "+m.product+" installation", m.current.title()+" ", m.width))
	footer := m.styles.footer.Render(fill(" "+m.current.keys(), "", m.width))
	v := tea.NewView(header + "\n\n" + indent(body) + "\n\n" + footer)
	v.AltScreen = true
	return v
}

// fill puts left and right at the two ends of a line of the given width.
func fill(left, right string, width int) string {
	gap := width - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		return lipgloss.NewStyle().MaxWidth(width).Render(left + " " + right)
	}
	return left + strings.Repeat(" ", gap) + right
}

func indent(s string) string {
	return " " + strings.ReplaceAll(s, "\n", "\n ")
}

// message is a part that only shows a text.
type message struct{ heading, text string }

func (p message) update(tea.Msg) (part, tea.Cmd) { return p, nil }
func (p message) view(int, int) string           { return p.text }
func (p message) title() string                  { return p.heading }
func (p message) keys() string                   { return "" }

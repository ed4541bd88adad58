package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/words"
)

// The messages the UI's methods send into the program.
type (
	askMsg struct {
		ctx   context.Context
		state *dialog.State
		reply chan<- config.Answers
		left  chan<- struct{} // takes one without waiting
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

// resizer is a part that wants to know how much room it has where it is worked
// at. View is asked for other sizes too: others may be watching.
type resizer interface{ resize(width, height int) }

// model is the root: it routes messages and draws the frame. All viewers share it.
type model struct {
	product       string
	styles        styles
	words         *words.Catalog
	width, height int // of the screen that is worked at
	current       part
	work          *work      // survives questions
	asking        *askMsg    // the questions before the installation, as long as they can be left
	notice        string     // is shown in place of the keys until the next one is pressed
	address       addressMsg // how to log in from elsewhere
}

const (
	leastWidth, leastHeight = 40, 12
	frameHeight             = 4 // header, footer and a line at each
)

func newModel(product string) *model {
	s := newStyles()
	return &model{product: product, styles: s, words: words.Open(words.English), width: 80, height: 24,
		current: message{text: "One moment ...", heading: "Welcome"}, work: newWork(s)}
}

// Further messages to the root.
type (
	showWorkMsg struct{} // go back from a question to the progress
	answeredMsg struct{} // the questions have an end
	noticeMsg   struct{ text string }
	addressMsg  struct{ where, key string }
	wordsMsg    struct{ words *words.Catalog } // the language is another one
	leftMsg     struct{}                       // the person leaves the questions
)

// update routes: messages of the UI's methods choose the part, all others go
// to the part that is shown.
func (m *model) update(msg tea.Msg) tea.Cmd {
	before := m.current
	cmd := m.route(msg)
	if r, ok := m.current.(resizer); ok {
		if _, sized := msg.(tea.WindowSizeMsg); sized || m.current != before {
			r.resize(m.width-2, m.height-frameHeight)
		}
	}
	return cmd
}

func (m *model) route(msg tea.Msg) (cmd tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, leastWidth), max(msg.Height, leastHeight)
	case askMsg:
		m.asking = &msg
		m.words, m.work.say = msg.state.Words, msg.state.Words
		m.current, cmd = newAsk(msg, m.styles)
	case answeredMsg:
		m.asking = nil
	case chooseMsg:
		m.current = newTrouble(msg, m.work)
	case eventsMsg:
		cmd = m.onEvents(msg)
	case showWorkMsg:
		m.current = m.work
	case noticeMsg:
		m.notice = m.words.Said(msg.text)
	case addressMsg:
		m.address = msg
	case wordsMsg:
		m.words, m.work.say = msg.words, msg.words
	case tea.KeyPressMsg:
		cmd = m.key(msg)
	case leftMsg:
		m.left()
	default:
		m.current, cmd = m.current.update(msg)
	}
	return cmd
}

// key passes a key on. Ctrl-C ends nothing by itself.
func (m *model) key(msg tea.KeyPressMsg) (cmd tea.Cmd) {
	m.notice = ""
	if msg.String() != "ctrl+c" {
		m.current, cmd = m.current.update(msg)
		return cmd
	}
	switch _, leaving := m.current.(*leave); {
	case leaving:
	case m.asking != nil:
		m.current = &leave{words: m.words, styles: m.styles, under: m.current}
	default:
		m.notice = m.words.T("Ctrl-C does nothing here. The installation goes on.")
	}
	return nil
}

// left ends the questions.
func (m *model) left() {
	if m.asking != nil {
		m.asking.left <- struct{}{}
		m.asking = nil
	}
	m.current = message{heading: m.words.T("Leaving"), text: m.words.T("One moment ...")}
}

// onEvents shows the progress from the first step on: what comes before the plan leaves
// the questions alone.
func (m *model) onEvents(msg eventsMsg) tea.Cmd {
	var cmd tea.Cmd
	for _, e := range msg.events {
		m.work.take(e)
		if rings(e) {
			cmd = tea.Raw("\a")
		}
		if _, asking := m.current.(*trouble); !asking && (e.Step != "" || e.Type == event.Plan) {
			m.current = m.work
		}
	}
	return cmd
}

// standing is what a viewer is to the others.
type standing struct {
	drives bool
	driver string // name of who does; empty is the console
	others int
}

// frame is the whole screen of one viewer: header, part and footer, of exactly its
// height and nowhere wider.
func (m *model) frame(width, height int, s standing) string {
	if width < leastWidth || height < leastHeight {
		return ansi.Truncate(m.words.T("Too small: %dx%d. Needed: %dx%d", width, height, leastWidth, leastHeight), max(width, 0), "")
	}
	room := height - frameHeight
	body := m.current.view(width-2, room)
	body = lipgloss.NewStyle().Width(width - 2).Height(room).MaxHeight(room).MaxWidth(width - 2).Render(body)
	title := m.current.title() + " "
	product := cut(" "+m.words.T("%s installation", m.product), width-1-ansi.StringWidth(title))
	header := m.styles.header.Render(fill(product, title, width))
	aside := func(text string) string { return "\n" + m.styles.dim.Render(ansi.Truncate(" "+text, width, "")) + "\n" }
	left, right := m.footer(s)
	return header + aside(m.address.where) + indent(body) + aside(m.address.key) + m.styles.footer.Render(fill(" "+wholeKeys(left, width-3-ansi.StringWidth(right)), right+" ", width))
}

// footer is what can be pressed, and who else is there.
func (m *model) footer(s standing) (left, right string) {
	switch {
	case !s.drives && s.driver == "":
		left = m.words.T("Watching what is done at the console.   Ctrl-T takes over")
	case !s.drives:
		left = m.words.T("Watching what %s does.   Ctrl-T takes over", s.driver)
	case m.notice != "":
		left = m.notice
	default:
		left = m.current.keys()
	}
	if s.drives && s.others > 0 {
		right = m.words.N("%d watches", "%d watch", s.others, s.others)
	}
	return left, right
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

package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// Choice is one answer to a question.
type Choice struct {
	Key   string // what Choose returns
	Label string
	Hint  string // what it means, where the label doesn't say enough
}

// Question is put when something failed, or at the end.
type Question struct {
	Title   string
	Failed  string   // what failed: a step's title. Empty: nothing did, or nothing that has a name
	Text    string   // why, or how it went
	Choices []Choice // the first is the default
	Output  bool     // what the programs said last belongs to it
	Logs    Logs     // nil: they can't be taken along
}

// trouble puts a question, with all that a person needs to answer it, and goes
// back to the progress with the answer.
type trouble struct {
	msg    chooseMsg
	work   *work
	items  []troubleItem
	at     int // of items
	width  int // of the screen that is worked at
	height int
	text   pane // the reason and the output
	log    bool // all of the output is shown
	output pane
	saving *saving // nil: nothing is being saved
}

// troubleItem is a line of the menu: an answer, or something that is done here.
type troubleItem struct {
	label, hint string
	do          func() (part, tea.Cmd)
}

// mostOutput is how many lines of output come with a question.
const mostOutput = 100

func newTrouble(msg chooseMsg, w *work) part {
	t := &trouble{msg: msg, work: w, width: 78, height: 20, output: pane{ends: true}}
	for _, c := range msg.question.Choices {
		t.items = append(t.items, troubleItem{c.Label, c.Hint, func() (part, tea.Cmd) { return t.answer(c.Key) }})
	}
	t.items = append(t.items, troubleItem{"Look at the whole log", "", func() (part, tea.Cmd) { t.log = true; return t, nil }})
	if msg.question.Logs != nil {
		t.items = append(t.items, troubleItem{"Save the logs", "to a USB stick, a server or the host of this machine", t.save})
	}
	t.items = append(t.items, troubleItem{"Shell", "exit comes back here", func() (part, tea.Cmd) { return t, openShell }})
	return t
}

func (t *trouble) answer(key string) (part, tea.Cmd) {
	t.msg.reply <- key
	return t.work, nil
}

func (t *trouble) save() (part, tea.Cmd) {
	t.saving = newSaving(t.msg.question.Logs, t.work)
	return t, t.saving.look()
}

func (t *trouble) resize(width, height int) { t.width, t.height = width, height }

func (t *trouble) update(msg tea.Msg) (part, tea.Cmd) {
	key, pressed := msg.(tea.KeyPressMsg)
	switch {
	case t.saving != nil:
		cmd := t.saving.update(msg)
		if t.saving.left {
			t.saving = nil
		}
		return t, cmd
	case pressed && t.log:
		t.logKey(key.String())
	case pressed:
		return t.key(key.String())
	}
	return t, nil
}

func (t *trouble) logKey(key string) {
	log := &t.work.log
	switch key {
	case "f2", "l", "esc", "q", "enter":
		t.log, t.output.held = false, false
	default:
		t.output.key(key, log.first(), log.all)
	}
}

func (t *trouble) key(key string) (part, tea.Cmd) {
	switch key {
	case "up", "k", "shift+tab":
		t.at = (t.at + len(t.items) - 1) % len(t.items)
	case "down", "j", "tab":
		t.at = (t.at + 1) % len(t.items)
	case "enter":
		return t.items[t.at].do()
	case "f2", "l":
		t.log = true
	case "pgup", "pgdown":
		reason, output := t.lines(t.width)
		room, _ := t.rooms(len(reason)+len(output), t.height)
		p := t.pane(reason, output, room)
		p.key(key, 0, len(reason)+len(output))
		t.text = p
	}
	return t, nil
}

// lines are what is said above the menu: the reason, and what the programs said.
func (t *trouble) lines(width int) (reason, output []string) {
	q, say, s := t.msg.question, t.work.say, t.work.styles
	add := func(indent string, style func(...string) string, text string) {
		for _, line := range wrapped(text, width-len(indent)) {
			reason = append(reason, indent+style(line))
		}
	}
	if q.Failed != "" {
		add("", s.bad.Render, say.T("This failed: %s", say.Said(plainLine(q.Failed))))
		add("", s.title.Render, say.T("Why:"))
		add("  ", asIs, say.Said(plainText(q.Text)))
	} else {
		add("", s.title.Render, say.Said(plainText(q.Text)))
	}
	log := &t.work.log
	if q.Output {
		output = log.lines(max(t.work.since, log.all-mostOutput), log.all)
	}
	if len(output) > 0 {
		reason = append(reason, "")
		add("", s.title.Render, say.T("The last that the programs said:"))
	}
	for i, line := range output {
		output[i] = fit("  "+line, width)
	}
	return reason, output
}

// rooms is how many lines the text and the menu get.
func (t *trouble) rooms(text, height int) (forText, forMenu int) {
	forMenu = min(len(t.items), height-2)
	if text+1+forMenu > height {
		forMenu = min(forMenu, max(height/2-1, 1))
	}
	if whole := len(t.items); height >= 3*whole {
		forMenu = whole
	}
	return height - forMenu - 1, forMenu
}

// pane is how the text is scrolled: from its end on, when that and the whole reason
// are seen together before.
func (t *trouble) pane(reason, output []string, room int) pane {
	p := t.text
	if !p.held {
		p.ends = len(output) > 0 && len(reason)+3 <= room
	}
	return p
}

func (t *trouble) view(width, height int) string {
	switch {
	case t.saving != nil:
		return t.saving.view(width, height)
	case t.log:
		return t.work.logText(&t.output, width, height)
	}
	reason, output := t.lines(width)
	text, menu := t.rooms(len(reason)+len(output), height)
	return fillLines(append(t.excerpt(reason, output, width, text), around(t.menu(width), t.at, menu)...), width, height)
}

// excerpt is what of the text has room, and a line that says so.
func (t *trouble) excerpt(reason, output []string, width, room int) []string {
	all := append(append([]string{}, reason...), output...)
	if len(all) <= room {
		return append(all, "")
	}
	p := t.pane(reason, output, room)
	list := append(append([]string{}, reason...), output[max(0, len(output)-max(room-len(reason), 0)):]...)
	if p.held || !p.ends {
		from := p.from(0, len(all), room)
		list = all[from:min(from+room, len(all))]
	}
	more := t.work.say.T("-- %d of %d lines: PgUp and PgDn --", len(list), len(all))
	return append(append([]string{}, list...), t.work.styles.dim.Render(fit(more, width)))
}

func (t *trouble) menu(width int) []string {
	var items [][2]string
	for _, i := range t.items {
		items = append(items, [2]string{t.work.say.T(i.label), i.hint})
	}
	return menuLines(items, t.at, width, t.work)
}

// menuLines draws a menu: the label of each item, and its hint where there is room.
func menuLines(items [][2]string, at, width int, w *work) []string {
	var lines []string
	for i, item := range items {
		line := "  " + item[0]
		if i == at {
			line = w.styles.title.Render("> " + item[0])
		}
		if hint := item[1]; hint != "" {
			hint = "  (" + w.say.T(hint) + ")"
			if ansi.StringWidth(line)+ansi.StringWidth(hint) <= width {
				line += w.styles.dim.Render(hint)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// around are n lines of list with line at among them.
func around(list []string, at, n int) []string {
	n = min(max(n, 1), len(list))
	from := min(max(at-n/2, 0), len(list)-n)
	return list[from : from+n]
}

func (t *trouble) title() string {
	switch {
	case t.saving != nil:
		return t.work.say.T("Save the logs")
	case t.log:
		return t.work.say.T("Log")
	}
	return t.work.say.Said(plainLine(t.msg.question.Title))
}

func (t *trouble) keys() string {
	switch {
	case t.saving != nil:
		return t.saving.keys()
	case t.log:
		return t.work.say.T("Up/Down PgUp/PgDn scroll   End newest   Esc back")
	}
	return t.work.say.T("Up/Down choose   Enter answer   PgUp/PgDn read   F2 log   F3 shell")
}

// asIs is the style of plain text.
func asIs(text ...string) string { return strings.Join(text, " ") }

package tui

import (
	"cmp"
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
)

// summary is everything that was chosen and what would be done by it. The
// cursor goes over all its lines, and then to the button.
type summary struct {
	ask     *ask
	pages   []line
	rest    []line // what is below the pages: what is missing, or the plan
	at      int    // of pages, then of rest; behind both: the button
	scroll  int    // lines that the text is moved by while the button has the keys
	answers config.Answers
	open    bool // something has to be answered yet
	got     *reviewedMsg
	cancel  context.CancelFunc // of the review
}

// line is one of the summary.
type line struct {
	page   int // that Enter goes to; -1: none
	label  string
	text   string
	strong bool
}

type reviewedMsg struct {
	of     *summary // late ones of another are not for this one to show
	review dialog.Review
	err    error
}

// enterSummary has the answers made, which takes time for hashing passwords.
func (a *ask) enterSummary() tea.Cmd {
	s := &summary{ask: a, cancel: func() {}}
	a.sum = s
	var answers config.Answers
	hash := func(context.Context) (*dialog.Page, error) {
		var err error
		answers, err = a.state.Answers()
		return nil, err
	}
	return a.send("", hash, func(*dialog.Page) tea.Cmd { return s.judge(answers) })
}

// endSummary stops what the summary has at work.
func (a *ask) endSummary() {
	if a.sum != nil {
		a.sum.cancel()
		a.sum = nil
	}
}

// judge says what is missing, or has it worked out what the answers would do.
func (s *summary) judge(answers config.Answers) tea.Cmd {
	s.answers = answers
	gaps := map[string]string{}
	for _, g := range answers.Missing() {
		if page := pageOf(g.Field); gaps[page] == "" {
			gaps[page] = translated(s.ask.words, g.Text)
		}
	}
	s.list(gaps)
	if s.open {
		return nil
	}
	ctx, cancel := context.WithCancel(s.ask.msg.ctx)
	s.cancel = cancel
	review := s.ask.state.Facts.Review
	return func() tea.Msg {
		defer cancel()
		var r dialog.Review
		_, err := careful(ctx, func(ctx context.Context) (_ *dialog.Page, err error) {
			r, err = review(ctx, answers)
			return nil, err
		})
		return reviewedMsg{s, r, err}
	}
}

// list makes the lines of the pages, with what is missing by page where they don't say it
// themselves. The cursor stands on the first that is not complete, or on the button.
func (s *summary) list(gaps map[string]string) {
	w := s.ask.words
	s.at = -1
	for i, l := range s.ask.state.Summary() {
		label := oneLine(w.T(l.Page.Title))
		for n, text := range append(l.Text, "")[:max(1, len(l.Text))] {
			if n > 0 {
				label = ""
			}
			s.pages = append(s.pages, line{page: i, label: label, text: oneLine(text)})
		}
		missing := cmp.Or(l.Missing, gaps[l.Page.ID])
		if missing == "" {
			continue
		}
		if s.open = true; s.at < 0 {
			s.at = len(s.pages)
		}
		s.pages = append(s.pages, line{page: i, text: "! " + oneLine(missing), strong: true})
	}
	if s.at < 0 {
		s.at = s.count()
	}
}

// pageOf is the page that asks for a field of config.Answers.
func pageOf(field string) string {
	field, _, _ = strings.Cut(field, ".")
	switch field {
	case "root":
		return "accounts"
	case "storage":
		return "destination"
	}
	return field
}

// take shows what has been worked out.
func (s *summary) take(msg reviewedMsg) {
	s.got = &msg
	w, onButton := s.ask.words, s.at == s.count()
	text := func(strong bool, texts ...string) {
		for _, t := range texts {
			for _, l := range strings.Split(harmless(t), "\n") {
				words := strings.TrimLeft(l, " ")
				s.rest = append(s.rest, line{page: -1, text: l[:len(l)-len(words)] + w.Said(words), strong: strong})
			}
		}
	}
	r := msg.review
	switch {
	case msg.err != nil:
		text(true, w.T("This can't be planned:"))
		text(false, msg.err.Error())
	case len(r.Problems) > 0:
		text(true, w.T("This can't be done:"))
		text(false, r.Problems...)
	default:
		if len(r.Lost) > 0 {
			text(true, w.T("WILL BE ERASED:"))
			text(false, r.Lost...)
			text(false, "")
		}
		text(false, r.Text)
	}
	switch {
	case onButton && s.sound():
		s.at = s.count()
	case onButton:
		s.at = len(s.pages)
	}
}

// failed is what to say when not even answers could be made.
func (s *summary) failed(text string) {
	s.list(nil)
	known := s.open
	s.open = true
	if known {
		return // it is the reason, and stands with its page
	}
	s.take(reviewedMsg{of: s, err: errors.New(text)})
}

// sound reports whether there is a plan that can be carried out.
func (s *summary) sound() bool {
	return s.got != nil && s.got.err == nil && len(s.got.review.Problems) == 0
}

func (s *summary) count() int { return len(s.pages) + len(s.rest) }

func (s *summary) press(k tea.KeyPressMsg) tea.Cmd {
	if s.moveText(k.String()) {
		return nil
	}
	to := s.at
	switch k.String() {
	case "up", "k", "shift+tab":
		to--
	case "down", "j":
		to++
	case "pgup", "b":
		to -= pageStep
	case "pgdown", "space":
		to += pageStep
	case "home":
		to = 0
	case "end", "tab":
		to = s.count()
	case "?":
		s.ask.over = newHelp(s.ask)
	case "esc":
		return s.ask.back()
	case "enter":
		return s.enter()
	}
	to = max(0, min(to, s.count()))
	if s.scroll = 0; to == s.count() && k.String() != "tab" {
		s.scroll = s.mostScroll() // it goes on where the cursor was
	}
	s.at = to
	return nil
}

// moveText scrolls the text while the button has the keys, and reports whether that was all.
// From its beginning on the keys are the lines'.
func (s *summary) moveText(key string) bool {
	to := s.scroll
	switch key {
	case "up", "k":
		to--
	case "down", "j":
		to++
	case "pgup", "b":
		to -= pageStep
	case "pgdown", "space":
		to += pageStep
	default:
		return false
	}
	if s.at != s.count() || !s.sound() {
		return false
	}
	if to < 0 && s.scroll == 0 {
		s.at = max(0, len(s.pages)-1)
		return true
	}
	s.scroll = max(0, min(to, s.mostScroll()))
	return true
}

// mostScroll shows the end of the text on the screen that is worked at.
func (s *summary) mostScroll() int {
	all, _, _ := s.lines(s.ask.width)
	return max(0, len(all)-(s.ask.height-buttonHeight))
}

// buttonHeight is that of the button and the line above it.
const buttonHeight = 2

// enter goes to the page of a line, or on to the confirmation.
func (s *summary) enter() tea.Cmd {
	if s.at < len(s.pages) {
		a, n := s.ask, s.pages[s.at].page
		cmd := a.enter(n)
		a.aside = true
		return cmd
	}
	if s.at == s.count() && s.sound() {
		s.ask.over = s.confirmation()
	}
	return nil
}

// confirmation names what will be lost.
func (s *summary) confirmation() overlay {
	w := s.ask.words
	c := &confirm{
		heading: w.T("Confirm"), words: w, buttons: [2]string{w.T("Go back"), w.T("Install")},
		do: func() tea.Cmd { s.ask.confirmed(s.answers); return nil },
	}
	if lost := s.got.review.Lost; len(lost) > 0 {
		c.text = w.T("WILL BE ERASED:") + "\n  " + strings.Join(lineAll(lost), "\n  ") + "\n\n" + w.T("There is no way back from here.")
		c.buttons[1] = w.T("Erase and install")
		return c
	}
	c.text = w.T("Nothing that is on the disks will be erased.")
	return c
}

func (s *summary) view(width, height int) string {
	st, w := s.ask.styles, s.ask.words
	if s.got == nil && len(s.pages) == 0 {
		return w.T("One moment ...")
	}
	all, first, last := s.lines(width)
	return tall(window(all, first, last, s.scroll, width, height-buttonHeight), height-1) + s.button(area{width: width, styles: st, words: w})
}

// lines are all above the button, and where the one under the cursor begins and ends.
func (s *summary) lines(width int) (all []string, first, last int) {
	labels := 0
	for _, l := range s.pages {
		labels = max(labels, ansi.StringWidth(l.label))
	}
	labels = min(labels, width/3)
	for i, l := range append(s.pages[:len(s.pages):len(s.pages)], s.rest...) {
		if i == len(s.pages) {
			all = append(all, "")
		}
		drawn := s.line(l, i == s.at, labels, width)
		if i == s.at {
			first, last = len(all), len(all)+len(drawn)
		}
		if l.strong || i == s.at {
			drawn = styled(drawn, s.ask.styles.title.Render)
		}
		all = append(all, drawn...)
	}
	return all, first, last
}

func (s *summary) line(l line, pointed bool, labels, width int) []string {
	head := mark(pointed)
	if l.page >= 0 {
		head += pad(l.label, labels) + "  "
	}
	switch {
	case l.text == "":
		return []string{head}
	case l.isPicture():
		for ansi.StringWidth(head+l.text) > width && l.text[0] == ' ' {
			l.text = l.text[1:]
		}
		return []string{cut(head+l.text, width)}
	}
	return wrapMarked(head, l.text, width)
}

// isPicture reports whether the line is a disk drawn by plan.Pictures, which makes no sense in two lines.
func (l line) isPicture() bool {
	return l.page < 0 && strings.HasSuffix(l.text, "|") && strings.Count(l.text, "|") > 1
}

func (s *summary) button(a area) string {
	a.focused = s.at == s.count()
	switch {
	case s.open:
		return a.styles.bad.Render(cut("! "+a.words.T("Something is missing yet: see above."), a.width))
	case s.got == nil:
		return cut(a.words.T("Working out what will be done ..."), a.width)
	case !s.sound():
		return a.styles.bad.Render(cut("! "+a.words.T("It can't be installed like this: see above."), a.width))
	}
	return pressable(a.words.T("Install ..."), a)
}

func (s *summary) keys() []string {
	w := s.ask.words
	if s.at == s.count() {
		return []string{w.T("Enter press"), w.T("F1 help"), w.T("Esc back"), w.T("Up/Down/PgUp/PgDn")}
	}
	return []string{w.T("Enter change, or press"), w.T("F1 help"), w.T("Esc back"), w.T("Tab to the button"), w.T("Up/Down/PgUp/PgDn")}
}

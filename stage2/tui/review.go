package tui

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/config"
)

// review shows what the answers would do, and asks for the confirmation. The
// button that erases is never the one Enter hits first.
type review struct {
	ask     *ask
	answers config.Answers
	styles  styles
	got     *reviewedMsg
	text    viewport.Model
	erase   bool
	cancel  context.CancelFunc // of the work, when the person goes back before its end
}

type reviewedMsg struct {
	of     *review // late ones of another are not for this one to show
	review Review
	err    error
}

func (r *review) work() tea.Cmd {
	s := r.ask.msg.session
	ctx, cancel := context.WithCancel(r.ask.msg.ctx)
	r.cancel = cancel
	return func() tea.Msg {
		defer cancel()
		rev, err := s.Review(ctx, r.answers)
		return reviewedMsg{r, rev, err}
	}
}

func (r *review) back() (part, tea.Cmd) {
	r.cancel()
	return r.ask.resume()
}

func (r *review) update(msg tea.Msg) (part, tea.Cmd) {
	switch msg := msg.(type) {
	case reviewedMsg:
		if msg.of != r {
			return r, nil
		}
		r.got = &msg
		r.text = viewport.New()
		r.text.SoftWrap = true
		r.text.SetContent(r.content())
		return r, nil
	case tea.KeyPressMsg:
		return r.key(msg)
	}
	return r, nil
}

func (r *review) key(msg tea.KeyPressMsg) (part, tea.Cmd) {
	switch msg.String() {
	case "esc":
		return r.back()
	case "left", "right", "tab", "shift+tab", "h", "l":
		r.erase = !r.erase && r.sound()
	case "enter":
		if r.erase && r.sound() {
			return r.ask.confirmed(r.answers)
		}
		return r.back()
	default:
		var cmd tea.Cmd
		r.text, cmd = r.text.Update(msg)
		return r, cmd
	}
	return r, nil
}

// sound reports whether there is a plan that can be carried out.
func (r *review) sound() bool {
	return r.got != nil && r.got.err == nil && len(r.got.review.Problems) == 0
}

func (r *review) content() string {
	switch {
	case r.got.err != nil:
		return r.styles.bad.Render("This can't be planned: " + r.got.err.Error())
	case len(r.got.review.Problems) > 0:
		return r.styles.bad.Render("This can't be done:") + "\n\n  " + strings.Join(r.got.review.Problems, "\n  ")
	}
	lost := ""
	if len(r.got.review.Lost) > 0 {
		lost = r.styles.bad.Render("WILL BE ERASED:") + "\n  " + strings.Join(r.got.review.Lost, "\n  ") + "\n\n"
	}
	return lost + r.got.review.Text
}

func (r *review) view(width, height int) string {
	if r.got == nil {
		return "Working out what will be done ..."
	}
	r.text.SetWidth(width)
	r.text.SetHeight(height - 3)
	return r.text.View() + "\n\n" + r.buttons()
}

func (r *review) buttons() string {
	back, erase := "  Go back  ", "  Erase and install  "
	if !r.sound() {
		return r.styles.header.Render(back)
	}
	if r.erase {
		return "[" + back + "]   " + r.styles.header.Render("["+erase+"]")
	}
	return r.styles.header.Render("["+back+"]") + "   [" + erase + "]"
}

func (r *review) title() string { return "Confirm" }

func (r *review) keys() string {
	return "Up/Down/PgUp/PgDn scroll   Left/Right button   Enter press it   Esc back"
}

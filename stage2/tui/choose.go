package tui

import (
	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// choose puts one question and goes back to the progress with the answer.
type choose struct {
	msg    chooseMsg
	styles styles
	form   *huh.Form
	key    string
}

func newChoose(msg chooseMsg, s styles) (part, tea.Cmd) {
	c := &choose{msg: msg, styles: s}
	var options []huh.Option[string]
	for _, ch := range msg.question.Choices {
		options = append(options, huh.NewOption(ch.Label, ch.Key))
	}
	c.form = huh.NewForm(huh.NewGroup(huh.NewSelect[string]().Options(options...).Height(len(options) + 1).Value(&c.key))).
		WithTheme(huh.ThemeFunc(theme)).WithShowHelp(false).WithWidth(70)
	return c, c.form.Init()
}

func (c *choose) update(msg tea.Msg) (part, tea.Cmd) {
	m, cmd := c.form.Update(msg)
	c.form = m.(*huh.Form)
	if c.form.State != huh.StateCompleted {
		return c, cmd
	}
	c.msg.reply <- c.key
	return message{heading: c.title(), text: "..."}, func() tea.Msg { return showWorkMsg{} }
}

func (c *choose) view(width, height int) string {
	text := c.styles.title.Width(width).Render(c.msg.question.Text)
	return text + "\n\n" + c.form.View()
}

func (c *choose) title() string { return c.msg.question.Title }
func (c *choose) keys() string  { return "Up/Down choose   Enter answer" }

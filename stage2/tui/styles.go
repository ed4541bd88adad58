package tui

import (
	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"
)

// styles are the few the screens use. The 16 ANSI colours alone: a VGA
// console has no more, and a serial line shows none.
type styles struct {
	header, footer, title, dim, good, bad, bar, box lipgloss.Style
	plain, chosen, cursor                           lipgloss.Style
}

func newStyles() styles {
	plain := lipgloss.NewStyle()
	return styles{
		header: plain.Bold(true).Reverse(true),
		footer: plain.Reverse(true),
		title:  plain.Bold(true),
		dim:    plain.Foreground(lipgloss.Color("8")),
		good:   plain.Foreground(lipgloss.Color("2")),
		bad:    plain.Foreground(lipgloss.Color("1")).Bold(true),
		bar:    plain.Foreground(lipgloss.Color("6")),
		box:    plain.Border(lipgloss.ASCIIBorder()).Padding(0, 2),
		plain:  plain,
		chosen: plain.Reverse(true).Bold(true),
		cursor: plain.Reverse(true),
	}
}

// theme is huh's base theme in letters that every console font has.
func theme(dark bool) *huh.Styles {
	t := huh.ThemeBase(dark)
	bar := lipgloss.NewStyle().PaddingLeft(1).Border(lipgloss.ASCIIBorder(), false, false, false, true)
	t.Focused.Base = bar
	t.Focused.Card = bar
	t.Focused.Title = t.Focused.Title.Bold(true)
	t.Focused.ErrorMessage = t.Focused.ErrorMessage.Foreground(lipgloss.Color("1"))
	t.Focused.ErrorIndicator = t.Focused.ErrorIndicator.Foreground(lipgloss.Color("1"))
	t.Focused.NextIndicator = lipgloss.NewStyle().MarginLeft(1).SetString(">")
	t.Focused.PrevIndicator = lipgloss.NewStyle().MarginRight(1).SetString("<")
	t.Focused.SelectedPrefix = lipgloss.NewStyle().SetString("[x] ")
	t.Focused.SelectedOption = lipgloss.NewStyle().Bold(true)
	t.Focused.FocusedButton = t.Focused.FocusedButton.Reverse(true).UnsetForeground().UnsetBackground()
	t.Focused.BlurredButton = t.Focused.BlurredButton.UnsetForeground().UnsetBackground()
	t.Focused.TextInput.Placeholder = lipgloss.NewStyle().Foreground(lipgloss.Color("8"))
	t.Blurred = t.Focused
	t.Blurred.Base = lipgloss.NewStyle().PaddingLeft(2)
	t.Blurred.Card = t.Blurred.Base
	t.Blurred.MultiSelectSelector = lipgloss.NewStyle().SetString("  ")
	t.FieldSeparator = lipgloss.NewStyle().SetString("\n\n")
	return t
}

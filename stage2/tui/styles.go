package tui

import (
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

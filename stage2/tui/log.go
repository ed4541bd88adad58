package tui

import (
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

const (
	// logLines is how many lines of output can be looked at.
	logLines = 2000
	// longestLine is what is kept of a line, bytes: some more than the widest
	// screen shows.
	longestLine = 500
	// longestText is what is kept of a warning or the reason of a failure, bytes.
	longestText = 4000
)

// lineLog keeps the last lines of all that was said. Lines are numbered from 0
// on, and keep their numbers.
type lineLog struct {
	kept []string
	all  int // how many there ever were
}

// add keeps text, which can come from any program or disc.
func (l *lineLog) add(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		line = plainLine(line)
		if len(l.kept) < logLines {
			l.kept = append(l.kept, line)
		} else {
			l.kept[l.all%logLines] = line
		}
		l.all++
	}
}

// first is the number of the oldest line that is kept.
func (l *lineLog) first() int { return l.all - len(l.kept) }

// lines are those from number from up to, and without, number to.
func (l *lineLog) lines(from, to int) []string {
	var list []string
	for i := max(from, l.first()); i < min(to, l.all); i++ {
		list = append(list, l.kept[i%logLines])
	}
	return list
}

// plainLine is a line of a program's output as it can be drawn. Of one that was
// written over, as programs do to show progress, it is what was left to see.
func plainLine(s string) string {
	s = strings.TrimRight(s, "\r")
	if i := strings.LastIndexByte(s, '\r'); i >= 0 {
		s = s[i+1:]
	}
	return plain(s, longestLine)
}

// plain is s without what would move the cursor, turn the writing round or
// set colours, cut to n bytes. What is no text becomes question marks.
func plain(s string, n int) string {
	if len(s) > n {
		s = strings.Clone(s[:n]) // not to keep the rest in memory
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(ansi.Strip(s), "?"))
}

// plainText is plain for a text of several lines.
func plainText(s string) string {
	lines := strings.Split(strings.TrimSpace(s[:min(len(s), longestText)]), "\n")
	for i, line := range lines {
		lines[i] = plain(line, longestText)
	}
	return strings.Join(lines, "\n")
}

// fit cuts s to n cells.
func fit(s string, n int) string { return ansi.Truncate(s, max(n, 0), "") }

// wrapped is s as lines of width cells at most.
func wrapped(s string, width int) []string {
	return strings.Split(ansi.Wrap(s, max(width, 1), ""), "\n")
}

// pane is a text that is longer than its place. Several screens of different
// heights can show it, so it knows none: scrolled, it remembers a line's number.
// A pane that ends shows the newest lines until somebody scrolls.
type pane struct {
	ends bool
	held bool
	at   int // when held: the first line shown, or of a pane that ends the one behind the last
}

const (
	aPage  = 10 // lines: half of a console, so that none is missed
	lowest = 8  // lines of the smallest screen
)

// key scrolls through the lines from first up to all, where key is one that does.
func (p *pane) key(key string, first, all int) bool {
	switch key {
	case "up", "k":
		p.scroll(-1, first, all)
	case "down", "j":
		p.scroll(1, first, all)
	case "pgup", "b":
		p.scroll(-aPage, first, all)
	case "pgdown", "space":
		p.scroll(aPage, first, all)
	case "home", "g":
		p.scroll(first-all, first, all)
	case "end", "G":
		p.scroll(all-first, first, all)
	default:
		return false
	}
	return true
}

func (p *pane) scroll(n, first, all int) {
	least, most, now := first, max(all-lowest, first), first
	if p.ends {
		least, most, now = min(first+lowest, all), all, all
	}
	if p.held {
		now = min(max(p.at, least), most)
	}
	p.at = min(max(now+n, least), most)
	p.held = !p.ends || p.at < all
}

// from is the number of the first line to show on height lines.
func (p *pane) from(first, all, height int) int {
	at := p.at
	switch {
	case p.ends && p.held:
		at = p.at - height
	case p.ends:
		at = all - height
	case !p.held:
		at = first
	}
	return max(min(at, all-height), first)
}

// fillLines makes lines exactly height lines of width cells at most.
func fillLines(lines []string, width, height int) string {
	for i := range lines {
		if lipgloss.Width(lines[i]) > width {
			lines[i] = fit(lines[i], width)
		}
	}
	for len(lines) < height {
		lines = append(lines, "")
	}
	return strings.Join(lines[:max(height, 0)], "\n")
}

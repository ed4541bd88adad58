package tui

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/stage2/words"
)

// clock is a duration as minutes and seconds: "2:05", "1:00:00".
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// clip cuts s to n columns.
func clip(s string, n int) string { return ansi.Truncate(s, max(0, n), "") }

// cut is clip for what may go on: the end says so.
func cut(s string, n int) string {
	if n < 4 {
		return clip(s, n)
	}
	return ansi.Truncate(s, n, "..")
}

// pad makes s n columns wide.
func pad(s string, n int) string {
	s = cut(s, n)
	return s + strings.Repeat(" ", max(0, n-ansi.StringWidth(s)))
}

// wrap breaks s into lines of at most n columns, long words too.
func wrap(s string, n int) []string {
	return strings.Split(ansi.Wrap(s, max(1, n), " "), "\n")
}

// harmless is s without what would do something to a terminal: escape
// sequences, control bytes, invalid UTF-8 and letters that turn the direction
// of writing. Lines stay.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		case unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		}
		return r
	}, ansi.Strip(strings.ToValidUTF8(s, "?")))
}

// oneLine is harmless s in one line.
func oneLine(s string) string { return strings.ReplaceAll(harmless(s), "\n", " ") }

// translated is a text that a page made in English without the catalogue.
func translated(w *words.Catalog, text string) string {
	if t := w.T(text); text != "" && t != text { // the empty one is the catalogue's head
		return harmless(t)
	}
	return harmless(w.Said(text))
}

package tui

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// TestLetters: what a terminal can't show keeps its place.
func TestLetters(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                    "plain",
		"\x1b[1mGröße\x1b[m Ünal":  "\x1b[1mGro?e\x1b[m Unal",
		"日本 disk":                  "???? disk",
		"e\u0301te\u0301\u00a0no.": "ete no.",
		"┌─┐":                      "???",
	} {
		got := asciiOnly(in)
		if got != want || ansi.StringWidth(got) != ansi.StringWidth(in) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for term, want := range map[string]bool{"vt100": true, "vt220": true, "vt102": true, "no-such": true, "linux": false, "xterm-256color": false, "screen.xterm": false} {
		if letterless(term) != want {
			t.Errorf("%s: %v", term, letterless(term))
		}
	}
}

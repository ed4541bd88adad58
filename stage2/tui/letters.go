package tui

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/unicode/norm"
)

// letterless reports whether a terminal shows ASCII alone, as those made of glass do,
// and what nothing is known of. It would show two or three wrong letters for each other one,
// and all that follows them in the wrong place.
func letterless(term string) bool { return !known(term) }

// asciiOnly is s, which can have colours in it, for such a terminal: of letters with marks what
// they are without them, and "?" for others. All stays in its column.
func asciiOnly(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		switch base := []rune(norm.NFD.String(string(r)))[0]; {
		case r < 0x80:
			b.WriteRune(r)
		case base < 0x80:
			b.WriteRune(base)
		case unicode.Is(unicode.Zs, r):
			b.WriteString(strings.Repeat(" ", ansi.StringWidth(string(r))))
		default:
			b.WriteString(strings.Repeat("?", ansi.StringWidth(string(r))))
		}
	}
	return b.String()
}

package kickstart

import (
	"strings"

	"github.com/molt-installer/molt/internal/kslex"
)

// word is one word of a line, its quotes removed.
type word struct {
	text       string
	start, end int // bytes of the source it was made from, quotes included
}

// lex cuts the line that starts at src[at] into words. next is where the following
// line starts, also when there is an error.
func lex(src []byte, at int) (words []word, next int, err error) {
	list, next, err := kslex.Line(src, at)
	for _, w := range list {
		words = append(words, word{w.Text, w.Start, w.End})
	}
	return words, next, err
}

// quote writes s so that lex reads it back as one word.
func quote(s string) string {
	if s != "" && plain(s) {
		return s
	}
	out := []byte{'"'}
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			out = append(out, '\\')
		}
		out = append(out, s[i])
	}
	return string(append(out, '"'))
}

// plain reports whether s needs no quotes.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("-_./:,=+@%$!*~^", c) >= 0:
		default:
			return false
		}
	}
	return true
}

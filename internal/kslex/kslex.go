// Package kslex cuts the lines of a kickstart file into words. It is apart from
// stage2/kickstart because stage 1 reads a few of the commands too (internal/ksearly),
// and both must see the same words. It knows no command, and does no I/O.
package kslex

import "errors"

// Word is one word of a line, its quotes removed.
type Word struct {
	Text       string
	Start, End int // bytes of the source it was made from, quotes included
}

// Lines that have no end.
var (
	ErrQuote  = errors.New("a quote is opened here and not closed on this line")
	ErrEscape = errors.New("a backslash stands at the end of the file")
)

// Line cuts the line that starts at src[at] into words, by the rules of a POSIX
// shell without expansions (Python's shlex, which pykickstart uses): "…" with \" and
// \\ in it, '…' without escapes, \x elsewhere, # starts a comment. A backslash
// at the end of a line joins the next one to it. next is where the following
// line starts, also when there is an error.
func Line(src []byte, at int) (words []Word, next int, err error) {
	l := lexer{src: src, at: at}
	for err == nil && l.more() {
		var w Word
		if w, err = l.word(); err == nil {
			words = append(words, w)
		}
	}
	l.skipLine()
	return words, l.at, err
}

type lexer struct {
	src []byte
	at  int
}

// peek is the byte n places on, or a newline where the source ends.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return '\n'
}

// more goes to the start of the next word of the line.
func (l *lexer) more() bool {
	for {
		switch c := l.peek(0); {
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case l.joins():
		case c == '\n' || c == '#':
			return false
		default:
			return true
		}
	}
}

// joins steps over a backslash and the newline after it.
func (l *lexer) joins() bool {
	n := 1
	if l.peek(1) == '\r' {
		n = 2
	}
	if l.peek(0) != '\\' || l.peek(n) != '\n' || l.at+n >= len(l.src) {
		return false
	}
	l.at += n + 1
	return true
}

func (l *lexer) skipLine() {
	for l.at < len(l.src) && l.src[l.at] != '\n' {
		l.at++
	}
	if l.at < len(l.src) {
		l.at++
	}
}

func (l *lexer) word() (Word, error) {
	w := Word{Start: l.at}
	var text []byte
	for {
		c := l.peek(0)
		switch {
		case l.joins():
			continue
		case c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '#':
			w.Text, w.End = string(text), l.at
			return w, nil
		case c == '"' || c == '\'':
			var err error
			if text, err = l.quoted(text, c); err != nil {
				return w, err
			}
			continue
		case c == '\\':
			if l.at++; l.at >= len(l.src) {
				return w, ErrEscape
			}
			c = l.peek(0)
		}
		text = append(text, c)
		l.at++
	}
}

// quoted appends what stands between two quotes.
func (l *lexer) quoted(text []byte, quote byte) ([]byte, error) {
	for l.at++; ; l.at++ {
		c := l.peek(0)
		double := quote == '"' && c == '\\'
		switch {
		case double && l.joins():
			l.at--
			continue
		case c == '\n':
			return nil, ErrQuote
		case c == quote:
			l.at++
			return text, nil
		case double && (l.peek(1) == '"' || l.peek(1) == '\\'):
			l.at++
			c = l.peek(0)
		}
		text = append(text, c)
	}
}

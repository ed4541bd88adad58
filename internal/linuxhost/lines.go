package linuxhost

import (
	"bytes"
	"sync"
)

// maxLine is where a line without an end is cut.
const maxLine = 8 << 10

// lines is a writer that cuts what it gets into lines, at \n, \r and \r\n, and
// keeps the last ones that aren't empty.
type lines struct {
	mu      sync.Mutex // a session's leftovers can still write while flush runs
	emit    func(string)
	keep    int
	tail    []string
	rest    []byte
	afterCR bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		if l.afterCR && p[0] == '\n' {
			p = p[1:]
		}
		l.afterCR = false
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			l.hold(p)
			break
		}
		l.hold(p[:i])
		l.end()
		l.afterCR = p[i] == '\r'
		p = p[i+1:]
	}
	return n, nil
}

// hold adds to the unfinished line.
func (l *lines) hold(p []byte) {
	for len(l.rest)+len(p) > maxLine {
		n := maxLine - len(l.rest)
		l.rest = append(l.rest, p[:n]...)
		p = p[n:]
		l.end()
	}
	l.rest = append(l.rest, p...)
}

func (l *lines) end() {
	line := string(l.rest)
	l.rest = l.rest[:0]
	if line != "" {
		l.tail = append(l.tail, line)
		if len(l.tail) > l.keep {
			l.tail = l.tail[1:]
		}
	}
	if l.emit != nil {
		l.emit(line)
	}
}

// flush ends a last line that has no end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.end()
	}
}

package plain

import (
	"io"
	"strings"
	"sync"
)

// width is that of the narrowest terminal. Only paragraphs are wrapped to it.
const width = 79

// printer writes whole lines, and prompts. It lets nothing through that a terminal
// could take for a command.
type printer struct {
	mu   sync.Mutex
	w    io.Writer
	open bool // a prompt stands without an end of line
}

// line writes s, which can be several lines.
func (p *printer) line(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = false
	io.WriteString(p.w, printable(s)+"\n")
}

func (p *printer) prompt(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
	io.WriteString(p.w, printable(s))
}

// apart writes a line that nobody asked for, and has it begin one.
func (p *printer) apart(s string, bell bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := ""
	if p.open {
		before = "\n"
	}
	if bell {
		before += "\a"
	}
	p.open = false
	io.WriteString(p.w, before+printable(s)+"\n")
}

// paragraph writes text in lines of words.
func (p *printer) paragraph(text string) {
	for line := range strings.Lines(text) {
		p.line(wrap(strings.TrimRight(line, "\r\n")))
	}
}

// printable is s without control characters but for the ends of lines.
func printable(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\t", " "), "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.Join(lines, "\n")
}

// wrap breaks a line between words. What is indented keeps that, and what has columns is
// left alone.
func wrap(s string) string {
	text := strings.TrimLeft(s, " ")
	indent := s[:len(s)-len(text)]
	if len([]rune(s)) <= width || strings.Contains(text, "   ") {
		return s
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(indent+line+" "+word)) > width {
			out = append(out, indent+line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(out, indent+line), "\n")
}

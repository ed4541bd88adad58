package kickstart

import (
	"bytes"
	"strings"
)

// The limits guard against files that include themselves under changing names.
const (
	maxDepth    = 20
	maxIncludes = 1000
)

// item is a command line or a section.
type item struct {
	pos     Pos
	words   []word
	section bool
	body    []line // of a section
}

func (it item) name() string { return it.words[0].text }

// line is a line of a section's body, without its line end.
type line struct {
	pos  Pos
	text string
}

// sections lists the names a section can have.
func sections() []string {
	return []string{"%pre", "%pre-install", "%post", "%onerror", "%traceback", "%packages", "%addon", "%certificate"}
}

func isSection(name string) bool {
	for _, s := range sections() {
		if s == name {
			return true
		}
	}
	return false
}

// scanner cuts files into items and follows includes.
type scanner struct {
	include func(string) ([]byte, error)
	diags   *Diagnostics
	items   []item
	files   []string // being read, outermost first
	count   int      // of includes
	open    *item    // the section being read
}

// file reads one file. A section must end in the file in which it starts, but
// its body may include files.
func (s *scanner) file(name string, data []byte) {
	name = hideURL(name)
	s.files = append(s.files, name)
	defer func() { s.files = s.files[:len(s.files)-1] }()
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	outer := s.open
	for at, n := 0, 1; at < len(data); {
		next := s.line(Pos{name, n}, data, at)
		n += bytes.Count(data[at:next], []byte{'\n'})
		at = next
	}
	if s.open != nil && s.open != outer {
		s.unended(s.open)
		s.close()
	}
}

// line reads the line that starts at data[at] and returns where the next one starts.
func (s *scanner) line(pos Pos, data []byte, at int) int {
	if s.open != nil {
		return s.bodyLine(pos, data, at)
	}
	words, next, err := lex(data, at)
	switch {
	case err != nil:
		s.diags.add(pos, Syntax, "%v", err)
	case len(words) == 0:
		s.version(pos, string(data[at:next]))
	case words[0].text == "%include" || words[0].text == "%ksappend":
		s.follow(pos, words)
	case isSection(words[0].text):
		s.open = &item{pos: pos, words: words, section: true}
	case strings.HasPrefix(words[0].text, "%"):
		s.diags.add(pos, Syntax, "unknown section %s%s", words[0].text, hint(words[0].text, "", append(sections(), "%include", "%ksappend")))
	default:
		s.items = append(s.items, item{pos: pos, words: words})
	}
	return next
}

// bodyLine reads one line of a section. Only a few words starting with a percent
// sign mean something there.
func (s *scanner) bodyLine(pos Pos, data []byte, at int) int {
	next := lineEnd(data, at)
	text := strings.TrimRight(string(data[at:next]), "\r\n")
	first := firstWord(text)
	switch {
	case first == "%end":
		s.close()
	case first == "%include" || first == "%ksappend":
		if words, _, err := lex(data, at); err == nil {
			s.follow(pos, words)
		} else {
			s.diags.add(pos, Syntax, "%v", err)
		}
	case isSection(first):
		s.unended(s.open)
		s.close()
		return s.line(pos, data, at)
	default:
		s.open.body = append(s.open.body, line{pos, text})
	}
	return next
}

func firstWord(text string) string {
	if f := strings.Fields(text); len(f) > 0 {
		return f[0]
	}
	return ""
}

func (s *scanner) unended(it *item) {
	s.diags.add(it.pos, Syntax, "section %s does not end with %%end", it.name())
}

func (s *scanner) close() {
	s.items = append(s.items, *s.open)
	s.open = nil
}

// version looks at a comment for "#version=", which old tools write first.
func (s *scanner) version(pos Pos, comment string) {
	v, ok := strings.CutPrefix(strings.TrimSpace(comment), "#version=")
	if ok && v != "DEVEL" && v != "F45" {
		s.diags.add(pos, Warning, "the file is for version %s; it is read by the syntax of F45", v)
	}
}

// follow reads what an %include line names, in its place.
func (s *scanner) follow(pos Pos, words []word) {
	if len(words) != 2 || words[1].text == "" {
		s.diags.add(pos, Syntax, "%s takes one file name or URL", words[0].text)
		return
	}
	path := words[1].text
	name := hideURL(path)
	if s.include == nil {
		s.diags.add(pos, Value, "%s: other files can't be read here", words[0].text)
		return
	}
	s.count++
	for _, f := range s.files {
		if f == name || len(s.files) > maxDepth || s.count > maxIncludes {
			s.diags.add(pos, Value, "%s %s: the file includes itself: %s", words[0].text, name, strings.Join(s.files, " → "))
			return
		}
	}
	data, err := s.include(path)
	if err != nil {
		s.diags.add(pos, Value, "%s %s: %s", words[0].text, name, hideURL(err.Error()))
		return
	}
	s.file(path, data)
}

// lineEnd is the index after the newline that ends the line at src[at].
func lineEnd(src []byte, at int) int {
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(src)
}

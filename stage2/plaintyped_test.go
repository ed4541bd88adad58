package stage2_test

import (
	"io"
	"strings"
	"sync"
)

// typist answers prompts as they come: it is the pipe that a program reads from and the one
// that it writes to.
type typist struct {
	// replies are what is typed, by the beginning of the prompt, the longest that fits, one after the
	// other. Other prompts get Enter alone.
	replies map[string][]string

	mu    sync.Mutex
	more  *sync.Cond
	out   strings.Builder
	typed []string
	seen  int // of out has been read
	rest  string
}

func newTypist(replies map[string][]string) *typist {
	p := &typist{replies: map[string][]string{}}
	for k, v := range replies {
		p.replies[k] = v
	}
	p.more = sync.NewCond(&p.mu)
	return p
}

func (p *typist) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.more.Broadcast()
	return p.out.Write(b)
}

// Read waits for a prompt.
func (p *typist) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.rest == "" {
		if len(p.typed) == mostTyped {
			return 0, io.EOF
		}
		text := p.out.String()
		if len(text) == p.seen || !strings.HasSuffix(text, ": ") {
			p.more.Wait()
			continue
		}
		p.seen = len(text)
		line := p.reply(text[strings.LastIndex(text, "\n")+1:])
		if line == hangUp {
			return 0, io.EOF
		}
		p.typed = append(p.typed, line)
		p.rest = line + "\n"
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// mostTyped ends a conversation that goes round in circles.
const mostTyped = 500

// hangUp as a reply ends the input.
const hangUp = "\x00hang up"

func (p *typist) reply(prompt string) string {
	best := ""
	for begin, lines := range p.replies {
		if len(lines) > 0 && strings.HasPrefix(prompt, begin) && len(begin) > len(best) {
			best = begin
		}
	}
	if best == "" {
		return ""
	}
	line := p.replies[best][0]
	p.replies[best] = p.replies[best][1:]
	return line
}

func (p *typist) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

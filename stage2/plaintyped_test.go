package stage2_test

import (
	"io"
	"strings"
	"sync"
)

// typist answers prompts as they come: it is the pipe that a program reads from and the one
// that it writes to.
type typist struct {
	// replies are what is typed, by the beginning of the prompt, one after the other. Other prompts
	// get Enter alone.
	replies map[string][]string
	most    int // lines are typed, then the input ends; 0: as many as are wanted

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
		if p.most > 0 && len(p.typed) == p.most {
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

// hangUp as a reply ends the input.
const hangUp = "\x00hang up"

func (p *typist) reply(prompt string) string {
	for begin, lines := range p.replies {
		if len(lines) > 0 && strings.HasPrefix(prompt, begin) {
			p.replies[begin] = lines[1:]
			return lines[0]
		}
	}
	return ""
}

func (p *typist) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

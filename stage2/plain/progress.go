package plain

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/words"
)

// progress tells of a running installation, a line for each step and for each quarter of one.
type progress struct {
	out *printer

	mu      sync.Mutex
	words   *words.Catalog
	tracker event.Tracker
	titles  map[string]string
	numbers map[string]int
	quarter int64
	tail    []string // the last lines of the current step's programs
}

// longTail is how many lines of output are kept, and longLine how much of each.
const (
	longTail = 10
	longLine = 200
)

// output is the last lines of the programs' output.
func (p *progress) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tail)
}

// keep notes a line of output.
func (p *progress) keep(line string) {
	for l := range strings.Lines(line) {
		letters := []rune(strings.TrimRight(l, "\r\n"))
		p.tail = append(p.tail, string(letters[:min(len(letters), longLine)]))
	}
	p.tail = slices.Clone(p.tail[max(0, len(p.tail)-longTail):])
}

// speak changes the language.
func (p *progress) speak(w *words.Catalog) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.words = w
}

func (p *progress) language() *words.Catalog {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.words
}

func (p *progress) take(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracker.Take(e)
	if text := p.text(e); text != "" {
		p.out.apart(text, e.Type == event.NeedDisc || e.Type == event.Failed)
	}
}

// text is what is to be said of e; nothing of most events.
func (p *progress) text(e event.Event) string {
	w := p.words
	switch e.Type {
	case event.Plan:
		return p.plan(e)
	case event.Start:
		p.quarter, p.tail = 0, nil
		return p.step(e.Step)
	case event.Log:
		p.keep(e.Message)
	case event.Progress:
		return p.amount(e)
	case event.Finish: // of a failure an Error tells as well
		return p.finish(e)
	case event.NeedDisc:
		return p.disc(e)
	case event.Disc:
		return p.found(e)
	case event.Warning:
		return w.T("Mind: %s", join(w.Said(e.Message), w.Said(e.Err)))
	case event.Error:
		return w.T("Error: %s", join(w.Said(e.Message), w.Said(e.Err)))
	case event.Done:
		return w.T("Done: %s", w.Said(e.Message))
	case event.Failed:
		return w.T("The installation failed: %s", w.Said(e.Err))
	}
	return ""
}

func (p *progress) plan(e event.Event) string {
	for i, s := range e.Steps {
		p.titles[s.ID], p.numbers[s.ID] = s.Title, i+1
	}
	return p.words.N("Installing %[1]s in %[2]d step.", "Installing %[1]s in %[2]d steps.", len(e.Steps), e.Message, len(e.Steps))
}

func (p *progress) step(id string) string {
	title, ok := p.titles[id]
	if !ok {
		return p.words.Said(id)
	}
	return p.words.T("Step %d of %d: %s", p.numbers[id], len(p.titles), p.words.Said(title))
}

// amount tells of quarters.
func (p *progress) amount(e event.Event) string {
	a := e.Progress
	if a == nil || a.Total <= 0 {
		return ""
	}
	quarter := 4 * a.Done / a.Total
	if quarter <= p.quarter || quarter >= 4 {
		return ""
	}
	p.quarter = quarter
	part, whole := 100*a.Done/a.Total, int(100*p.tracker.Fraction())
	text := p.words.T("  %d percent of this step, %d percent of all", part, whole)
	if a.Unit == "bytes" {
		text = p.words.T("  %d percent of %s, %d percent of all", part, machine.Size(a.Total), whole)
	}
	if left, ok := p.tracker.Left(); ok {
		text += ", " + p.words.T("about %s left", p.duration(left))
	}
	return text
}

func (p *progress) duration(d time.Duration) string {
	if d < 90*time.Second {
		n := int(d.Seconds())
		return p.words.N("%d second", "%d seconds", n, n)
	}
	n := int(d.Round(time.Minute).Minutes())
	return p.words.N("%d minute", "%d minutes", n, n)
}

func (p *progress) finish(e event.Event) string {
	if e.Switch == nil {
		return ""
	}
	return p.words.T("The installer is copied to the disk (%s): what it was started from is free.", machine.Size(e.Switch.Bytes))
}

// disc asks for one, and says what the wrong one was.
func (p *progress) disc(e event.Event) string {
	lines := []string{p.words.Said(e.Message)}
	if d := e.Discs; d != nil && d.Found != "" {
		lines = append(lines, p.words.T("In %s is %s.", d.Drive, p.words.Said(d.Found)))
	}
	return strings.Join(append(lines, p.words.T("The installation then goes on by itself.")), "\n")
}

func (p *progress) found(e event.Event) string {
	d := e.Discs
	switch {
	case d == nil:
		return ""
	case d.OK:
		return p.words.T("Disc %d is in %s.", d.Wanted, d.Drive)
	}
	return p.words.T("That is not disc %d in %s: %s", d.Wanted, d.Drive, p.words.Said(d.Found))
}

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

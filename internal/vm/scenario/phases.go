package scenario

import (
	"fmt"
	"io"
	"time"

	"github.com/molt-installer/molt/stage2/event"
)

// Phase is a part of a run.
type Phase struct {
	Name string
	Took time.Duration
}

// phases measures by the host's clock; a guest's own may jump.
type phases struct {
	last   time.Time
	titles map[string]string // step → title
	all    []Phase
}

func (p *phases) begin(t time.Time) { p.last, p.titles = t, map[string]string{} }

// mark ends a phase.
func (p *phases) mark(name string, t time.Time) {
	p.all = append(p.all, Phase{name, t.Sub(p.last)})
	p.last = t
}

func (p *phases) event(e event.Event) {
	for _, s := range e.Steps {
		p.titles[s.ID] = s.Title
	}
	switch e.Type {
	case event.Plan:
		p.mark("power on to the plan", time.Now())
	case event.Finish:
		p.mark(p.titles[e.Step], time.Now())
	}
}

// Phases are the phases so far: to the plan, each step (with the wait for its
// disc), to power off.
func (r *Run) Phases() []Phase { return r.clock.all }

// Mark ends a phase that only the caller knows of.
func (r *Run) Mark(name string) { r.clock.mark(name, time.Now()) }

// WriteTable writes phases for a person.
func WriteTable(w io.Writer, phases []Phase) error {
	var total time.Duration
	for _, p := range phases {
		total += p.Took
		if _, err := fmt.Fprintf(w, "%8.1f s  %s\n", p.Took.Seconds(), p.Name); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%8.1f s  all together\n", total.Seconds())
	return err
}

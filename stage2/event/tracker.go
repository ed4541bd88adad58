package event

import "time"

// Tracker works out from the events how far the whole installation is. The
// zero value is ready. It reads no clock but the events' own.
type Tracker struct {
	weights map[string]int
	total   int
	done    int // weight of what is finished
	current string
	part    float64 // of the current step, 0 to 1
	began   time.Time
	last    time.Time
	paused  time.Duration // waiting for discs tells nothing about speed
	waiting time.Time
	ended   bool
}

// Take learns from e.
func (t *Tracker) Take(e Event) {
	if !e.Time.IsZero() {
		t.last = e.Time
	}
	switch e.Type {
	case Plan:
		t.plan(e)
	case Start:
		t.current, t.part = e.Step, 0
	case Progress:
		if a := e.Progress; a != nil && a.Total > 0 {
			t.part = min(1, float64(a.Done)/float64(a.Total))
		}
	case Finish:
		if e.Err == "" {
			t.done += t.weights[e.Step]
		}
		t.current, t.part = "", 0
	case NeedDisc, Disc:
		t.wait(e)
	case Done:
		t.ended = true
	}
}

func (t *Tracker) plan(e Event) {
	*t = Tracker{weights: make(map[string]int, len(e.Steps)), began: e.Time, last: e.Time}
	for _, s := range e.Steps {
		t.weights[s.ID] = s.Weight
		t.total += s.Weight
	}
}

func (t *Tracker) wait(e Event) {
	found := e.Type == Disc && e.Discs != nil && e.Discs.OK
	switch {
	case e.Type == NeedDisc && t.waiting.IsZero():
		t.waiting = e.Time
	case found && !t.waiting.IsZero():
		t.paused += e.Time.Sub(t.waiting)
		t.waiting = time.Time{}
	}
}

// Fraction of the whole, 0 to 1, by weight. Only Done makes it 1.
func (t *Tracker) Fraction() float64 {
	if t.ended {
		return 1
	}
	if t.total == 0 {
		return 0
	}
	f := (float64(t.done) + t.part*float64(t.weights[t.current])) / float64(t.total)
	return min(f, 0.999)
}

// Left is the time the rest takes at the speed so far; false while too
// little is known, or while a disc is waited for.
func (t *Tracker) Left() (time.Duration, bool) {
	f := t.Fraction()
	spent := t.last.Sub(t.began) - t.paused
	if f < 0.02 || spent < 3*time.Second || !t.waiting.IsZero() {
		return 0, false
	}
	return time.Duration(float64(spent) * (1 - f) / f), true
}

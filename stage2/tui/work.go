package tui

import (
	"math"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/words"
)

// work shows a running installation. It holds what the events said.
type work struct {
	styles  styles
	say     *words.Catalog
	tracker event.Tracker
	steps   []event.StepInfo
	state   map[string]string // step → "done" or the error
	current string
	amount  *event.Amount
	speed   speed
	discs   discList
	wanted  *event.DiscInfo // a disc that has to be put in
	shed    string          // that the installer has left its disc
	notes   []string        // warnings and errors, as they came
	lost    int             // of them, the oldest, no longer kept
	log     lineLog
	since   int // the log's line at which the current step began
	pane    paneOf
	output  pane
	warned  pane
	ended   *event.Event
}

// paneOf is what a screen of work shows.
type paneOf int

const (
	paneProgress paneOf = iota
	paneLog
	paneNotes
)

// mostNotes is how many warnings can be looked at.
const mostNotes = 500

func newWork(s styles) *work {
	w := &work{styles: s, say: words.Open(words.English), output: pane{ends: true}, warned: pane{ends: true}}
	w.plan(event.Event{})
	return w
}

// take learns from an event. Events can be anyone's: a step that isn't in the
// plan, an end without a beginning and times that go back are drawn as they come.
func (w *work) take(e event.Event) {
	w.tracker.Take(e)
	w.discs.take(e)
	switch e.Type {
	case event.Plan:
		w.plan(e)
	case event.Start:
		w.start(e)
	case event.Progress:
		w.progress(e)
	case event.Finish:
		w.finish(e)
	case event.NeedDisc:
		w.wanted = e.Discs
	case event.Disc:
		w.found(e)
	case event.Warning:
		w.note(e.Message, e.Err)
	case event.Error:
		w.note(e.Message, e.Err)
	case event.Log:
		w.log.add(e.Message)
	case event.Done, event.Failed:
		w.ended, w.wanted = &e, nil
	}
}

// plan begins an installation. Warnings of before stay.
func (w *work) plan(e event.Event) {
	w.steps, w.state = e.Steps, map[string]string{}
	w.current, w.amount, w.wanted, w.ended, w.shed = "", nil, nil, nil, ""
	w.discs = newDiscList(e)
}

func (w *work) start(e event.Event) {
	w.current, w.amount, w.wanted, w.since, w.speed = e.Step, nil, nil, w.log.all, speed{}
	delete(w.state, e.Step)
}

func (w *work) progress(e event.Event) {
	w.amount, w.wanted = e.Progress, nil
	if a := e.Progress; a != nil && a.Unit == "bytes" {
		w.speed.take(e.Time, a.Done)
	}
}

func (w *work) finish(e event.Event) {
	w.state[e.Step], w.wanted = "done", nil
	if e.Err != "" {
		w.state[e.Step] = plain(e.Err, longestLine)
	}
	if s := e.Switch; s != nil {
		w.shed = w.say.T("Installer copied to the disk (%s); disc 1 is free.", machine.Size(s.Bytes))
		if len(w.discs.order) == 0 {
			w.shed = w.say.T("Installer copied to the disk (%s); it runs from there now.", machine.Size(s.Bytes))
		}
	}
}

func (w *work) found(e event.Event) {
	if e.Discs != nil && e.Discs.OK {
		w.wanted = nil
	} else if e.Discs != nil {
		w.wanted = e.Discs
	}
}

func (w *work) note(text, why string) {
	switch {
	case text == "":
		text = why
	case why != "":
		text += ": " + why
	}
	w.notes = append(w.notes, plainText(text))
	if over := len(w.notes) - mostNotes; over > 0 {
		w.notes, w.lost = w.notes[over:], w.lost+over
	}
}

func (w *work) update(msg tea.Msg) (part, tea.Cmd) {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		w.key(key.String())
	}
	return w, nil
}

func (w *work) key(key string) {
	switch key {
	case "f2", "l":
		w.toggle(paneLog)
		return
	case "w":
		w.toggle(paneNotes)
		return
	case "esc", "q":
		w.pane = paneProgress
		return
	}
	switch w.pane {
	case paneLog:
		w.output.key(key, w.log.first(), w.log.all)
	case paneNotes:
		w.warned.key(key, 0, noteLines*len(w.notes))
	}
}

func (w *work) toggle(p paneOf) {
	if w.pane == p {
		p = paneProgress
	}
	w.pane = p
	w.output.held, w.warned.held = false, false
}

func (w *work) title() string {
	switch {
	case w.pane == paneLog:
		return w.say.T("Log")
	case w.pane == paneNotes:
		return w.say.T("Warnings")
	case w.wanted != nil:
		return w.say.T("Disc needed")
	case w.ended != nil && w.ended.Type == event.Failed:
		return w.say.T("Failed")
	case w.ended != nil:
		return w.say.T("Installed")
	}
	return w.say.T("Installing")
}

func (w *work) keys() string {
	switch w.pane {
	case paneLog, paneNotes:
		return w.say.T("Up/Down PgUp/PgDn scroll   End newest   Esc back")
	}
	return w.say.T("F2 or l log   w warnings   F3 shell")
}

// speed is how many bytes a second there are, smoothed over some seconds.
type speed struct {
	at    time.Time
	done  int64
	rate  float64
	known bool
}

// smooth is the time after which a change shows by two thirds.
const smooth = 5 * time.Second

func (s *speed) take(at time.Time, done int64) {
	took := at.Sub(s.at)
	switch {
	case s.at.IsZero() || done < s.done || took < 0:
		*s = speed{at: at, done: done}
	case took > 0:
		now := float64(done-s.done) / took.Seconds()
		keep := math.Exp(-took.Seconds() / smooth.Seconds())
		if !s.known {
			keep = 0
		}
		*s = speed{at: at, done: done, rate: keep*s.rate + (1-keep)*now, known: true}
	}
}

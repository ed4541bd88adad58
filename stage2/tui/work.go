package tui

import (
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/progress"
	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
)

// work shows a running installation. It holds what the events said.
type work struct {
	styles  styles
	tracker event.Tracker
	steps   []event.StepInfo
	state   map[string]string // step → "done" or the error
	current string
	amount  *event.Amount
	began   time.Time // of the current step
	disc    *event.DiscInfo
	notes   []string
	log     string
	ended   *event.Event
}

func newWork(s styles) *work {
	return &work{styles: s, state: map[string]string{}}
}

// take learns from an event.
func (w *work) take(e event.Event) {
	w.tracker.Take(e)
	switch e.Type {
	case event.Plan:
		w.steps = e.Steps
	case event.Start:
		w.current, w.amount, w.began = e.Step, nil, e.Time
		delete(w.state, e.Step)
	case event.Progress:
		w.amount = e.Progress
	case event.Finish:
		w.finish(e)
	case event.NeedDisc, event.Disc:
		w.disc = e.Discs
		if e.Type == event.Disc && e.Discs != nil && e.Discs.OK {
			w.disc = nil
		}
	case event.Warning, event.Error:
		w.note(e)
	case event.Log:
		w.log = e.Message
	case event.Done, event.Failed:
		w.ended = &e
	}
}

func (w *work) finish(e event.Event) {
	w.state[e.Step] = "done"
	if e.Err != "" {
		w.state[e.Step] = e.Err
	}
	if s := e.Switch; s != nil {
		w.notes = append(w.notes, fmt.Sprintf("Installer copied to the disk (%s, switched in %.0f ms); disc 1 is free.", machine.Size(s.Bytes), s.SwitchMS))
	}
}

func (w *work) note(e event.Event) {
	text := e.Message
	if text == "" {
		text = e.Err
	}
	w.notes = append(w.notes, text)
}

func (w *work) update(tea.Msg) (part, tea.Cmd) { return w, nil }

func (w *work) view(width, height int) string {
	bars := w.bars(width)
	room := height - strings.Count(bars, "\n") - 2
	var middle string
	if w.disc != nil {
		middle = w.discBox()
	} else {
		middle = w.list(width, room)
	}
	return middle + strings.Repeat("\n", max(1, room-strings.Count(middle, "\n"))) + bars
}

// list shows the steps around the current one.
func (w *work) list(width, room int) string {
	at := 0
	for i, s := range w.steps {
		if s.ID == w.current {
			at = i
		}
	}
	first := max(0, min(at-room/2, len(w.steps)-room))
	var b strings.Builder
	for i := first; i < len(w.steps) && i < first+room; i++ {
		b.WriteString(clip(w.mark(w.steps[i]), width) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (w *work) mark(s event.StepInfo) string {
	switch state := w.state[s.ID]; {
	case state == "done":
		return "  ok   " + s.Title
	case state != "":
		return "FAILED " + s.Title + ": " + state
	case s.ID == w.current:
		return "  >>   " + s.Title
	}
	return "       " + s.Title
}

// discBox asks for a disc.
func (w *work) discBox() string {
	d := w.disc
	text := fmt.Sprintf("Please insert disc %d", d.Wanted)
	if len(d.Drives) > 0 {
		text += " into " + strings.Join(d.Drives, " or ")
	}
	text += " and close the tray.\nThe installation then goes on by itself."
	if d.Found != "" {
		text += "\n\n" + w.styles.bad.Render("Found in "+d.Drive+": "+d.Found)
	}
	return "\n" + w.styles.box.Render(text)
}

// bars are the note, the current step, and the whole.
func (w *work) bars(width int) string {
	lines := []string{w.lastNote(width), w.styles.dim.Render(clip(w.log, width)), w.stepLine(width)}
	if w.amount != nil && w.amount.Total > 0 {
		lines = append(lines, w.bar(width, float64(w.amount.Done)/float64(w.amount.Total)))
	} else {
		lines = append(lines, "")
	}
	whole := "Whole installation"
	if left, ok := w.tracker.Left(); ok && w.ended == nil {
		whole += "   about " + clock(left) + " left"
	}
	return strings.Join(append(lines, w.styles.title.Render(whole), w.bar(width, w.tracker.Fraction())), "\n")
}

func (w *work) bar(width int, fraction float64) string {
	p := progress.New(progress.WithWidth(width), progress.WithFillCharacters('#', '.'))
	p.FullColor, p.EmptyColor = w.styles.bar.GetForeground(), w.styles.dim.GetForeground()
	return p.ViewAs(min(1, max(0, fraction)))
}

func (w *work) lastNote(width int) string {
	if len(w.notes) == 0 {
		return ""
	}
	return clip(w.notes[len(w.notes)-1], width)
}

func (w *work) stepLine(width int) string {
	line := w.current
	for _, s := range w.steps {
		if s.ID == w.current {
			line = s.Title
		}
	}
	if a := w.amount; a != nil {
		line += ": " + amount(*a)
	}
	return clip(line, width)
}

// amount is "12.0 of 80.0 MiB  vim" or "12 of 90 packages  vim".
func amount(a event.Amount) string {
	done, total := fmt.Sprint(a.Done), fmt.Sprint(a.Total)
	unit := " " + a.Unit
	if a.Unit == "bytes" {
		done, total, unit = machine.Size(a.Done), machine.Size(a.Total), ""
	}
	if a.Total == 0 {
		return done + unit + "  " + a.Item
	}
	return done + " of " + total + unit + "  " + a.Item
}

func (w *work) title() string {
	if w.disc != nil {
		return "Disc needed"
	}
	return "Installing"
}

func (w *work) keys() string { return "" }

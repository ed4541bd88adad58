package tui

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
)

// view draws for any size. What changes often stands in few places: a serial
// line gets only what is different.
func (w *work) view(width, height int) string {
	switch w.pane {
	case paneLog:
		return w.logText(&w.output, width, height)
	case paneNotes:
		return w.notesView(width, height)
	}
	head, foot := w.head(), w.foot(width)
	room := height - len(head) - len(foot)
	var middle []string
	switch {
	case w.wanted != nil:
		middle = strings.Split(w.discs.prompt(w.say, w.styles, *w.wanted, width), "\n")
	case room > 1:
		middle = append(w.list(room-1), "")
	}
	if w.wanted != nil && room < len(middle) { // the disc is what counts
		head, foot, room = nil, nil, height
	}
	return fillLines(append(append(head, strings.Split(fillLines(middle, width, room), "\n")...), foot...), width, height)
}

// head is about the discs.
func (w *work) head() []string {
	var lines []string
	for _, line := range []string{w.discs.line(w.say, w.wanted), w.shed} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// list shows the steps around the current one.
func (w *work) list(room int) []string {
	at := w.place(w.current)
	first := max(0, min(at-room/2, len(w.steps)-room))
	var lines []string
	for i := first; i < len(w.steps) && i < first+room; i++ {
		lines = append(lines, w.mark(w.steps[i]))
	}
	return lines
}

// place is the number of a step in the plan, or 0.
func (w *work) place(id string) int {
	for i, s := range w.steps {
		if s.ID == id {
			return i
		}
	}
	return 0
}

func (w *work) mark(s event.StepInfo) string {
	title := w.say.Said(plainLine(s.Title))
	switch state := w.state[s.ID]; {
	case state == "done":
		return "  ok   " + title
	case state != "":
		return w.styles.bad.Render("FAILED " + title)
	case s.ID == w.current:
		return w.styles.title.Render("  >>   " + title)
	}
	return "       " + title
}

// foot is the last warning, the current step and the whole.
func (w *work) foot(width int) []string {
	lines := []string{w.lastNote(), w.stepLine(), "", w.amountLine()}
	if a := w.amount; a != nil && a.Total > 0 {
		lines[2] = w.bar(width, float64(a.Done)/float64(a.Total))
	}
	whole := w.say.T("Whole installation")
	if left, ok := w.tracker.Left(); ok && w.ended == nil {
		whole = w.say.T("Whole installation: about %s left", roughly(left))
	}
	return append(lines, w.styles.title.Render(whole), w.bar(width, w.tracker.Fraction()))
}

// roughly is a time to come, with no more digits than anybody believes.
func roughly(d time.Duration) string {
	step := 5 * time.Second
	if d > 10*time.Minute {
		step = time.Minute
	}
	return clock(d.Round(step))
}

// bar is "[####......]  42%".
func (w *work) bar(width int, fraction float64) string {
	if math.IsNaN(fraction) {
		fraction = 0
	}
	fraction = min(1, max(0, fraction))
	room := max(width-8, 0)
	full := int(fraction * float64(room))
	return "[" + w.styles.bar.Render(strings.Repeat("#", full)) + strings.Repeat(".", room-full) + "]" +
		fmt.Sprintf(" %3.0f%%", math.Floor(100*fraction))
}

func (w *work) lastNote() string {
	if len(w.notes) == 0 {
		return ""
	}
	last, _, _ := strings.Cut(w.notes[len(w.notes)-1], "\n")
	if n := len(w.notes) + w.lost; n > 1 {
		return w.say.T("Warning %d: %s", n, last)
	}
	return w.say.T("Warning: %s", last)
}

// stepLine is "Step 3 of 19: Copy packages from disc 2".
func (w *work) stepLine() string {
	if w.current == "" {
		return ""
	}
	for i, s := range w.steps {
		if s.ID == w.current {
			return w.styles.title.Render(w.say.T("Step %d of %d: %s", i+1, len(w.steps), w.say.Said(plainLine(s.Title))))
		}
	}
	return w.styles.title.Render(plainLine(w.current))
}

// amountLine is "12 MiB of 80 MiB   3.4 MiB/s   vim", "12 of 90 packages   vim", or
// of a step that doesn't tell how far it is what its tools said last.
func (w *work) amountLine() string {
	a := w.amount
	if a == nil {
		if last := w.log.lines(max(w.since, w.log.all-1), w.log.all); len(last) > 0 {
			return last[0]
		}
		return ""
	}
	parts := []string{w.howMuch(*a)}
	if a.Unit == "bytes" && w.speed.known {
		parts = append(parts, machine.Size(twoDigits(w.speed.rate))+"/s")
	}
	if item := plainLine(a.Item); item != "" {
		parts = append(parts, item)
	}
	return strings.Join(parts, "   ")
}

func (w *work) howMuch(a event.Amount) string {
	switch {
	case a.Unit == "bytes" && a.Total <= 0:
		return machine.Size(a.Done)
	case a.Unit == "bytes":
		return w.say.T("%s of %s", machine.Size(a.Done), machine.Size(a.Total))
	case a.Unit == "packages" && a.Total <= 0:
		return w.say.T("%d packages", a.Done)
	case a.Unit == "packages":
		return w.say.T("%d of %d packages", a.Done, a.Total)
	case a.Total <= 0:
		return fmt.Sprintf("%d %s", a.Done, plainLine(a.Unit))
	}
	return fmt.Sprintf("%d / %d %s", a.Done, a.Total, plainLine(a.Unit))
}

// twoDigits rounds a speed, so that not every update changes it.
func twoDigits(rate float64) int64 {
	if rate < 1 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(rate))-1)
	return int64(math.Round(rate/unit) * unit)
}

// logText is the output of the programs as p shows it.
func (w *work) logText(p *pane, width, height int) string {
	if w.log.all == 0 {
		return fit(w.say.T("No program has said anything yet."), width)
	}
	head := w.say.T("Alt+F3 shows this on the machine's own screen, Alt+F2 has a shell there.")
	room := max(height-2, 1)
	from := p.from(w.log.first(), w.log.all, room)
	return fillLines(append([]string{w.styles.title.Render(head), ""}, w.log.lines(from, from+room)...), width, height)
}

// noteLines is how many lines of a warning are shown.
const noteLines = 4

func (w *work) notesView(width, height int) string {
	if len(w.notes) == 0 {
		return w.say.T("There have been no warnings.")
	}
	var lines []string
	for _, note := range w.notes {
		list := wrapped(note, width-4)
		for i, line := range list[:min(len(list), noteLines)] {
			lines = append(lines, map[bool]string{true: "! ", false: "  "}[i == 0]+line)
		}
	}
	from := w.warned.from(0, len(lines), height)
	return fillLines(lines[from:min(len(lines), from+height)], width, height)
}

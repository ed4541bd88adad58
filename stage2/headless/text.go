package headless

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
)

// width is that of the narrowest console.
const width = 79

// TextOptions say who reads the text. The zero value is a plain file.
type TextOptions struct {
	Terminal bool // progress is drawn in place, with carriage returns
	Log      bool // every line with its time, and the tools' output too
}

// Text writes an installation for people to w: a line for each step, its
// progress, and a box for each disc that is wanted.
func Text(w io.Writer, o TextOptions) event.Sink {
	t := &text{w: w, options: o, titles: map[string]string{}, numbers: map[string]int{}}
	return event.Func(t.take)
}

type text struct {
	mu      sync.Mutex
	w       io.Writer
	options TextOptions
	tracker event.Tracker
	titles  map[string]string
	numbers map[string]int
	inPlace bool // the cursor is in a line that will be overwritten
	quarter int64
}

func (t *text) take(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tracker.Take(e)
	switch e.Type {
	case event.Plan:
		t.plan(e)
	case event.Start:
		t.start(e)
	case event.Progress:
		t.progress(e)
	case event.Finish:
		t.finish(e)
	case event.NeedDisc:
		t.line(e.Time, box(e))
	case event.Disc:
		t.line(e.Time, discText(*e.Discs))
	case event.Log:
		if t.options.Log {
			t.line(e.Time, "  | "+e.Message)
		}
	case event.Done:
		t.line(e.Time, "DONE: "+e.Message)
	case event.Failed:
		t.line(e.Time, "\aFAILED: "+e.Err)
	default:
		t.line(e.Time, strings.ToUpper(string(e.Type))+": "+join(e.Message, e.Err))
	}
}

func (t *text) plan(e event.Event) {
	for i, s := range e.Steps {
		t.titles[s.ID], t.numbers[s.ID] = s.Title, i+1
	}
	t.line(e.Time, fmt.Sprintf("Installing %s in %d steps", e.Message, len(e.Steps)))
}

func (t *text) start(e event.Event) {
	t.quarter = 0
	if t.options.Terminal {
		t.place(t.label(e.Step))
		return
	}
	t.line(e.Time, t.label(e.Step))
}

// label is "[ 3/19] Make ext4 on /dev/vda3 for /".
func (t *text) label(step string) string {
	title, ok := t.titles[step]
	if !ok {
		return step
	}
	return fmt.Sprintf("[%2d/%d] %s", t.numbers[step], len(t.titles), title)
}

// progress overwrites the line on a terminal; elsewhere it tells of quarters.
func (t *text) progress(e event.Event) {
	a := e.Progress
	if a == nil || a.Total <= 0 {
		return
	}
	amount := fmt.Sprintf("%d%% of %d %s", 100*a.Done/a.Total, a.Total, a.Unit)
	if a.Unit == "bytes" {
		amount = fmt.Sprintf("%d%% of %s", 100*a.Done/a.Total, machine.Size(a.Total))
	}
	whole := fmt.Sprintf("  (in all %.0f%%%s)", 100*t.tracker.Fraction(), t.left())
	if t.options.Terminal {
		t.place(t.label(e.Step) + ": " + amount + whole)
		return
	}
	if q := 4 * a.Done / a.Total; q > t.quarter && q < 4 {
		t.quarter = q
		t.line(e.Time, "        "+amount+whole)
	}
}

func (t *text) left() string {
	left, ok := t.tracker.Left()
	if !ok {
		return ""
	}
	return ", about " + left.Round(time.Second).String() + " left"
}

func (t *text) finish(e event.Event) {
	switch {
	case e.Err != "":
		t.line(e.Time, t.label(e.Step)+": FAILED")
	case t.options.Terminal || t.options.Log:
		t.line(e.Time, fmt.Sprintf("%s: ok, %.1f s", t.label(e.Step), e.Seconds))
	}
	if s := e.Switch; s != nil {
		t.line(e.Time, fmt.Sprintf("The installer has shed its disc: %s now runs from %s\n  (%s copied in %.1f s, switched in %.1f ms, verified in %.1f s,\n  SHA-256 %s)",
			s.Device, s.New, machine.Size(s.Bytes), s.CopyMS/1000, s.SwitchMS, s.VerifyMS/1000, s.SHA256))
	}
}

// line writes whole lines, over one that was drawn in place.
func (t *text) line(at time.Time, s string) {
	if t.inPlace {
		fmt.Fprint(t.w, "\r\x1b[K")
		t.inPlace = false
	}
	if t.options.Log {
		s = at.UTC().Format("15:04:05.000 ") + s
	}
	fmt.Fprint(t.w, s+"\n")
}

// place draws a line that the next one overwrites.
func (t *text) place(s string) {
	if r := []rune(s); len(r) > width {
		s = string(r[:width-3]) + "..."
	}
	fmt.Fprint(t.w, "\r"+s+"\x1b[K")
	t.inPlace = true
}

// box is what nobody in the room overlooks or overhears.
func box(e event.Event) string {
	lines := []string{e.Message}
	if d := e.Discs; d != nil && d.Found != "" {
		lines = append(lines, "In "+d.Drive+" was "+d.Found+".")
	}
	lines = append(lines, "The installation then goes on by itself.")
	longest := 0
	for _, l := range lines {
		longest = max(longest, len([]rune(l)))
	}
	edge := "+" + strings.Repeat("-", longest+2) + "+"
	out := "\a\n" + edge + "\n"
	for _, l := range lines {
		out += "| " + l + strings.Repeat(" ", longest-len([]rune(l))) + " |\n"
	}
	return out + edge
}

func discText(d event.DiscInfo) string {
	if d.OK {
		return fmt.Sprintf("Disc %d is in %s", d.Wanted, d.Drive)
	}
	return fmt.Sprintf("Not disc %d in %s: %s", d.Wanted, d.Drive, d.Found)
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

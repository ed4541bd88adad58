package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/words"
)

// discState is what is with a disc of the plan.
type discState int

const (
	discToCome discState = iota
	discNow
	discDone
)

// discList is the discs that are needed, in the order in which they are.
type discList struct {
	order []int
	state map[int]discState
	steps map[string]int // step → its disc
	drive string         // the present one's
	of    string         // "Debian 13"
}

func newDiscList(plan event.Event) discList {
	d := discList{state: map[int]discState{}, steps: map[string]int{}, of: plainLine(plan.Message)}
	for _, s := range plan.Steps {
		if s.Disc > 0 {
			d.steps[s.ID] = s.Disc
			if !slices.Contains(d.order, s.Disc) {
				d.order = append(d.order, s.Disc)
			}
		}
	}
	return d
}

// take learns from an event.
func (d *discList) take(e event.Event) {
	n, ok := d.steps[e.Step]
	if !ok {
		return
	}
	switch {
	case e.Type == event.Start:
		d.state[n], d.drive = discNow, ""
	case e.Type == event.Finish && e.Err == "":
		d.state[n] = discDone
	case e.Type == event.Disc && e.Discs != nil && e.Discs.OK:
		d.drive = plainLine(e.Discs.Drive)
	}
}

// line is all of it in a line: "Discs: 1 done   2 now in /dev/sr0   3-5 to come".
// Of the present one it says when it isn't there yet.
func (d *discList) line(w *words.Catalog, wanted *event.DiscInfo) string {
	if len(d.order) == 0 {
		return ""
	}
	var parts []string
	for _, s := range []discState{discDone, discNow, discToCome} {
		if list := d.in(s); len(list) > 0 {
			parts = append(parts, d.words(w, s, ranges(list), wanted != nil))
		}
	}
	return w.T("Discs: %s", strings.Join(parts, "   "))
}

func (d *discList) words(w *words.Catalog, s discState, which string, missing bool) string {
	switch {
	case s == discNow && missing:
		return w.T("%s wanted", which)
	case s == discDone:
		return w.T("%s done", which)
	case s == discNow && d.drive != "":
		return w.T("%s now, in %s", which, d.drive)
	case s == discNow:
		return w.T("%s now", which)
	}
	return w.T("%s to come", which)
}

func (d *discList) in(s discState) []int {
	var list []int
	for _, n := range d.order {
		if d.state[n] == s {
			list = append(list, n)
		}
	}
	return list
}

// ranges is a list of numbers with runs drawn together: "1-3, 5".
func ranges(list []int) string {
	var out []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		switch {
		case j > i+1:
			out = append(out, fmt.Sprintf("%d-%d", list[i], list[j]))
		case j == i+1:
			out = append(out, strconv.Itoa(list[i]), strconv.Itoa(list[j]))
		default:
			out = append(out, strconv.Itoa(list[i]))
		}
		i = j + 1
	}
	return strings.Join(out, ", ")
}

// prompt asks for a disc: which, into which drive, and what is there instead.
func (d *discList) prompt(w *words.Catalog, s styles, ask event.DiscInfo, width int) string {
	var drives []string
	for _, drive := range ask.Drives {
		drives = append(drives, plainLine(drive))
	}
	where := strings.Join(drives, w.T(" or "))
	if where == "" {
		where = w.T("the drive")
	}
	text := w.T("Please insert disc %d of %s into %s.", ask.Wanted, d.of, where)
	if d.of == "" {
		text = w.T("Please insert disc %d into %s.", ask.Wanted, where)
	}
	text += "\n" + w.T("Then close the tray. The installation goes on by itself.")
	if ask.Found != "" {
		text += "\n\n" + s.bad.Render(w.T("Not this one. Found in %s: %s", plainLine(ask.Drive), plain(ask.Found, longestText)))
	}
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		lines = append(lines, wrapped(line, width-s.box.GetHorizontalFrameSize())...)
	}
	return s.box.Render(strings.Join(lines, "\n"))
}

// rings reports whether e is to be heard: a person may be in the next room.
func rings(e event.Event) bool {
	return e.Type == event.NeedDisc || e.Type == event.Error || e.Type == event.Failed || e.Type == event.Done
}

package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// mostLabel is how wide a label can be that stands beside its field.
const mostLabel = 30

// view draws the page for any size. The field that has the keys is always on it.
func (f *form) view(width, height int, s styles) string {
	a := area{width: width - 1, room: height, labels: f.labels(width), styles: s, words: f.words}
	loose, first, last := f.lines(a, 1)
	if len(loose) > height {
		loose, first, last = f.lines(a, 0)
	}
	return window(loose, first, last, f.scroll, width, height)
}

// lines are all of the page, gap lines between two fields, and where the one that has
// the keys begins and ends.
func (f *form) lines(a area, gap int) (all []string, first, last int) {
	for i, w := range f.widgets {
		if i > 0 {
			all = append(all, make([]string, gap)...)
		}
		a.focused, a.asked = i == f.at, f.asked[w.key()]
		start := len(all)
		all = append(all, w.draw(a)...)
		if i == f.at {
			for _, l := range wrapMarked("! ", f.failed, a.width) {
				all = append(all, a.styles.bad.Render(l))
			}
			first, last = start, len(all)
		}
	}
	return all, first, last
}

// labels is the width of the column of labels beside the fields; none on a
// narrow screen.
func (f *form) labels(width int) int {
	if width < 60 {
		return 0
	}
	widest := 0
	for _, w := range f.widgets {
		if t, ok := w.(*textLine); ok && ansi.StringWidth(t.label) <= mostLabel {
			widest = max(widest, ansi.StringWidth(t.label))
		}
	}
	return widest
}

// wrapMarked wraps text with mark before the first line and room for it before the others.
func wrapMarked(mark, text string, width int) []string {
	if text == "" {
		return nil
	}
	n := ansi.StringWidth(mark)
	lines := wrap(text, width-n)
	for i := range lines {
		if i == 0 {
			lines[i] = mark + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", n) + lines[i]
		}
	}
	return lines
}

// window is the part of lines that fits, with first to last in it, moved by scroll.
// Letters at the right edge say that there is more.
func window(lines []string, first, last, scroll, width, height int) string {
	if len(lines) <= height {
		return strings.Join(lines, "\n")
	}
	top := min(first, max(0, last-height))
	top = min(max(0, top+scroll), len(lines)-height)
	shown := append([]string(nil), lines[top:top+height]...)
	if top > 0 {
		shown[0] = edge(shown[0], "^", width)
	}
	if top+height < len(lines) {
		shown[height-1] = edge(shown[height-1], "v", width)
	}
	return strings.Join(shown, "\n")
}

func edge(line, mark string, width int) string {
	line = clip(line, width-1)
	return line + strings.Repeat(" ", max(0, width-1-ansi.StringWidth(line))) + mark
}

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/molt-installer/molt/loopctl"
)

// narrator tells of stages: on a terminal by a line that is drawn again and again,
// with a bar where there are bytes to count, and one that stays when the stage is over;
// elsewhere by one line as each stage begins.
type narrator struct {
	mu    sync.Mutex
	w     io.Writer
	words func(stage string, total int64) string
	width func() int // of the terminal; nil: none
	now   func() time.Time

	stage, text  string
	began, drawn time.Time
	done, total  int64
}

const (
	redraw = 100 * time.Millisecond
	remind = 5 * time.Second // where each text is a line of its own
)

func newNarrator(w io.Writer, words func(string, int64) string) *narrator {
	n := &narrator{w: w, words: words, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		n.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width == 0 {
				return 80
			}
			return width
		}
	}
	return n
}

// tell takes in how far a stage is. The total of a stage that waits for requests
// is no bytes, and is in its words.
func (n *narrator) tell(stage string, done, total int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text, now := n.words(stage, total), n.now()
	if stage == loopctl.StageSwitch {
		total = 0
	}
	if stage != n.stage {
		n.close(now, "")
		n.stage, n.began, n.drawn = stage, now, time.Time{}
	}
	wait := redraw
	if n.width == nil {
		wait = remind
	}
	changed := text != n.text
	n.text, n.done, n.total = text, done, total
	if now.Sub(n.drawn) < wait && !n.drawn.IsZero() {
		return
	}
	if n.width != nil {
		fmt.Fprintf(n.w, "\r\x1b[K%s", n.line(now))
	} else if changed {
		fmt.Fprintln(n.w, n.text+amount(total))
	}
	n.drawn = now
}

// amount is how much there is to do, for the line that is not drawn again.
func amount(total int64) string {
	if total <= 0 {
		return ""
	}
	return " (" + people(total) + ")"
}

// end closes the last stage. With an error its line says that it went no further.
func (n *narrator) end(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	verdict := ""
	if err != nil {
		verdict = "stopped"
	}
	n.close(n.now(), verdict)
	n.stage, n.text = "", ""
}

// say ends the stage with a line of its own.
func (n *narrator) say(line string) {
	n.end(nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintln(n.w, line)
}

func (n *narrator) close(now time.Time, verdict string) {
	if n.stage == "" || n.width == nil {
		return
	}
	took := now.Sub(n.began)
	line := n.text
	switch {
	case verdict != "":
		line = fmt.Sprintf("%s: %s after %s", n.text, verdict, seconds(took))
	case n.done > 0:
		line = fmt.Sprintf("%s: %s in %s, %s", n.text, people(n.done), seconds(took), strings.TrimSpace(speed(n.done, took)))
	case took >= time.Second/10:
		line = n.text + ": " + seconds(took)
	}
	fmt.Fprintf(n.w, "\r\x1b[K%s\n", clip(line, n.width()))
}

// line is the stage as it is now: its text, a bar, and figures.
func (n *narrator) line(now time.Time) string {
	width, took := n.width()-1, now.Sub(n.began)
	if n.total <= 0 {
		return clip(n.text+waited(took), width)
	}
	figures := fmt.Sprintf(" %3d%%  %8s of %s  %s  %s", 100*n.done/n.total, people(n.done), people(n.total),
		speed(n.done, took), remaining(n.done, n.total, took))
	text := clip(n.text, max(20, width-len(figures)-12))
	room := min(30, width-utf8.RuneCountInString(text)-len(figures)-3)
	if room < 5 {
		return clip(text+figures, width)
	}
	full := int(int64(room) * n.done / n.total)
	return fmt.Sprintf("%s [%s%s]%s", text, strings.Repeat("#", full), strings.Repeat("-", room-full), figures)
}

func waited(took time.Duration) string {
	if took < time.Second {
		return ""
	}
	return ", " + seconds(took)
}

// clip leaves the end of a line out, so that it takes no second one.
func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	const cut = "..."
	if width < len(cut) {
		return cut[:max(0, width)]
	}
	return string([]rune(s)[:width-len(cut)]) + cut
}

func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// speed is always in MiB/s, so that figures can be compared.
func speed(n int64, took time.Duration) string {
	if took <= 0 {
		return "    - MiB/s"
	}
	return fmt.Sprintf("%5.0f MiB/s", float64(n)/took.Seconds()/(1<<20))
}

// remaining is an estimate from the mean so far.
func remaining(done, total int64, took time.Duration) string {
	if done == 0 || took < time.Second/2 {
		return "-:-- left"
	}
	left := time.Duration(float64(took) * float64(total-done) / float64(done)).Round(time.Second)
	return fmt.Sprintf("%d:%02d left", int(left.Minutes()), int(left.Seconds())%60)
}

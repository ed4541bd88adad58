package tui

import (
	"flag"
	"fmt"
	"math/rand"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/event"
)

// sizes are what is inside the frame of 80×24 and of 100×30.
var _ = flag.Bool("update", false, "write the golden files anew")

func sizes() map[string][2]int { return map[string][2]int{"80x24": {78, 20}, "100x30": {98, 26}} }

// checkView compares what p draws, without its colours, with a golden file for each size.
func checkView(t *testing.T, name string, p part) {
	t.Helper()
	for size, s := range sizes() {
		var lines []string
		for _, line := range strings.Split(ansi.Strip(p.view(s[0], s[1])), "\n") {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		text := fmt.Sprintf("[%s]\n%s\n[%s]\n", p.title(), strings.Join(lines, "\n"), p.keys())
		golden.Check(t, filepath.Join("testdata", name+"-"+size+".txt"), text)
	}
}

// story is an installation over three discs up to some place.
type story struct {
	*work
	now time.Time
}

func newStory() *story {
	s := &story{newWork(newStyles()), time.Unix(1000, 0)}
	s.after(0, event.Event{Type: event.Plan, Message: "Debian 13", Steps: []event.StepInfo{
		{ID: "partition-vda", Title: "Partition /dev/vda", Weight: 2}, {ID: "mkfs-/", Title: "Make ext4 on /dev/vda2 for /", Weight: 3},
		{ID: "mount", Title: "Mount the new system", Weight: 1}, {ID: "relocate", Title: "Copy the installer to the disk and run from there", Weight: 19},
		{ID: "fetch-1", Title: "Copy 205 packages (210 MiB) from disc 1", Weight: 45, Disc: 1}, {ID: "release-1", Title: "Give disc 1 back", Weight: 1},
		{ID: "fetch-2", Title: "Copy 80 packages (64 MiB) from disc 2", Weight: 14, Disc: 2}, {ID: "fetch-3", Title: "Copy 2 packages (1 MiB) from disc 3", Weight: 1, Disc: 3},
		{ID: "install", Title: "Install 287 packages", Weight: 200}, {ID: "bootloader", Title: "Install the boot loader", Weight: 10},
	}})
	return s
}

// after has something happen some seconds later.
func (s *story) after(seconds float64, e event.Event) {
	s.now = s.now.Add(time.Duration(seconds * float64(time.Second)))
	e.Time = s.now
	s.take(e)
}

func (s *story) done(seconds float64, steps ...string) {
	for _, id := range steps {
		s.after(0, event.Event{Type: event.Start, Step: id})
		s.after(seconds, event.Event{Type: event.Finish, Step: id})
	}
}

func (s *story) toDisc2() {
	s.done(2, "partition-vda", "mkfs-/", "mount")
	s.after(0, event.Event{Type: event.Start, Step: "relocate"})
	s.after(20, event.Event{Type: event.Finish, Step: "relocate", Switch: &event.SwitchInfo{Bytes: 94371840, SwitchMS: 15}})
	s.done(30, "fetch-1", "release-1")
	s.after(0, event.Event{Type: event.Start, Step: "fetch-2"})
}

func TestWorkGoldens(t *testing.T) {
	s := newStory()
	checkView(t, "work-begin", s)
	s.toDisc2()
	s.after(0, event.Event{Type: event.NeedDisc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drives: []string{"/dev/sr0", "/dev/sr1"}}})
	checkView(t, "work-disc", s)
	wrong := event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", Found: "disc 1 of Debian 13"}
	s.after(30, event.Event{Type: event.Disc, Step: "fetch-2", Discs: &wrong})
	wrong.Drives = []string{"/dev/sr0", "/dev/sr1"}
	s.after(0, event.Event{Type: event.NeedDisc, Step: "fetch-2", Discs: &wrong})
	checkView(t, "work-wrong-disc", s)
	s.after(20, event.Event{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr1", OK: true}})
	s.after(1, event.Event{Type: event.Warning, Message: "fox.example doesn't answer: the clock is the machine's own"})
	for i := range int64(20) {
		s.after(0.5, event.Event{Type: event.Progress, Step: "fetch-2", Progress: &event.Amount{Done: i << 20, Total: 64 << 20, Unit: "bytes", Item: "vim_9.1_amd64.deb"}})
	}
	checkView(t, "work-fetch", s)
	s.done(1, "fetch-2", "fetch-3")
	s.after(0, event.Event{Type: event.Start, Step: "install"})
	for i := range 50 {
		s.after(0.1, event.Event{Type: event.Log, Step: "install", Message: fmt.Sprintf("Unpacking package %d ...", i)})
	}
	s.after(0, event.Event{Type: event.Progress, Step: "install", Progress: &event.Amount{Done: 12, Total: 287, Unit: "packages", Item: "libc6"}})
	s.after(0, event.Event{Type: event.Warning, Message: "two lines\nof a warning"})
	checkView(t, "work-install", s)
	s.key("f2")
	checkView(t, "work-log", s)
	s.key("pgup")
	s.after(1, event.Event{Type: event.Log, Step: "install", Message: "a line more, which moves nothing that somebody reads"})
	checkView(t, "work-log-scrolled", s)
	s.key("w")
	checkView(t, "work-warnings", s)
}

// TestManyDiscs: a set of 40 discs has a line too.
func TestManyDiscs(t *testing.T) {
	var steps []event.StepInfo
	for n := 1; n <= 40; n++ {
		steps = append(steps, event.StepInfo{ID: fmt.Sprint("fetch-", n), Weight: 1, Disc: n})
	}
	w := newWork(newStyles())
	w.take(event.Event{Type: event.Plan, Steps: steps})
	for n := range 20 {
		w.take(event.Event{Type: event.Start, Step: steps[n].ID})
		if n != 4 {
			w.take(event.Event{Type: event.Finish, Step: steps[n].ID})
		}
	}
	if got, want := w.discs.line(w.say, nil), "Discs: 1-4, 6-20 done   5 now   21-40 to come"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// nasty is text as it can come from a broken disc or a hostile package.
func nasty() []string {
	return []string{
		"\x1b[2J\x1b[31mred\x1b]0;title\x07 \x9b1;1H\r\nnext\x00\x07", "\xff\xfe\x80 no text", "right \u202e to left \u2066", strings.Repeat("x", 1<<14),
		"日本語 wide 👩‍👩‍👧 e\u0301\u0301\u0301", "0 %\r50 %\r100 %", "\x1b", "tab\there", "", strings.Repeat("\n", 300), "%d %s %!",
	}
}

// checkFits checks that a part draws what fits a screen, and nothing that would move its cursor.
func checkFits(t *testing.T, p part, width, height int) {
	t.Helper()
	text := p.view(width, height)
	lines := strings.Split(text, "\n")
	if len(lines) > height {
		t.Errorf("%d lines on %d×%d", len(lines), width, height)
	}
	for _, line := range lines {
		if n := lipgloss.Width(line); n > width {
			t.Errorf("%d cells on %d×%d: %q", n, width, height, line)
		}
		for _, r := range ansi.Strip(line) {
			if r < ' ' || r == 0x7f || r == '\u202e' || r == '\u2066' || r == '\ufffd' {
				t.Errorf("%q has %U", line, r)
			}
		}
	}
	if strings.Contains(text, "[2J") || strings.ContainsAny(p.title()+p.keys(), "\n\x1b") {
		t.Errorf("a text got through: %q, %q, %q", text, p.title(), p.keys())
	}
}

// TestAnyEventsAnySize: events of all kinds in any order, with any text, on all sizes.
func TestAnyEventsAnySize(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	types := []event.Type{event.Plan, event.Start, event.Progress, event.Finish, event.NeedDisc, event.Disc, event.Warning, event.Error,
		event.Log, event.Log, event.Log, event.Ask, event.Done, event.Failed, "of-another-day"}
	word := func() string { return nasty()[random.Intn(len(nasty()))] }
	number := func() int64 { return []int64{-1, 0, 1, 7, 1 << 40, -1 << 63, 1<<63 - 1}[random.Intn(7)] }
	keys := []string{"f2", "w", "esc", "up", "down", "pgup", "pgdown", "home", "end", "x"}
	w := newWork(newStyles())
	for range 300 {
		e := event.Event{Type: types[random.Intn(len(types))], Time: time.Unix(random.Int63n(1000), 0), Step: []string{"", "a", "b", word()}[random.Intn(4)], Message: word(), Err: word()}
		if random.Intn(2) == 0 {
			e.Progress = &event.Amount{Done: number(), Total: number(), Unit: []string{"bytes", "packages", "", word()}[random.Intn(4)], Item: word()}
			e.Discs = &event.DiscInfo{Wanted: int(number()), Drives: []string{word(), word()}, Drive: word(), Found: word(), OK: random.Intn(2) == 0}
			e.Switch = &event.SwitchInfo{Bytes: number()}
			e.Steps = []event.StepInfo{{ID: "a", Title: word(), Weight: int(number()), Disc: int(number())}, {ID: "b", Title: "B", Weight: 1, Disc: 2}, {ID: "a"}}
		}
		w.take(e)
		w.key(keys[random.Intn(len(keys))])
		checkFits(t, w, 38+random.Intn(262), 8+random.Intn(92))
		if t.Failed() {
			t.Fatalf("after %+v", e)
		}
	}
	for width := 0; width < 40; width++ {
		for height := range 12 {
			w.view(width, height) // no panic
		}
	}
}

// TestViewChangesNothing: several screens of different sizes show the same.
func TestViewChangesNothing(t *testing.T) {
	s := newStory()
	s.toDisc2()
	for range 100 {
		s.after(0, event.Event{Type: event.Log, Message: "line"})
	}
	s.key("f2")
	s.key("pgup")
	before := s.view(78, 20)
	for _, size := range [][2]int{{38, 8}, {298, 96}, {78, 20}} {
		s.view(size[0], size[1])
	}
	if s.view(78, 20) != before {
		t.Error("a view of another size changed this one")
	}
}

// TestMuchOutput: of 10 MB of output the end is there, and little memory is held.
func TestMuchOutput(t *testing.T) {
	w := newWork(newStyles())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 100 {
		w.take(event.Event{Type: event.Log, Message: fmt.Sprint(i, " ", strings.Repeat("x", 100_000))})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	w.key("l")
	if text := w.view(78, 20); !strings.Contains(text, "99 xxx") || strings.Contains(text, "81 xxx") {
		t.Errorf("the end is not shown:\n%s", text)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are held", grown)
	}
}

// TestLogScrolls: a line that somebody reads stays where it is, and the end follows again.
func TestLogScrolls(t *testing.T) {
	w := newWork(newStyles())
	add := func(from, to int) {
		for i := from; i < to; i++ {
			w.take(event.Event{Type: event.Log, Message: fmt.Sprintf("line %d.", i)})
		}
	}
	shows := func(want, not string) {
		t.Helper()
		if text := w.view(78, 20); !strings.Contains(text, want) || strings.Contains(text, not) {
			t.Errorf("want %q and not %q:\n%s", want, not, text)
		}
	}
	add(0, 100)
	w.key("l")
	shows("line 99.", "line 80.")
	w.key("up")
	shows("line 98.", "line 99.")
	add(100, 200)
	shows("line 98.", "line 99.")
	w.key("home")
	shows("line 0.", "line 30.")
	add(200, 3000) // what is read is gone
	shows("line 1000.", "line 999.")
	w.key("end")
	add(3000, 3001)
	shows("line 3000.", "line 2900.")
}

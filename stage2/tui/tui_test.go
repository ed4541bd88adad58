package tui

import (
	"context"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"github.com/molt-installer/molt/stage2/event"
)

var show = flag.Bool("show", false, "print every screen the tests wait for")

// screenT is a terminal of 80×24 with a UI on it.
type screenT struct {
	t      *testing.T
	ui     *UI
	master *os.File
	term   vt10x.Terminal
	mu     sync.Mutex
	drawn  chan struct{}
}

func newScreen(t *testing.T, term string) *screenT {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	s := &screenT{t: t, master: master, term: vt10x.New(vt10x.WithSize(80, 24)), drawn: make(chan struct{}, 1)}
	s.ui = Start(slave, slave, []string{"TERM=" + term, "HOME=" + t.TempDir()}, "Debian 13")
	done := make(chan struct{})
	go func() { defer close(done); s.read() }()
	t.Cleanup(func() {
		s.ui.Close()
		slave.Close()
		master.Close()
		<-done
	})
	return s
}

func (s *screenT) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.term.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.drawn <- struct{}{}:
		default:
		}
	}
}

func (s *screenT) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.term.String()
}

// wait returns the screen once it shows all of want.
func (s *screenT) wait(want ...string) string {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for {
		text := s.text()
		missing := ""
		for _, w := range want {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		if missing == "" {
			if *show {
				s.t.Logf("\n%s", text)
			}
			return text
		}
		select {
		case <-s.drawn:
		case <-deadline:
			s.t.Fatalf("no %q on the screen:\n%s", missing, text)
		}
	}
}

func (s *screenT) keys(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func TestProgressAndDiscs(t *testing.T) {
	s := newScreen(t, "vt220")
	now := time.Unix(1000, 0)
	emit := func(e event.Event) {
		now = now.Add(5 * time.Second)
		e.Time = now
		s.ui.Emit(e)
	}
	emit(event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "mkfs", Title: "Make file systems", Weight: 1}, {ID: "fetch-2", Title: "Copy packages from disc 2", Weight: 3, Disc: 2}}})
	emit(event.Event{Type: event.Start, Step: "mkfs"})
	s.wait(">>   Make file systems", "Whole installation")
	emit(event.Event{Type: event.Finish, Step: "mkfs", Switch: &event.SwitchInfo{Bytes: 50 << 20, SwitchMS: 15}})
	emit(event.Event{Type: event.Start, Step: "fetch-2"})
	s.wait("ok   Make file systems", "disc 1 is free")
	emit(event.Event{Type: event.NeedDisc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drives: []string{"/dev/sr0"}}})
	s.wait("insert disc 2 into /dev/sr0", "2 wanted")
	emit(event.Event{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", Found: "disc 1 of Debian 13"}})
	s.wait("Found in /dev/sr0: disc 1 of Debian 13")
	emit(event.Event{Type: event.Disc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drive: "/dev/sr0", OK: true}})
	emit(event.Event{Type: event.Progress, Step: "fetch-2", Progress: &event.Amount{Done: 1 << 20, Total: 4 << 20, Unit: "bytes", Item: "vim"}})
	s.wait("1 MiB of 4 MiB", "vim", "left")
}

func TestChoose(t *testing.T) {
	s := newScreen(t, "linux")
	got := make(chan string, 1)
	go func() {
		key, _ := s.ui.Choose(context.Background(), Question{Title: "Failed", Text: "Disc 2 can't be read",
			Choices: []Choice{{Key: "retry", Label: "Try again"}, {Key: "abort", Label: "Give up"}}})
		got <- key
	}()
	s.wait("Disc 2 can't be read", "> Try again", "Give up")
	s.keys("\x1b[B\r")
	if key := <-got; key != "abort" {
		t.Errorf("chose %q, want abort", key)
	}
}

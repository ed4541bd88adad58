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

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
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
	s.ui = Start(slave, slave, []string{"TERM=" + term}, "Debian 13")
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

func testSession(review func(config.Answers) Review) Session {
	return Session{
		Product: "Debian 13",
		Disks: []machine.Disk{
			{Path: "/dev/vda", Size: 20 << 30, Transport: "virtio", Parts: []machine.Part{{FSType: "ntfs", Label: "Windows", Size: 20 << 30}}},
			{Path: "/dev/vdb", Size: 8 << 30, Transport: "virtio"},
		},
		Refused: map[string]string{"/dev/sdc": "mounted on /molt/medium"},
		Catalog: &media.Catalog{Groups: []media.Group{
			{ID: "tools", Title: "Tools", Description: "command-line tools", Count: 20, Size: 30 << 20, Discs: []int{2}},
		}},
		Zones: []string{"Europe/Berlin", "Europe/Paris", "Etc/UTC"},
		Hash:  func(p string) (string, error) { return "$y$" + strings.Repeat("x", len(p)), nil },
		Review: func(_ context.Context, a config.Answers) (Review, error) {
			return review(a), nil
		},
	}
}

// fill answers every page up to the review.
func (s *screenT) fill() {
	s.wait("Target disk (1 of 6)", "/dev/vda", `ntfs "Windows"`, "Not offered: /dev/sdc")
	s.keys("\x1b[B") // down: /dev/vdb
	s.wait("> /dev/vdb")
	s.keys("\r")
	s.keys("\r")
	s.wait("Root password (2 of 6)")
	s.keys("secret-root\rsecret-root\r")
	s.wait("User account (3 of 6)")
	s.keys("Ada L\rada\rsecret-ada\rsecret-ada\r")
	s.wait("Host name (4 of 6)")
	s.keys("\x15engine\r")
	s.wait("Time zone (5 of 6)", "Europe")
	s.keys("\r")
	s.wait("| Time zone", "> UTC") // a key that comes while the zones of a region are being listed is lost
	s.keys("\r")
	s.wait("Software (6 of 6)", "[ ] Tools")
	s.keys(" ")
	s.wait("[x] Tools")
	s.keys("\r")
}

func (s *screenT) ask(session Session) <-chan config.Answers {
	got := make(chan config.Answers, 1)
	go func() {
		if a, err := s.ui.Ask(context.Background(), session); err == nil {
			got <- a
		}
	}()
	return got
}

func TestInstallByHand(t *testing.T) {
	for _, term := range []string{"linux", "vt220", "xterm-256color"} {
		t.Run(term, func(t *testing.T) {
			s := newScreen(t, term)
			got := s.ask(testSession(func(a config.Answers) Review {
				return Review{Lost: []string{a.Storage.Clear.Drives[0] + "  8.0 GiB"}, Text: "partition\nformat"}
			}))
			s.fill()
			s.wait("Confirm", "WILL BE ERASED", "/dev/vdb", "Go back", "Erase and install")
			s.keys("\r") // the safe button: back to the last page
			s.wait("Software (6 of 6)", "[x] Tools")
			s.keys("\r")
			s.wait("WILL BE ERASED")
			s.keys("\x1b[C\r")
			a := <-got
			checkAnswers(t, a)
		})
	}
}

func checkAnswers(t *testing.T, a config.Answers) {
	t.Helper()
	if got := a.Storage.Clear.Drives; len(got) != 1 || got[0] != "/dev/vdb" {
		t.Errorf("disks to clear: %v, want /dev/vdb alone", got)
	}
	if a.Hostname != "engine" || a.Users[0].Name != "ada" || a.Users[0].Gecos != "Ada L" {
		t.Errorf("host %q, users %+v", a.Hostname, a.Users)
	}
	if !a.Root.Set || a.Root.Hash != "$y$"+strings.Repeat("x", len("secret-root")) {
		t.Errorf("root: %+v", a.Root)
	}
	if len(a.Software.Groups) != 1 || a.Software.Groups[0] != "tools" {
		t.Errorf("groups: %v", a.Software.Groups)
	}
}

func TestProblemsCannotBeConfirmed(t *testing.T) {
	s := newScreen(t, "linux")
	got := s.ask(testSession(func(config.Answers) Review {
		return Review{Problems: []string{"/dev/vdb is too small"}}
	}))
	s.fill()
	s.wait("This can't be done", "/dev/vdb is too small", "Go back")
	s.keys("\x1b[C\r")
	s.wait("Software (6 of 6)")
	select {
	case a := <-got:
		t.Errorf("confirmed all the same: %+v", a)
	default:
	}
}

func TestPasswordsMustAgree(t *testing.T) {
	s := newScreen(t, "linux")
	s.ask(testSession(func(config.Answers) Review { return Review{} }))
	s.wait("Target disk (1 of 6)")
	s.keys("\r\r")
	s.wait("Root password (2 of 6)")
	s.keys("xyzzy\rplugh\r")
	text := s.wait("the two are not the same")
	if strings.Contains(text, "xyz") || strings.Contains(text, "plu") {
		t.Errorf("a password is on the screen:\n%s", text)
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
	emit(event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "mkfs", Title: "Make file systems", Weight: 1}, {ID: "fetch-2", Title: "Copy packages from disc 2", Weight: 3}}})
	emit(event.Event{Type: event.Start, Step: "mkfs"})
	s.wait(">>   Make file systems", "Whole installation")
	emit(event.Event{Type: event.Finish, Step: "mkfs", Switch: &event.SwitchInfo{Bytes: 50 << 20, SwitchMS: 15}})
	emit(event.Event{Type: event.Start, Step: "fetch-2"})
	s.wait("ok   Make file systems", "disc 1 is free")
	emit(event.Event{Type: event.NeedDisc, Step: "fetch-2", Discs: &event.DiscInfo{Wanted: 2, Drives: []string{"/dev/sr0"}}})
	s.wait("insert disc 2 into /dev/sr0")
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
			Choices: []Choice{{"retry", "Try again"}, {"abort", "Give up"}}})
		got <- key
	}()
	s.wait("Disc 2 can't be read", "> Try again", "Give up")
	s.keys("\x1b[B\r")
	if key := <-got; key != "abort" {
		t.Errorf("chose %q, want abort", key)
	}
}

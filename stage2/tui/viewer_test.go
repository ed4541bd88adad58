package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/event"
)

// eye is a pseudo terminal and somebody who looks at it.
type eye struct {
	t           *testing.T
	master, tty *os.File
	term        vt10x.Terminal
	mu          sync.Mutex
	raw         bytes.Buffer
	drawn       chan struct{}
	blind       sync.WaitGroup
}

func newEye(t *testing.T, width, height int) *eye {
	t.Helper()
	blocking, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
		t.Fatal(err)
	}
	e := &eye{t: t, master: closable(t, blocking), tty: tty, term: vt10x.New(vt10x.WithSize(width, height)), drawn: make(chan struct{}, 1)}
	t.Cleanup(func() { e.master.Close(); e.blind.Wait() }) // the tty is the UI's, which may not have ended
	return e
}

// closable is f as a file whose Close ends a Read: package pty leaves none of that kind.
func closable(t *testing.T, f *os.File) *os.File {
	t.Helper()
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), f.Name())
}

// look reads what is drawn.
func (e *eye) look() *eye {
	e.blind.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := e.master.Read(buf)
			if err != nil {
				return
			}
			e.mu.Lock()
			e.term.Write(buf[:n])
			e.raw.Write(buf[:n])
			e.mu.Unlock()
			signal(e.drawn)
		}
	})
	return e
}

func (e *eye) terminal(name string) Terminal {
	return Terminal{Name: name, In: e.tty, Out: e.tty, Environ: []string{"TERM=linux"}}
}

// see waits until the screen shows all of want.
func (e *eye) see(want ...string) {
	e.t.Helper()
	deadline := time.After(time.Minute)
	for {
		e.mu.Lock()
		text := e.term.String()
		e.mu.Unlock()
		missing := ""
		for _, w := range want {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-e.drawn:
		case <-deadline:
			e.t.Fatalf("no %q on the screen:\n%s", missing, text)
		}
	}
}

// get waits until seq has been sent.
func (e *eye) get(seq string) {
	e.t.Helper()
	deadline := time.After(time.Minute)
	for !strings.Contains(e.sent(), seq) {
		select {
		case <-e.drawn:
		case <-deadline:
			e.t.Fatalf("no %q was sent; the last was %q", seq, e.sent()[max(0, len(e.sent())-2000):])
		}
	}
}

func (e *eye) sent() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.raw.String()
}

func (e *eye) press(keys string) {
	e.t.Helper()
	if _, err := e.master.WriteString(keys); err != nil {
		e.t.Fatal(err)
	}
}

// newUI fails the test when the program makes a mistake.
func newUI(t *testing.T) *UI {
	ui := New("Debian 13", func(text string) { t.Error(text) })
	t.Cleanup(func() { ui.Close() })
	return ui
}

// attach lets somebody watch; the channel gives how that ended.
func attach(ui *UI, t Terminal) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- ui.Attach(context.Background(), t) }()
	return ended
}

func choice(ui *UI) <-chan string {
	got := make(chan string, 1)
	go func() {
		key, err := ui.Choose(context.Background(), Question{Title: "Failed", Text: "Disc 2 can't be read",
			Choices: []Choice{{Key: "retry", Label: "Try again"}, {Key: "abort", Label: "Give up"}}})
		if err == nil {
			got <- key
		}
	}()
	return got
}

const ctrlT = "\x14"

// TestTwoViewers: both see the same question, each at its size; the keys of one count.
func TestTwoViewers(t *testing.T) {
	ui := newUI(t)
	home := newEye(t, 80, 24).look()
	ui.Console(home.terminal(""))
	answer := choice(ui)
	home.see("Disc 2 can't be read", "Try again")
	away := newEye(t, 120, 40).look()
	attach(ui, away.terminal("192.0.2.7"))
	away.see("Disc 2 can't be read", "Watching what is done at the console", "Ctrl-T takes over")
	home.see("1 watches")
	away.press("\x1b[B" + ctrlT) // down: not yet
	home.see("Watching what 192.0.2.7 does")
	away.press("\r")
	if key := <-answer; key != "retry" {
		t.Errorf("the answer is %q: a key of one who watched has counted", key)
	}
}

// TestDriverGone: the question stays when the line of who drives is cut, and the
// console drives again.
func TestDriverGone(t *testing.T) {
	ui := newUI(t)
	home := newEye(t, 80, 24).look()
	ui.Console(home.terminal(""))
	answer := choice(ui)
	home.see("Try again")
	away, third := newEye(t, 100, 30).look(), newEye(t, 80, 24).look()
	attach(ui, third.terminal("192.0.2.8"))
	third.see("Watching")
	ended := attach(ui, away.terminal("192.0.2.7"))
	away.see("Try again")
	away.press(ctrlT)
	home.see("Watching what 192.0.2.7 does")
	away.master.Close()
	if err := <-ended; err == nil {
		t.Error("a line that was cut ends without an error")
	}
	home.see("1 watches")
	third.see("Watching what is done at the console")
	home.press("\r")
	if key := <-answer; key != "retry" {
		t.Errorf("the answer is %q", key)
	}
}

// TestFirstDrives: without a console the first who comes drives.
func TestFirstDrives(t *testing.T) {
	ui := newUI(t)
	answer := choice(ui)
	away := newEye(t, 100, 30).look()
	attach(ui, away.terminal("192.0.2.7"))
	away.see("Try again")
	away.press("\r")
	if key := <-answer; key != "retry" {
		t.Errorf("the answer is %q", key)
	}
}

// TestConsoleComesBack: a console hangs up and is there again, as another
// device of the same name; what happened meanwhile is shown, and its keys work.
func TestConsoleComesBack(t *testing.T) {
	ui := newUI(t)
	path := filepath.Join(t.TempDir(), "ttyS0")
	first := newEye(t, 80, 24).look()
	ui.keep(console{first.terminal(""), path})
	ui.Emit(event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "mkfs", Title: "Make file systems", Weight: 1}}})
	first.see("Make file systems")
	first.master.Close()
	answer := choice(ui)
	second := newEye(t, 100, 30).look()
	if err := os.Symlink(second.tty.Name(), path); err != nil {
		t.Fatal(err)
	}
	second.see("Disc 2 can't be read", "Try again")
	second.press("\r")
	if key := <-answer; key != "retry" {
		t.Errorf("the answer is %q", key)
	}
}

// TestConsoleGone: one that can't come back ends the questions, unless somebody else is there.
func TestConsoleGone(t *testing.T) {
	for _, watched := range []bool{false, true} {
		t.Run(fmt.Sprint(watched), func(t *testing.T) {
			ui := newUI(t)
			home, away := newEye(t, 80, 24).look(), newEye(t, 80, 24).look()
			ui.Console(home.terminal(""))
			failed := make(chan error, 1)
			go func() {
				_, err := ui.Choose(context.Background(), Question{Title: "Failed", Text: "Why", Choices: []Choice{{Key: "a", Label: "A"}}})
				failed <- err
			}()
			home.see("Why")
			if watched {
				attach(ui, away.terminal("192.0.2.7"))
				away.see("Watching")
				home.master.Close()
				away.see("Up/Down")
				away.press("\r")
				if err := <-failed; err != nil {
					t.Errorf("the one who is left can't answer: %v", err)
				}
				return
			}
			home.master.Close()
			if err := <-failed; !errors.Is(err, ErrQuit) || !strings.Contains(err.Error(), "input/output error") && !errors.Is(err, errHungUp) {
				t.Errorf("the end is told as %v", err)
			}
		})
	}
}

// TestStuckViewer: whose terminal takes no output stops neither the others nor
// the installation, and is given back all the same.
func TestStuckViewer(t *testing.T) {
	ui := newUI(t)
	stuck, home := newEye(t, 300, 100).look(), newEye(t, 80, 24).look()
	ui.Console(home.terminal(""))
	home.see("One moment")
	if err := unix.IoctlSetInt(int(stuck.tty.Fd()), unix.TCXONC, unix.TCOOFF); err != nil {
		t.Fatal(err)
	}
	before := modes(t, stuck.tty)
	freed := make(chan struct{})
	terminal := stuck.terminal("192.0.2.9")
	terminal.Free = func() { letGo(stuck.tty); close(freed) }
	ended := attach(ui, terminal)
	home.see("1 watches")
	for i := range 3000 {
		ui.Emit(event.Event{Type: event.Warning, Message: fmt.Sprintf("%d %s", i, strings.Repeat("x", 200))})
	}
	ui.Emit(event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "mkfs", Title: "Make file systems", Weight: 1}}})
	home.see("Make file systems")
	answer := choice(ui)
	home.see("Try again")
	home.press("\r")
	<-answer
	if err := ui.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	<-ended
	select {
	case <-freed:
	default:
		t.Error("the test is none: the terminal was never stuck")
	}
	if diff := cmp.Diff(before, modes(t, stuck.tty)); diff != "" {
		t.Errorf("the terminal before (-) and after (+):\n%s", diff)
	}
}

// TestGivenBack: after Close, and in a shell, the terminal is as it was.
func TestGivenBack(t *testing.T) {
	ui := newUI(t)
	home := newEye(t, 80, 24).look()
	before := modes(t, home.tty)
	in, out := make(chan struct{}), make(chan struct{})
	terminal := home.terminal("")
	terminal.Shell = func(ctx context.Context) error {
		close(in)
		select {
		case <-out:
		case <-ctx.Done():
		}
		return nil
	}
	ui.Console(terminal)
	home.see("One moment")
	if during := modes(t, home.tty); during.Lflag&unix.ICANON != 0 {
		t.Error("keys come by the line")
	}
	home.press("\x1a") // Ctrl-Z
	<-in
	if diff := cmp.Diff(before, modes(t, home.tty)); diff != "" {
		t.Errorf("the terminal in a shell, before (-) and now (+):\n%s", diff)
	}
	home.get(ansi.ResetModeAltScreenSaveCursor) // or the shell would be drawn over the screens
	ui.Emit(event.Event{Type: event.Plan, Steps: []event.StepInfo{{ID: "mkfs", Title: "Make file systems", Weight: 1}}})
	close(out)
	home.see("Make file systems")
	if err := ui.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, modes(t, home.tty)); diff != "" {
		t.Errorf("the terminal before (-) and after (+):\n%s", diff)
	}
}

// modes are those of a tty, but for what is behind the last of its control characters.
func modes(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// TestCtrlC asks where one can leave, and says so where one can't.
func TestCtrlC(t *testing.T) {
	m := newModel("Debian 13")
	left := make(chan struct{}, 1)
	press := func(keys ...tea.Key) string {
		for _, k := range keys {
			for cmd := m.update(tea.KeyPressMsg(k)); cmd != nil; {
				cmd = m.update(cmd())
			}
		}
		return ansi.Strip(m.frame(80, 24, standing{drives: true}))
	}
	ctrlC, esc, right, enter := tea.Key{Code: 'c', Mod: tea.ModCtrl}, tea.Key{Code: tea.KeyEscape}, tea.Key{Code: tea.KeyRight}, tea.Key{Code: tea.KeyEnter}
	if text := press(ctrlC); !strings.Contains(text, "Ctrl-C does nothing here") {
		t.Errorf("no word about Ctrl-C:\n%s", text)
	}
	if text := press(esc); strings.Contains(text, "Ctrl-C") {
		t.Errorf("the word about Ctrl-C stays:\n%s", text)
	}
	m.asking, m.current = &askMsg{left: left}, message{heading: "Page 3", text: "a page"}
	if text := press(ctrlC, ctrlC); !strings.Contains(text, "Leave the installer?") {
		t.Errorf("no question:\n%s", text)
	}
	for _, stay := range [][]tea.Key{{esc}, {ctrlC, enter}, {ctrlC, right, right, enter}} {
		if text := press(stay...); !strings.Contains(text, "a page") || len(left) > 0 {
			t.Errorf("after %v:\n%s", stay, text)
		}
	}
	press(ctrlC, right, enter)
	if len(left) != 1 {
		t.Error("the person can't leave")
	}
}

// TestEverySize draws a screen exactly as large as the terminal, whatever that is.
func TestEverySize(t *testing.T) {
	m := newModel("Debian 13")
	m.address = addressMsg{strings.Repeat("ssh root@192.0.2.1 ", 10), "SHA256:" + strings.Repeat("x", 43)}
	for _, size := range [][2]int{{0, 0}, {1, 1}, {39, 12}, {40, 11}, {40, 12}, {80, 24}, {132, 50}, {300, 100}} {
		for _, p := range []part{message{text: strings.Repeat("many words ", 5000), heading: "Welcome"}, m.work,
			&leave{words: m.words, styles: m.styles, under: m.work}} {
			m.current = p
			text := m.frame(size[0], size[1], standing{driver: strings.Repeat("long", 50), others: 3})
			lines := strings.Split(text, "\n")
			small := size[0] < leastWidth || size[1] < leastHeight
			if !small && len(lines) != size[1] {
				t.Errorf("%T at %v has %d lines", p, size, len(lines))
			}
			for i, line := range lines {
				if w := ansi.StringWidth(line); w > size[0] {
					t.Errorf("%T at %v: line %d is %d wide: %q", p, size, i, w, line)
				}
			}
		}
	}
}

// TestAnyTerminal: what TERM says, or doesn't, the screens can be read, and
// colours go only where they are known.
func TestAnyTerminal(t *testing.T) {
	for term, colors := range map[string]bool{"": false, "dumb": false, "nonsense": false, "vt100": false, "vt220": false, "linux": true, "xterm-256color": true} {
		t.Run(term, func(t *testing.T) {
			ui := newUI(t)
			home := newEye(t, 80, 24).look()
			terminal := home.terminal("")
			terminal.Environ = []string{"TERM=" + term}
			ui.Console(terminal)
			answer := choice(ui)
			ui.Emit(event.Event{Type: event.Failed, Err: "why"})
			home.see("Disc 2 can't be read", "Try again")
			home.press("\r")
			<-answer
			if sent := home.sent(); strings.Contains(sent, "\x1b[3") && !colors {
				t.Errorf("colours are sent: %q", sent)
			}
		})
	}
}

// TestNoise: bytes of all kinds, and a window that changes its size all the
// time, stop nothing.
func TestNoise(t *testing.T) {
	ui := newUI(t)
	home := newEye(t, 80, 24).look()
	sizes := make(chan Size)
	terminal := home.terminal("")
	terminal.Sizes = sizes
	ui.Console(terminal)
	home.see("One moment")
	var noise []byte
	for a := range 256 {
		noise = append(noise, byte(a), 0x1b, byte(a), 0x1b, '[', byte(a), 0xff, byte(255-a))
	}
	noise = append(noise, "\x1b[200~"+strings.Repeat("pasted\r\n\x00", 100)+"\x1b[201~"...)
	const parts = 20
	for i := range parts {
		home.press(string(noise[i*len(noise)/parts : (i+1)*len(noise)/parts]))
		sizes <- Size{i * 15, i * 5}
	}
	sizes <- Size{80, 24}
	home.press("\x1b[200~" + strings.Repeat("x", longestPaste+1) + "\x1b[201~")
	home.see("What was pasted is too long") // all that came before has been taken
	answer := choice(ui)
	home.press("\x0c")
	home.see("Disc 2 can't be read", "Try again")
	home.press("\r")
	<-answer
}

// TestHugePaste: what nobody wants to paste costs a word and no more.
func TestHugePaste(t *testing.T) {
	ui := newUI(t)
	home := newEye(t, 80, 24).look()
	ui.Console(home.terminal(""))
	answer := choice(ui)
	home.see("Try again")
	home.press("\x1b[200~" + strings.Repeat("x", longestPaste+1) + "\x1b[201~")
	home.see("What was pasted is too long")
	home.press("\r")
	<-answer
}

// broken is a part with mistakes.
type broken struct{ update_, draw bool }

func (b broken) update(tea.Msg) (part, tea.Cmd) {
	if b.update_ {
		panic("on purpose: update")
	}
	return b, func() tea.Msg { panic("on purpose: command") }
}

func (b broken) view(int, int) string {
	if b.draw {
		panic("on purpose: view")
	}
	return "broken"
}
func (broken) title() string { return "" }
func (broken) keys() string  { return "" }

// TestMistakes: a mistake in a screen is told, and the next question can be answered.
func TestMistakes(t *testing.T) {
	for _, b := range []broken{{update_: true}, {draw: true}, {}} {
		told := make(chan string, 1000)
		ui := New("Debian 13", func(text string) { told <- text })
		defer ui.Close()
		home := newEye(t, 80, 24).look()
		ui.Console(home.terminal(""))
		home.see("One moment")
		ui.hub.mu.Lock()
		ui.hub.model.current = b
		ui.hub.mu.Unlock()
		home.press("x")
		home.see("on purpose")
		if text := <-told; !strings.Contains(text, "viewer_test.go") {
			t.Errorf("not told where the mistake is: %s", text)
		}
		answer := choice(ui)
		home.see("Try again")
		home.press("\r")
		<-answer
	}
}

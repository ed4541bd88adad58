package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/molt-installer/molt/stage2/event"
)

// fakeLogs are two sticks, the second of them broken.
type fakeLogs struct {
	saved []string
	gone  error
}

func (l *fakeLogs) Places(context.Context) ([]Place, error) {
	if l.gone != nil {
		return nil, l.gone
	}
	return []Place{{"/dev/sdb1", "/dev/sdb1: vfat \"STICK\x1b[31m\", 7.5 GiB"}, {"/dev/sdc1", "/dev/sdc1: ext4, 1 GiB"}}, nil
}

func (l *fakeLogs) Save(_ context.Context, where string) (string, error) {
	l.saved = append(l.saved, where)
	if where == "/dev/sdc1" {
		return "", errors.New("mount /dev/sdc1: input/output error")
	}
	return "molt-logs.tar.gz on " + where, nil
}

// press gives a part keys, one after the other, and what comes of their commands.
func press(t *testing.T, p part, keys ...tea.Key) part {
	t.Helper()
	for _, key := range keys {
		var cmd tea.Cmd
		p, cmd = p.update(tea.KeyPressMsg(key))
		for cmd != nil {
			p, cmd = p.update(cmd())
		}
	}
	return p
}

func named(codes ...rune) []tea.Key {
	var keys []tea.Key
	for _, c := range codes {
		keys = append(keys, tea.Key{Code: c})
	}
	return keys
}

func typed(text string) []tea.Key {
	var keys []tea.Key
	for _, r := range text {
		keys = append(keys, tea.Key{Code: r, Text: string(r)})
	}
	return keys
}

const scratched = "disc 2 can't be read: clean it, or use another copy of it, and retry: copy packages of disc 2 from /medium: pool/main/v/vim/vim_9.1_amd64.deb: read: input/output error"

func failedQuestion(logs Logs) Question {
	return Question{Title: "Something went wrong", Failed: "Copy 80 packages (64 MiB) from disc 2", Text: scratched, Output: true, Logs: logs,
		Choices: []Choice{{Key: "retry", Label: "Try again", Hint: "do this step once more"}, {Key: "skip", Label: "Go on without it"}, {Key: "abort", Label: "End the installation"}}}
}

func newTestTrouble(q Question) (*trouble, chan string) {
	s := newStory()
	s.toDisc2()
	for i := range 30 {
		s.after(0, event.Event{Type: event.Log, Step: "fetch-2", Message: fmt.Sprintf("sr 0:0:0:0: [sr0] tag#%d Sense Key : Medium Error", i)})
	}
	reply := make(chan string, 1)
	return newTrouble(chooseMsg{question: q, reply: reply}, s.work).(*trouble), reply
}

func TestTroubleGoldens(t *testing.T) {
	p, _ := newTestTrouble(failedQuestion(&fakeLogs{}))
	checkView(t, "trouble", p)
	press(t, p, named(tea.KeyPgUp, tea.KeyDown, tea.KeyDown, tea.KeyDown)...)
	checkView(t, "trouble-scrolled", p)
	press(t, p, named(tea.KeyDown, tea.KeyEnter)...)
	checkView(t, "trouble-save", p)
	press(t, p, named(tea.KeyDown, tea.KeyDown, tea.KeyEnter)...)
	checkView(t, "trouble-url", p)

	end, _ := newTestTrouble(Question{Title: "The system is installed", Text: "Take the discs out before it starts.", Logs: &fakeLogs{},
		Choices: []Choice{{Key: "reboot", Label: "Restart"}, {Key: "poweroff", Label: "Switch off"}}})
	checkView(t, "trouble-end", end)
}

func TestTroubleAnswers(t *testing.T) {
	for want, keys := range map[string][]tea.Key{
		"retry": named(tea.KeyEnter), "skip": named(tea.KeyDown, tea.KeyEnter), "abort": named('j', 'j', tea.KeyPgDown, tea.KeyEnter),
	} {
		p, reply := newTestTrouble(failedQuestion(nil))
		next := press(t, p, keys...)
		if got := <-reply; got != want || next != part(p.work) {
			t.Errorf("got %q and %T, want %q and the progress", got, next, want)
		}
	}
}

// TestTroubleStays: what is done on the screen itself answers nothing.
func TestTroubleStays(t *testing.T) {
	logs := &fakeLogs{}
	p, reply := newTestTrouble(failedQuestion(logs))
	press(t, p, named(tea.KeyF2)...)
	if text := p.view(78, 20); !strings.Contains(text, "tag#29") || p.title() != "Log" {
		t.Errorf("F2 shows %s:\n%s", p.title(), text)
	}
	press(t, p, named(tea.KeyEsc, tea.KeyUp)...)
	if _, cmd := p.update(tea.KeyPressMsg(tea.Key{Code: tea.KeyEnter})); cmd == nil || cmd() != tea.Msg(shellMsg{}) {
		t.Error("the last item is not a shell")
	}
	see := func(want string) {
		t.Helper()
		if text := p.view(78, 20); !strings.Contains(text, want) {
			t.Errorf("no %q:\n%s", want, text)
		}
	}
	press(t, p, named(tea.KeyUp, tea.KeyEnter)...)
	see(`> /dev/sdb1: vfat "STICK", 7.5 GiB`)
	press(t, p, named(tea.KeyEnter)...)
	see("Saved: molt-logs.tar.gz on /dev/sdb1")
	press(t, p, named(tea.KeyDown, tea.KeyEnter)...)
	see("could not be saved: mount /dev/sdc1: input/output error")
	press(t, p, append(append(named(tea.KeyDown, tea.KeyEnter), typed("h/up")...), named(tea.KeyBackspace, tea.KeyEnter)...)...)
	see("Saved: molt-logs.tar.gz on http://h/u")
	logs.gone = errors.New("lsblk can't be run")
	press(t, p, named(tea.KeyDown, tea.KeyEnter)...)
	see("lsblk can't be run")
	press(t, p, named(tea.KeyEsc)...)
	if p.saving != nil || len(reply) > 0 || len(logs.saved) != 3 {
		t.Errorf("saving %v, %d answers, saved %q", p.saving, len(reply), logs.saved)
	}
}

// TestSavingIsStopped: Esc stops a save that hangs, which is told when it has ended and not before.
func TestSavingIsStopped(t *testing.T) {
	p, _ := newTestTrouble(failedQuestion(slowLogs{}))
	_, cmd := p.save()
	p.update(placesMsg{round: p.saving.round})
	cmd = p.saving.save("/dev/sdb1")
	press(t, p, append(named(tea.KeyEnter), typed("qx")...)...) // nothing can be chosen meanwhile
	press(t, p, named(tea.KeyEsc)...)
	if text := p.view(78, 20); strings.Contains(text, "Stopped.") || !strings.Contains(text, "Stopping ...") {
		t.Errorf("before it has ended it shows:\n%s", text)
	}
	press(t, p, named(tea.KeyEsc, tea.KeyEnter)...) // nothing new before that
	p.update(cmd())                                 // would hang if it had not been called off
	if text := p.view(78, 20); !strings.Contains(text, "Stopped.") || strings.Contains(text, "could not") {
		t.Errorf("it shows:\n%s", text)
	}
}

type slowLogs struct{}

func (slowLogs) Places(context.Context) ([]Place, error) { return nil, nil }
func (slowLogs) Save(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// TestTroubleFits: any text, on any size, and what counts is seen on the smallest.
func TestTroubleFits(t *testing.T) {
	for _, text := range nasty() {
		p, _ := newTestTrouble(Question{Title: text, Failed: text, Text: text, Output: true, Logs: &fakeLogs{},
			Choices: []Choice{{Key: "a", Label: "Try again", Hint: "once more"}}})
		for _, width := range []int{38, 78, 298} {
			for _, height := range []int{8, 20, 96} {
				p.resize(width, height)
				checkFits(t, p, width, height)
				press(t, p, named(tea.KeyPgDown, tea.KeyDown)...)
				checkFits(t, p, width, height)
			}
		}
		press(t, p, named(tea.KeyUp)...)
		p.saving = newSaving(&fakeLogs{gone: errors.New(text)}, p.work)
		p.update(p.saving.look()())
		checkFits(t, p, 38, 8)
		p.saving.ask()
		checkFits(t, p, 38, 8)
	}
	p, _ := newTestTrouble(failedQuestion(&fakeLogs{}))
	if text := p.view(38, 8); !strings.Contains(text, "This failed") || !strings.Contains(text, "> Try again") {
		t.Errorf("on 40×12 there is:\n%s", text)
	}
}

// TestShellKey: a shell on the terminal from any screen, and the screen again after it.
func TestShellKey(t *testing.T) {
	s := newScreen(t, "vt220")
	s.ui.Emit(event.Event{Type: event.Plan, Time: time.Unix(1, 0), Steps: []event.StepInfo{{ID: "a", Title: "Make file systems", Weight: 1}}})
	s.ui.Emit(event.Event{Type: event.Start, Step: "a", Time: time.Unix(1, 0)})
	s.wait(">>   Make file systems")
	for _, key := range []string{"\x1bOR", "\x1a"} { // F3 and Ctrl-Z
		s.keys(key)
		s.wait("exit")
		s.keys("expr 6 '*' 7; echo on $TERM\r")
		s.wait("\n42", "\non vt220")
		s.keys("exit\r")
		s.wait(">>   Make file systems", "Whole installation")
	}
}

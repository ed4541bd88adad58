package tui

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
)

// someKeys are all keys that mean something anywhere, and some that don't.
func someKeys() []string {
	return strings.Fields("<enter> <enter> <tab> <tab> <back> <esc> <up> <down> <down> <left> <right> <pgup> <pgdn> <home> <end> <f1> <bs> <ctrl-u> <ctrl-n> a d e u n y x / ? + 1 9 ä 語 vda root sda1 8G")
}

// play types a key for each byte, on all pages of a machine.
func play(t *testing.T, name string, keys []byte) {
	s := testState(recorded(t, name), config.Answers{})
	a := newAsking(t, s)
	for i, k := range keys {
		if _, leaving := a.part.(*leave); leaving {
			a.keys("<esc>")
		}
		if a.part != part(a.ask) { // confirmed
			return
		}
		if all := someKeys(); int(k) < 3*len(all) {
			a.keys(all[int(k)%len(all)])
		} else {
			a.later = append(a.later, a.ask.enter(int(k)%(len(a.ask.pages)+1)))
			a.run()
		}
		if i%8 == 0 {
			a.fits(78, 20)
			a.fits(38, 8)
		}
	}
	if _, err := s.Answers(); err != nil {
		t.Logf("no answers: %v", err) // a page that isn't filled in
	}
	s.Summary()
}

// FuzzKeys: no keys on any machine end in a panic, or in a screen that doesn't fit.
func FuzzKeys(f *testing.F) {
	machines, err := filepath.Glob("../../examples/machines/*.json")
	if err != nil || len(machines) == 0 {
		f.Fatal("no machines", err)
	}
	for i, m := range machines {
		walk := make([]byte, 400) // a walk that is always the same, and another one for each machine
		for n, x := 0, uint32(i+1); n < len(walk); n++ {
			x = x*1664525 + 1013904223
			walk[n] = byte(x >> 24)
		}
		f.Add(strings.TrimSuffix(filepath.Base(m), ".json"), walk)
	}
	f.Fuzz(func(t *testing.T, name string, keys []byte) {
		if len(keys) > 2000 || !strings.Contains(strings.Join(machines, " "), "/"+name+".json") || strings.ContainsAny(name, "/ .") {
			t.Skip("no such machine")
		}
		play(t, name, keys)
	})
}

// onward goes from page to page until the summary, and says which pages there were.
func (a *asking) onward() (seen []string) {
	for range 30 {
		f := a.ask.form()
		if f == nil {
			return seen
		}
		seen = append(seen, f.page.ID)
		a.fill()
		a.keys("<ctrl-n>")
		if g := a.ask.form(); g == f {
			a.t.Fatalf("page %s isn't left:\n%s", f.page.ID, a.shown(100, 50))
		}
	}
	a.t.Fatal("no end of pages", seen)
	return nil
}

// TestForthAndBack: over all pages, back to the first and forward again, nothing of what
// was typed is lost.
func TestForthAndBack(t *testing.T) {
	s := testState(testFacts(), config.Answers{})
	a := newAsking(t, s)
	a.until("hostname")
	a.keys("<ctrl-u>", "owl")
	if a.keys("<enter>"); a.ask.form() != nil {
		t.Fatalf("no summary after the last page:\n%s", a.shown(80, 24))
	}
	before, err := s.Answers()
	if err != nil {
		t.Fatal(err)
	}
	back := 0
	for ; a.ask.form() == nil || a.ask.form().page.ID != "language"; back++ {
		if a.keys("<esc>"); back > 30 {
			t.Fatal("Esc doesn't go back to the first page")
		}
	}
	again := a.onward()
	after, err := s.Answers()
	if diff := cmp.Diff(before, after); err != nil || diff != "" || before.Hostname != "owl" {
		t.Errorf("host %s, %v, %s", before.Hostname, err, diff)
	}
	if len(again) != back {
		t.Errorf("%d pages back, and forward %v", back, again)
	}
}

// fill answers what a page can't be left without.
func (a *asking) fill() {
	f := a.ask.form()
	if f.page.ID != "destination" {
		return
	}
	if l, ok := f.widgets[f.following(f.at, 1)].(*list); ok && l.many && len(l.marked) == 0 {
		a.keys("<tab>", "<down>", " ") // the second disk
	}
}

// until goes on to a page.
func (a *asking) until(id string) {
	a.t.Helper()
	for range 30 {
		if f := a.ask.form(); f == nil || f.page.ID == id {
			break
		}
		a.fill()
		a.keys("<ctrl-n>")
	}
	if f := a.ask.form(); f == nil || f.page.ID != id {
		a.t.Fatalf("page %s doesn't come:\n%s", id, a.shown(80, 50))
	}
}

// complete is what a kickstart says that leaves nothing open.
func complete() config.Answers {
	return config.Answers{
		Language: "C.UTF-8", Keyboard: config.Keyboard{Layout: "us"}, Timezone: config.Timezone{Zone: "Etc/UTC", UTC: true},
		Network: []config.Network{{Device: "link", Method: "dhcp", OnBoot: true}}, Root: config.Login{Hash: "$y$x", Set: true},
		Software: config.Software{Groups: []string{"tools"}}, Hostname: "fox",
		Storage: config.Storage{Clear: config.Clear{Mode: "all", Drives: []string{"/dev/vdb"}}, Auto: &config.Autopart{Type: "plain"}},
	}
}

// TestOnlyTheRestIsAsked: what a kickstart says isn't asked again, and can be
// changed from the summary.
func TestOnlyTheRestIsAsked(t *testing.T) {
	given := complete()
	given.Hostname = ""
	a := newAsking(t, testState(testFacts(), given))
	if text := a.shown(80, 24); !strings.Contains(text, "Host name (1 of 1)") {
		t.Fatal(text)
	}
	a.keys("<ctrl-u>", "owl", "<enter>")
	if text := a.shown(80, 24); a.ask.form() != nil || !strings.Contains(text, "owl") || !strings.Contains(text, "Install ...") {
		t.Fatalf("no summary:\n%s", text)
	}
	a.keys("<home>", "<enter>")
	if id := a.ask.form().page.ID; id != "language" {
		t.Fatalf("the first line of the summary is of %s", id)
	}
	a.to("")
	a.keys("<enter>")
	if a.ask.form() != nil {
		t.Error("a page that was entered from the summary doesn't go back to it")
	}
}

// TestSummary: what is lost is named before it is, and the button of Enter does no harm.
func TestSummary(t *testing.T) {
	f := testFacts()
	var all []string
	a := newAsking(t, testState(f, complete()))
	see := func() {
		all = append(all, trimmed(a.shown(80, 24)))
		a.fits(38, 8)
	}
	first := a.shown(80, 24)
	for _, want := range []string{"Language", "Root and users", "Destination", "/dev/vdb", "WILL BE ERASED", "partition", "> [ Install ... ]"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in the summary:\n%s", want, first)
		}
	}
	a.keys("<enter>")
	see()
	a.keys("<enter>") // goes back
	a.keys("<f1>")
	see()
	a.keys("x", "<enter>", "<right>")
	see()
	select {
	case <-a.reply:
		t.Fatal("installed without being asked to")
	default:
	}
	a.keys("<enter>")
	select {
	case got := <-a.reply:
		if got.Hostname != "fox" {
			t.Error(got.Hostname)
		}
	default:
		t.Error("not confirmed")
	}
	golden.Check(t, "testdata/summary.txt", strings.Join(all, "\n"+strings.Repeat("=", 80)+"\n"))
}

// TestPictures: the pictures of a disk are whole on 80 columns, and one below the other.
func TestPictures(t *testing.T) {
	f, long := testFacts(), strings.Repeat("=", 66)
	f.Review = func(context.Context, config.Answers) (dialog.Review, error) {
		return dialog.Review{Text: "Then on the disk:\n  /dev/vda\n    now   |" + long + "|\n    then  |1 /" + long[3:] + "|"}, nil
	}
	a := newAsking(t, testState(f, complete()))
	if text := a.shown(80, 40); strings.Count(text, long[3:]+"|") != 2 {
		t.Error(text)
	}
	a.fits(38, 8)
}

// TestNotSound: what can't be done, or lacks something, can't be confirmed.
func TestNotSound(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		change     func(*config.Answers, *dialog.Facts)
	}{
		{"problem", "/dev/vdb is too small", func(_ *config.Answers, f *dialog.Facts) {
			f.Review = func(context.Context, config.Answers) (dialog.Review, error) {
				return dialog.Review{Problems: []string{"/dev/vdb is too small"}}, nil
			}
		}},
		{"error", "apt: no such package", func(_ *config.Answers, f *dialog.Facts) {
			f.Review = func(context.Context, config.Answers) (dialog.Review, error) {
				return dialog.Review{}, fmt.Errorf("apt: no such package")
			}
		}},
		{"passphrase", "no passphrase is set", func(a *config.Answers, _ *dialog.Facts) {
			a.Storage.Auto.LUKS = &config.LUKS{}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, given := testFacts(), complete()
			tt.change(&given, &f)
			a := newAsking(t, testState(f, given))
			if text := a.shown(100, 40); !strings.Contains(text, tt.says) || strings.Contains(text, "Install ...") {
				t.Error(text)
			}
			a.keys("<end>", "<enter>", "<right>", "<enter>", "<tab>", "<enter>")
			select {
			case <-a.reply:
				t.Error("confirmed all the same")
			default:
			}
		})
	}
}

// TestLateReview: who goes back while a plan is worked out, and changes something, isn't
// shown the plan for what was before.
func TestLateReview(t *testing.T) {
	f := testFacts()
	var seen context.Context
	f.Review = func(ctx context.Context, _ config.Answers) (dialog.Review, error) {
		seen = ctx
		return dialog.Review{Text: "plan of before"}, nil
	}
	a := newAsking(t, testState(f, complete()))
	first := a.ask.sum
	late := first.judge(first.answers)
	a.keys("<home>", "<enter>")
	msg := late()
	if seen.Err() == nil {
		t.Error("going back doesn't end the work")
	}
	f.Review = nil
	a.later = append(a.later, a.ask.enter(len(a.ask.pages)))
	hash := a.later[0]().(errandMsg)
	a.later = nil
	a.send(hash)
	a.send(msg)
	if a.ask.sum == first || a.ask.sum.got != nil {
		t.Error("the plan of the answers before is shown")
	}
	a.run()
	if !a.ask.sum.sound() {
		t.Error("its own plan isn't shown")
	}
}

// TestHelp: every page has some, and any key closes it.
func TestHelp(t *testing.T) {
	a := newAsking(t, testState(testFacts(), config.Answers{}))
	for i, p := range dialog.Pages() {
		a.later = append(a.later, a.ask.enter(i))
		a.keys("<f1>")
		if text := a.shown(80, 40); a.ask.over == nil || p.Help == "" || !strings.Contains(text, strings.Fields(p.Help)[0]) {
			t.Errorf("%s: %s", p.ID, text)
		}
		a.keys("<down>", "<pgdn>", "<pgup>")
		a.fits(38, 8)
		if a.keys("q"); a.ask.over != nil {
			t.Errorf("%s: the help stays", p.ID)
		}
	}
}

// TestLeaving: Esc on the first page asks first.
func TestLeaving(t *testing.T) {
	a := newAsking(t, testState(testFacts(), config.Answers{}))
	a.keys("<esc>")
	if text := a.shown(80, 24); !strings.Contains(text, "Leave") {
		t.Fatal(text)
	}
	a.keys("<enter>")
	if a.part != part(a.ask) {
		t.Error("left by Enter alone")
	}
}

// TestResizes: sizes that come while somebody types lose nothing.
func TestResizes(t *testing.T) {
	given := complete()
	given.Hostname = ""
	s := testState(testFacts(), given)
	reply := make(chan config.Answers, 1)
	m := newModel("Debian 13")
	m.update(askMsg{ctx: t.Context(), state: s, reply: reply, left: make(chan struct{}, 1)})
	m.update(pressed("<ctrl-u>")[0])
	for i, letter := range pressed("a-long-name") {
		m.update(tea.WindowSizeMsg{Width: 40 + i*26, Height: 12 + i*8})
		m.update(letter)
		m.frame(m.width, m.height, standing{drives: true})
	}
	answers, err := s.Answers()
	if err != nil || answers.Hostname != "a-long-name" {
		t.Errorf("%q, %v", answers.Hostname, err)
	}
}

// fill answers every page up to the summary.
func (s *screenT) fill() {
	for _, page := range []string{"Language (1 of 8)", "Keyboard (2 of 8)", "Time zone (3 of 8)", "Network (4 of 8)", "Software (5 of 8)"} {
		s.wait(page)
		if strings.HasPrefix(page, "Software") {
			s.keys(" ")
		}
		s.keys("\x0e")
	}
	s.wait("Destination (6 of 8)", "vdb")
	s.keys("\t\x1b[B \x0e")
	s.wait("Root and users (7 of 8)")
	s.keys("\rAda L\rada\r\rsecret-ada\rsecret-ada\r\r") // a user
	s.wait("Root and users (7 of 8)", "Ada L")
	s.keys("\t\x1b[B\rsecret-root\rsecret-root\r\r")
	s.wait("Host name (8 of 8)")
	s.keys("\x15engine\r") // Ctrl-U empties the line
}

// TestInstallByHand walks by keys over all pages on terminals of several kinds.
func TestInstallByHand(t *testing.T) {
	for _, term := range []string{"linux", "vt220", "vt100", "xterm-256color", "no-such-terminal"} {
		t.Run(term, func(t *testing.T) {
			s := newScreen(t, term)
			got := make(chan config.Answers, 1)
			go func() {
				if a, err := s.ui.Ask(context.Background(), testState(testFacts(), config.Answers{})); err == nil {
					got <- a
				}
			}()
			s.fill()
			s.wait("Summary", "WILL BE ERASED", "Install ...")
			s.keys("\x1bOP") // F1
			s.wait("Keys:")
			s.keys("x\r")
			s.wait("WILL BE ERASED", "> [ Go back ]", "Erase and install")
			s.keys("\r") // the safe button
			s.wait("> [ Install ... ]")
			s.keys("\r")
			s.wait("Erase and install")
			s.keys("\x1b[C\r")
			checkAnswers(t, <-got)
		})
	}
}

func checkAnswers(t *testing.T, a config.Answers) {
	t.Helper()
	if got := a.Storage.Clear.Drives; len(got) != 1 || !strings.Contains(got[0], "vdb") {
		t.Errorf("disks to clear: %v, want /dev/vdb alone", got)
	}
	if a.Hostname != "engine" || len(a.Users) != 1 || a.Users[0].Name != "ada" || a.Users[0].Gecos != "Ada L" {
		t.Errorf("host %q, users %+v", a.Hostname, a.Users)
	}
	if !a.Root.Set || a.Root.Hash != "$y$"+strings.Repeat("x", len("secret-root")) {
		t.Errorf("root: %+v", a.Root)
	}
	if len(a.Software.Groups) != 1 || a.Software.Groups[0] != "tools" {
		t.Errorf("groups: %v", a.Software.Groups)
	}
}

// TestPasswordsMustAgree, and none of them is shown.
func TestPasswordsMustAgree(t *testing.T) {
	s := testState(testFacts(), config.Answers{})
	a := newAsking(t, s)
	a.until("accounts")
	a.keys("<enter>", "Ada", "<enter>", "ada", "<enter>", "<enter>", "xyzzy", "<enter>", "plugh", "<enter>", "<ctrl-n>")
	text := a.shown(80, 24)
	if !strings.Contains(text, "not the same") || strings.Contains(text, "xyz") || strings.Contains(text, "plu") {
		t.Error(text)
	}
}

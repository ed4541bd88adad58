package tui

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/regional"
	"github.com/molt-installer/molt/stage2/words"
)

// testFacts are those of a machine with two disks.
func testFacts() dialog.Facts {
	disks := []machine.Disk{
		{Path: "/dev/vda", Size: 20 << 30, Transport: "virtio", Parts: []machine.Part{{FSType: "ntfs", Label: "Windows", Size: 20 << 30}}},
		{Path: "/dev/vdb", Size: 8 << 30, Transport: "virtio"},
	}
	return dialog.Facts{
		Product: "Debian 13",
		Disks:   disks,
		Machine: machine.Machine{Firmware: machine.BIOS, Disks: disks},
		Refused: map[string]string{"/dev/sdc": "mounted on /molt/medium"},
		Catalog: &media.Catalog{Groups: []media.Group{
			{ID: "tools", Title: "Tools", Description: "command-line tools", Count: 20, Size: 30 << 20, Discs: []int{2}},
		}},
		Regions: &regional.Lists{Zones: []regional.Zone{{Name: "Etc/UTC"}, {Name: "Europe/Berlin"}, {Name: "Europe/Paris"}}},
		Hash:    func(p string) (string, error) { return "$y$" + strings.Repeat("x", len(p)), nil },
		Review: func(_ context.Context, a config.Answers) (dialog.Review, error) {
			return dialog.Review{Lost: []string{"/dev/vdb  8.0 GiB"}, Text: "partition\nformat"}, nil
		},
	}
}

// recorded are the facts of a machine of examples/machines.
func recorded(t *testing.T, name string) dialog.Facts {
	t.Helper()
	data, err := os.ReadFile("../../examples/machines/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	f := testFacts()
	f.Machine = machine.Machine{}
	if err := json.Unmarshal(data, &f.Machine); err != nil {
		t.Fatal(err)
	}
	f.Disks, f.Refused = f.Machine.Disks, nil
	return f
}

func testState(f dialog.Facts, given config.Answers) *dialog.State {
	return dialog.New(f, given, words.Open(words.English))
}

// asking is an ask without a program around it.
type asking struct {
	t     *testing.T
	part  part
	ask   *ask
	reply chan config.Answers
	later []tea.Cmd // commands that nobody has run yet
}

func newAsking(t *testing.T, s *dialog.State) *asking {
	t.Helper()
	reply := make(chan config.Answers, 1)
	p, cmd := newAsk(askMsg{ctx: t.Context(), state: s, reply: reply, left: make(chan struct{}, 1)}, newStyles())
	a := &asking{t: t, part: p, ask: p.(*ask), reply: reply, later: []tea.Cmd{cmd}}
	a.run()
	return a
}

// send passes a message on, and leaves what it starts for later.
func (a *asking) send(msg tea.Msg) {
	var cmd tea.Cmd
	a.part, cmd = a.part.update(msg)
	a.later = append(a.later, cmd)
}

// run does what was left for later, to the end.
func (a *asking) run() {
	for len(a.later) > 0 {
		cmd := a.later[0]
		a.later = a.later[1:]
		if cmd == nil {
			continue
		}
		switch msg := cmd().(type) {
		case tea.BatchMsg:
			a.later = append(a.later, msg...)
		case nil:
		default:
			a.send(msg)
		}
	}
}

// keys types all of keys, each before what the one before it started has come back.
func (a *asking) keys(keys ...string) {
	for _, k := range keys {
		for _, msg := range pressed(k) {
			a.send(msg)
		}
	}
	a.run()
}

// pressed are the keys of "<tab>" or of what is typed.
func pressed(s string) []tea.Msg {
	codes := map[string]tea.KeyPressMsg{
		"<enter>": {Code: tea.KeyEnter}, "<tab>": {Code: tea.KeyTab}, "<back>": {Code: tea.KeyTab, Mod: tea.ModShift}, "<esc>": {Code: tea.KeyEscape},
		"<up>": {Code: tea.KeyUp}, "<down>": {Code: tea.KeyDown}, "<left>": {Code: tea.KeyLeft}, "<right>": {Code: tea.KeyRight},
		"<pgup>": {Code: tea.KeyPgUp}, "<pgdn>": {Code: tea.KeyPgDown}, "<home>": {Code: tea.KeyHome}, "<end>": {Code: tea.KeyEnd},
		"<f1>": {Code: tea.KeyF1}, "<bs>": {Code: tea.KeyBackspace}, "<ctrl-u>": {Code: 'u', Mod: tea.ModCtrl}, "<ctrl-c>": {Code: 'c', Mod: tea.ModCtrl},
		"<ctrl-n>": {Code: 'n', Mod: tea.ModCtrl},
		" ":        {Code: tea.KeySpace, Text: " "},
	}
	if k, ok := codes[s]; ok {
		return []tea.Msg{k}
	}
	var all []tea.Msg
	for _, r := range s {
		if r == ' ' {
			all = append(all, codes[" "])
			continue
		}
		all = append(all, tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	return all
}

// shown is the whole screen in a size, without colours.
func (a *asking) shown(width, height int) string {
	m := newModel("Debian 13")
	m.current = a.part
	return ansi.Strip(m.frame(width, height, standing{drives: true}))
}

// TestShowPages prints all pages with -show.
func TestShowPages(t *testing.T) {
	a := newAsking(t, testState(testFacts(), config.Answers{}))
	for i, p := range dialog.Pages() {
		a.ask.enter(i)
		text := a.shown(80, 24)
		if !strings.Contains(text, p.Title) {
			t.Errorf("page %s doesn't say what it is:\n%s", p.ID, text)
		}
		if *show {
			t.Logf("%s\n%s", p.ID, text)
		}
	}
	a.later = append(a.later, a.ask.enter(len(dialog.Pages())))
	if a.run(); *show {
		t.Logf("summary\n%s", a.shown(80, 24))
	}
}

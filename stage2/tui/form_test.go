package tui

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
)

// sheet is a page with a field of every kind, and what is typed into it.
type sheet struct {
	name, secret, disk string
	marks              []string
	yes                bool
	rows               []string
	pressed            int
	leave              func(context.Context, *dialog.State) error
	do                 dialog.Action
}

func newSheet() *sheet { return &sheet{name: "fox", disk: "b", rows: []string{"vda", "vdb"}} }

func (s *sheet) page() dialog.Page {
	return dialog.Page{ID: "sheet", Title: "A sheet", Help: "What it is for.\n\nHow it is filled in.", Leave: s.leave, Fields: s.fields}
}

func (s *sheet) fields(*dialog.State) []dialog.Field {
	notX := func(v string) error {
		if strings.Contains(v, "x") && v != "fox" {
			return errors.New("no x, please")
		}
		return nil
	}
	f := []dialog.Field{
		dialog.Note{Text: "Some words before all the questions, which are so long that they don't fit into one line of a screen."},
		dialog.Text{Key: "name", Label: "Name", Hint: "Any name.", Value: &s.name, Check: notX},
		dialog.Text{Key: "secret", Label: "Password", Secret: true, Value: &s.secret, Remark: func(v string) string { return fmt.Sprintf("%d letters", len(v)) }},
		dialog.Choice{Key: "disk", Label: "Disk", Value: &s.disk, Options: []dialog.Option{{Value: "a", Label: "first"}, {Value: "b", Label: "second", Hint: "the one behind it"}}},
		dialog.Marks{Key: "marks", Label: "Groups", Values: &s.marks, Options: []dialog.Option{{Value: "g", Label: "games"}, {Value: "t", Label: "tools"}}},
		dialog.Yes{Key: "yes", Label: "With a bell", Value: &s.yes},
	}
	if s.yes {
		f = append(f, dialog.Note{Text: "The bell is loud.", Bad: true})
	}
	return append(f, s.table(), dialog.Button{Key: "go", Label: "Try it", Do: func(ctx context.Context) (*dialog.Page, error) {
		s.pressed++
		if s.do == nil {
			return nil, nil
		}
		return s.do(ctx)
	}})
}

func (s *sheet) table() dialog.Field {
	t := dialog.Table{Key: "table", Label: "Devices", Head: []string{"Device", "Size"}, Actions: []dialog.RowAction{
		{Key: "e", Label: "change", Do: func(_ context.Context, row string) (*dialog.Page, error) {
			return &dialog.Page{Title: "Change " + row, Fields: func(*dialog.State) []dialog.Field {
				return []dialog.Field{dialog.Text{Key: "name", Label: "Name", Value: &s.name}}
			}}, nil
		}},
		{Key: "d", Label: "delete", Do: func(_ context.Context, row string) (*dialog.Page, error) {
			s.rows = slices.DeleteFunc(s.rows, func(r string) bool { return r == row })
			return nil, nil
		}},
		{Key: "a", Label: "add", Whole: true, Do: func(context.Context, string) (*dialog.Page, error) {
			s.rows = append(s.rows, fmt.Sprintf("new%d", len(s.rows)))
			return nil, nil
		}},
	}}
	for _, r := range s.rows {
		t.Rows = append(t.Rows, dialog.Row{Key: r, Cells: []string{"/dev/" + r, "8 GiB"}})
	}
	if len(s.rows) > 1 {
		t.Rows[1].Bad = "it is too small"
	}
	return t
}

// onSheet is an ask that shows s above its first page.
func onSheet(t *testing.T, s *sheet) *asking {
	a := newAsking(t, testState(testFacts(), config.Answers{}))
	a.ask.stack = append(a.ask.stack, newForm(a.ask.state, s.page(), true))
	return a
}

func (a *asking) focus() string { return a.ask.form().focused().key() }

// TestFormScreens: every kind of field, with and without the keys, in three sizes.
func TestFormScreens(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {100, 30}, {40, 12}} {
		a := onSheet(t, newSheet())
		var all []string
		for _, keys := range [][]string{{"<ctrl-u>ax"}, {"<bs><enter>", "abc"}, {"<enter>"}, {"<up><enter><down>", " "}, {"<enter>", " "}, {"<tab><down>"}, {"<tab>"}, {"<tab>"}} {
			for _, k := range keys {
				for _, part := range strings.SplitAfter(strings.ReplaceAll(k, "<", "\x00<"), ">") {
					for _, p := range strings.Split(part, "\x00") {
						if p != "" {
							a.keys(p)
						}
					}
				}
			}
			all = append(all, trimmed(a.shown(size[0], size[1])))
		}
		golden.Check(t, filepath.Join("testdata", fmt.Sprintf("form-%dx%d.txt", size[0], size[1])), strings.Join(all, "\n"+strings.Repeat("=", size[0])+"\n"))
	}
}

func trimmed(screen string) string {
	lines := strings.Split(screen, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestTwoKeysInOneRead: what comes at once goes where it would have gone one by one.
func TestTwoKeysInOneRead(t *testing.T) {
	s := newSheet()
	a := onSheet(t, s)
	a.keys("<ctrl-u>")
	a.keys("owl", "<enter>", "hush", "<enter>", "<up>", "<enter>", "<down>", " ", "<enter>", " ")
	want := sheet{name: "owl", secret: "hush", disk: "a", marks: []string{"t"}, yes: true}
	got := sheet{name: s.name, secret: s.secret, disk: s.disk, marks: s.marks, yes: s.yes}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sheet{}), cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".leave" || p.Last().String() == ".do"
	}, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
}

// TestTypedAhead: while something is at work, keys wait for what comes after it; when it
// fails they are for nobody.
func TestTypedAhead(t *testing.T) {
	s, fail := newSheet(), errors.New("no link on eth0")
	s.do = func(context.Context) (*dialog.Page, error) {
		p := (&sheet{}).page()
		p.Fields = func(*dialog.State) []dialog.Field {
			return []dialog.Field{dialog.Text{Key: "inner", Label: "Inner", Value: &s.secret}}
		}
		return &p, fail
	}
	a := onSheet(t, s)
	a.to("go")
	a.keys("<enter>", "abc")
	if s.secret != "" || a.focus() != "go" {
		t.Errorf("typed for a page that didn't come: %q, at %q", s.secret, a.focus())
	}
	if text := a.shown(80, 40); !strings.Contains(text, "no link on eth0") {
		t.Errorf("the error isn't shown:\n%s", text)
	}
	fail = nil
	a.keys("<enter>", "abc", "<enter>", "<back>", "<end>")
	if s.secret != "abc" || a.focus() != "table" {
		t.Errorf("typed ahead %q, then at %q", s.secret, a.focus())
	}
}

// to gives the keys to a field.
func (a *asking) to(key string) {
	a.t.Helper()
	f := a.ask.form()
	i := slices.IndexFunc(f.widgets, func(w widget) bool { return w.stops() && w.key() == key })
	if i < 0 {
		a.t.Fatalf("no field %q on this page", key)
	}
	f.goTo(i)
}

// TestStopped: Esc ends what is at work; keys before it are dropped.
func TestStopped(t *testing.T) {
	s := newSheet()
	s.do = func(ctx context.Context) (*dialog.Page, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	a := onSheet(t, s)
	a.to("go")
	for _, msg := range slices.Concat(pressed("<enter>"), pressed("x")) {
		a.send(msg)
	}
	if text := a.shown(80, 24); !strings.Contains(text, "Esc stops it") {
		t.Errorf("nothing says that it waits:\n%s", text)
	}
	a.keys("<esc>")
	if text := a.shown(80, 40); !strings.Contains(text, "! Stopped.") || a.focus() != "go" {
		t.Errorf("after Esc:\n%s", text)
	}
}

// TestLongError: all of a long error can be read, on the smallest screen too.
func TestLongError(t *testing.T) {
	s := newSheet()
	var lines []string
	for i := range 60 {
		lines = append(lines, fmt.Sprintf("line-%d of what apt said, which was not little", i))
	}
	s.do = func(context.Context) (*dialog.Page, error) { return nil, errors.New(strings.Join(lines, "\n")) }
	a := onSheet(t, s)
	a.to("go")
	a.keys("<enter>")
	seen := ""
	for range 40 {
		seen += a.shown(40, 12)
		a.keys("<pgdn>")
	}
	for i := range lines {
		if !strings.Contains(seen, fmt.Sprintf("line-%d of", i)) {
			t.Errorf("line %d is nowhere", i)
		}
	}
}

// TestMistakeInPage: an action that panics is an error on the screen.
func TestMistakeInPage(t *testing.T) {
	s := newSheet()
	s.do = func(context.Context) (*dialog.Page, error) { panic("boo") }
	a := onSheet(t, s)
	a.to("go")
	a.keys("<enter>")
	if text := a.shown(80, 60); !strings.Contains(text, "a mistake in the installer: boo") {
		t.Error(text)
	}
}

// TestLeave: what is wrong on a page keeps one there, and shows where it is.
func TestLeave(t *testing.T) {
	s, wrong := newSheet(), errors.New("the two don't fit")
	s.leave = func(context.Context, *dialog.State) error { return wrong }
	a := onSheet(t, s)
	a.keys("ax")
	a.to("")
	a.keys("<enter>")
	if a.focus() != "name" || len(a.ask.stack) != 2 {
		t.Errorf("a wrong name is left: at %q", a.focus())
	}
	a.keys("<ctrl-u>", "owl")
	a.to("")
	a.keys("<enter>")
	if text := a.shown(80, 60); !strings.Contains(text, "the two don't fit") || len(a.ask.stack) != 2 {
		t.Error(text)
	}
	wrong = nil
	a.keys("<enter>")
	if len(a.ask.stack) != 1 {
		t.Error("the page stays")
	}
}

// TestTable: rows are added, removed and changed on a page of their own.
func TestTable(t *testing.T) {
	s := newSheet()
	a := onSheet(t, s)
	a.to("table")
	a.keys("a", "<down>", "d", "<enter>")
	if diff := cmp.Diff([]string{"vda", "new2"}, s.rows); diff != "" || a.ask.title() != "Change new2" {
		t.Errorf("%s on %q", diff, a.ask.title())
	}
	a.keys("<ctrl-u>", "owl", "<enter>", "/", "vda", "<enter>", "d")
	if diff := cmp.Diff([]string{"new2"}, s.rows); diff != "" || s.name != "owl" {
		t.Error(diff, s.name)
	}
	a.keys("d", "d", "d", "<enter>")
	if len(s.rows) != 1 { // Enter on an empty table is what needs no row
		t.Error(s.rows)
	}
}

// TestChosenByTab: who leaves a list by Tab has chosen, and what depends on it is asked.
func TestChosenByTab(t *testing.T) {
	value := "no"
	p := dialog.Page{Title: "Two", Fields: func(*dialog.State) []dialog.Field {
		f := []dialog.Field{dialog.Choice{Key: "c", Label: "More?", Value: &value, Options: []dialog.Option{{Value: "no", Label: "no"}, {Value: "yes", Label: "yes"}}}}
		if value == "yes" {
			f = append(f, dialog.Text{Key: "more", Label: "More", Value: new(string)})
		}
		return f
	}}
	a := newAsking(t, testState(testFacts(), config.Answers{}))
	a.ask.stack = append(a.ask.stack, newForm(a.ask.state, p, true))
	if a.keys("<down>", "<tab>"); a.focus() != "more" {
		t.Errorf("at %q", a.focus())
	}
}

// TestPaste goes into a field in one line, and nowhere else does anything.
func TestPaste(t *testing.T) {
	s := newSheet()
	a := onSheet(t, s)
	a.keys("<ctrl-u>")
	a.send(tea.PasteMsg{Content: "one\r\ntwo\x1b[31m\a\tthree\n"})
	if s.name != "one two three" {
		t.Errorf("pasted %q", s.name)
	}
	before := *s
	for _, key := range []string{"yes", "table", "go", ""} {
		a.to(key)
		a.send(tea.PasteMsg{Content: "a d e\n"})
		a.run()
	}
	if s.yes != before.yes || len(s.rows) != len(before.rows) || s.pressed != before.pressed || len(a.ask.stack) != 2 {
		t.Errorf("a paste did something: %+v", s)
	}
}

// manyZones are as many as the tz database has.
func manyZones() []dialog.Option {
	var all []dialog.Option
	for i := range 600 {
		zone := fmt.Sprintf("Region%d/Place_%03d", i%10, i)
		all = append(all, dialog.Option{Value: zone, Label: zone, Find: "Österreich"[:i%3]})
	}
	return append(all, dialog.Option{Value: "Europe/Vienna", Label: "Europe/Vienna", Find: "Österreich Wien"})
}

func choosing(t *testing.T, value *string) *asking {
	a := newAsking(t, testState(testFacts(), config.Answers{}))
	options := manyZones()
	a.ask.stack = append(a.ask.stack, newForm(a.ask.state, dialog.Page{Title: "Zone", Fields: func(*dialog.State) []dialog.Field {
		return []dialog.Field{dialog.Choice{Key: "zone", Label: "Zone", Options: options, Value: value}, dialog.Yes{Key: "utc", Label: "UTC", Value: new(bool)}}
	}}, true))
	return a
}

// TestSearch finds one of hundreds by what it is called in any spelling.
func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{[]string{"vien", "<enter>"}, "Europe/Vienna"},
		{[]string{"/", "osterr", "<enter>"}, "Europe/Vienna"},
		{[]string{"wien eur", "<enter>"}, "Europe/Vienna"},
		{[]string{"vienx", "<enter>"}, "Region1/Place_001"}, // nothing found: nothing chosen
		{[]string{"vienx", "<bs>", "<tab>"}, "Europe/Vienna"},
		{[]string{"vien", "<esc>", "<enter>"}, "Region1/Place_001"},
		{[]string{"<down>", "<pgdn>", " "}, "Region2/Place_012"},
		{[]string{"<down>", "<back>"}, "Region2/Place_002"},
		{[]string{"<down>", "<ctrl-n>"}, "Region2/Place_002"},
		{[]string{"<end>", "<down>", "<up>", "<enter>"}, "Region1/Place_001"}, // arrows that run out of the list choose nothing
	} {
		value := "Region1/Place_001"
		a := choosing(t, &value)
		if a.keys(tt.keys...); value != tt.want {
			t.Errorf("%v: %s, want %s", tt.keys, value, tt.want)
		}
	}
}

// BenchmarkKey is the time from a key in a long list to the redrawn screen.
func BenchmarkKey(b *testing.B) {
	value := "Region1/Place_001"
	s := testState(testFacts(), config.Answers{})
	f := newForm(s, dialog.Page{Title: "Zone", Fields: func(*dialog.State) []dialog.Field {
		return []dialog.Field{dialog.Choice{Key: "zone", Label: "Zone", Options: manyZones(), Value: &value}}
	}}, true)
	keys := slices.Concat(pressed("vienna"), pressed("<esc>"), pressed("<pgdn>"), pressed(" "))
	for i := 0; b.Loop(); i++ {
		f.press(keys[i%len(keys)].(tea.KeyPressMsg))
		f.view(78, 20, newStyles())
	}
}

// TestHarmless: what disks and catalogues call themselves does nothing to a terminal.
func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                   "plain",
		"a\x1b[2Jb\x1b]0;t\ac":    "abc",
		"a\x00b\x07c\x9bd\u202ee": "abc?de",
		"a\tb\r\nc":               "a b c",
		"\xff\xfe disk":           "? disk",
		"Größe 日本":                "Größe 日本",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// fits fails unless all of a screen is inside of it.
func (a *asking) fits(width, height int) {
	a.t.Helper()
	lines := strings.Split(a.part.view(width, height), "\n")
	if len(lines) > height {
		a.t.Errorf("%s: %d lines on %dx%d:\n%s", a.part.title(), len(lines), width, height, strings.Join(lines, "\n"))
	}
	for _, l := range lines {
		if ansi.StringWidth(l) > width {
			a.t.Errorf("%s: a line of %d columns on %dx%d: %q", a.part.title(), ansi.StringWidth(l), width, height, l)
		}
	}
}

// TestSizes: every page and every field in all sizes; drawing changes nothing.
func TestSizes(t *testing.T) {
	for _, at := range []string{"name", "secret", "disk", "marks", "yes", "table", "go", ""} {
		a := onSheet(t, newSheet())
		a.to(at)
		before := a.shown(80, 24)
		for _, size := range [][2]int{{38, 8}, {40, 8}, {60, 9}, {78, 20}, {98, 26}, {298, 96}} {
			a.fits(size[0], size[1])
			if text := ansi.Strip(a.part.view(size[0], size[1])); !strings.Contains(text, "> ") {
				t.Errorf("%s is not on the screen of %v:\n%s", at, size, text)
			}
		}
		if after := a.shown(80, 24); after != before {
			t.Errorf("drawing in other sizes changed the page:\n%s", cmp.Diff(before, after))
		}
	}
}

// TestManyDisks: hundreds of rows, with names that are hostile.
func TestManyDisks(t *testing.T) {
	f := testFacts()
	f.Disks = nil
	for i := range 400 {
		d := f.Machine.Disks[i%2]
		d.Path, d.Model = fmt.Sprintf("/dev/disk%d", i), "\x1b[2J\xffModel\u202e "+strings.Repeat("W", i)
		f.Disks = append(f.Disks, d)
	}
	f.Machine.Disks = f.Disks
	a := newAsking(t, testState(f, config.Answers{}))
	for i := range dialog.Pages() {
		a.later = append(a.later, a.ask.enter(i))
		a.run()
		r := rand.New(rand.NewPCG(1, uint64(i)))
		for range 200 {
			a.keys(someKeys()[r.IntN(len(someKeys()))])
			if a.part != part(a.ask) {
				break
			}
			a.fits(78, 20)
			a.fits(38, 8)
		}
	}
}

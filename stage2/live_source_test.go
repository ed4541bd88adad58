package stage2

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
)

// elsewhere is a source that notes where the packages are to come from.
type elsewhere struct {
	used []string
	err  error
}

func (e *elsewhere) State(context.Context) (dialog.SourceState, error) {
	s := dialog.SourceState{Packages: "cdrom:/dev/sr0", Drives: []dialog.DriveState{
		{Path: "/dev/sr0", Disc: media.Disc{State: media.Known, Info: media.DiscInfo{ID: "s", Arch: "amd64", Discs: []int{2}}}},
		{Path: "/dev/sr1", Disc: media.Disc{State: media.Foreign, Label: "HOLIDAY"}},
		{Path: "/dev/sr2", Why: "it is broken"},
	}}
	if n := len(e.used); n > 0 && e.used[n-1] != "" {
		s.Packages, s.AllHere, s.Other = media.Redact(e.used[n-1]), true, true
	}
	return s, nil
}

func (e *elsewhere) Use(_ context.Context, source string) error {
	if e.err == nil {
		e.used = append(e.used, source)
	}
	return e.err
}

func twoDiscs() handoff.Record {
	return handoff.Record{Build: media.Build{Set: media.Set{ID: "s", Product: "Tiny", Version: "1", Arch: "amd64", Discs: 2}}, Medium: handoff.Medium{URL: "cdrom:/dev/sr0"}}
}

func TestSourcePage(t *testing.T) {
	there := &elsewhere{err: errors.New("http://example.org/ can't be used: it has Tiny 2")}
	catalog := &media.Catalog{Groups: []media.Group{{ID: "games", Discs: []int{2}, Default: true}}}
	a := ask(t, Dialog{Machine: threeCards(), Record: twoDiscs(), Source: there, Catalog: catalog}, "source")
	if got := a.notes(); got != "Packages: from cdrom:/dev/sr0\nTiny 1 has 2 discs; the base system and the groups that are chosen are on disc 1, 2" {
		t.Errorf("at first: %s", got)
	}
	if err := a.press("look"); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, r := range field(a, "drives", func(f dialog.Table) string { return f.Key }).Rows {
		rows = append(rows, strings.Join(append(r.Cells, r.Bad), "|"))
	}
	want := []string{"/dev/sr0|disc 2 of Tiny 1|", `/dev/sr1|a disc of something else ("HOLIDAY")|`, "/dev/sr2|not known|it is broken"}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	for text, ok := range map[string]bool{"": true, "http://example.org/x": true, "nfs:server:/x": true, "hd:LABEL=X:/y": true, "cdrom": true, "gopher://x": false, "http:/x": false, "nfs:server": false} {
		if err := a.text("other").Check(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := a.press("use"); err == nil {
		t.Error("nothing was typed, and taken")
	}
	a.typed("other", " http://me:secret@example.org/x ")
	if err := a.press("use"); !errors.Is(err, there.err) {
		t.Errorf("it said %v", err)
	}
	there.err = nil
	if err := a.press("use"); err != nil {
		t.Fatal(err)
	}
	if got := a.notes(); !strings.Contains(got, "taken from http://me:…@example.org/x now") || !strings.Contains(got, "no disc has to be put in") {
		t.Errorf("then: %s", got)
	}
	if err := errors.Join(a.press("back"), a.row("drives", "u", "/dev/sr1")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"http://me:secret@example.org/x", "", "cdrom:/dev/sr1"}, there.used); diff != "" {
		t.Error(diff)
	}
	dry := ask(t, Dialog{Machine: threeCards(), Record: twoDiscs()}, "source")
	if got := dry.notes(); !strings.Contains(got, "can't be tried in a dry run") {
		t.Errorf("in a dry run: %s", got)
	}
}

func TestMirrors(t *testing.T) {
	given := config.Answers{Mirrors: []config.Mirror{{Name: "given", URL: "http://given.example.org/debian", Transfer: config.Transfer{Proxy: "http://p:1"}}}}
	a := ask(t, Dialog{Record: twoDiscs(), Answers: given}, "source")
	if err := a.row("mirrors", "a", ""); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "example.org/debian", "nfs:server:/debian", "http://me:secret@example.org/debian"} {
		if a.text("url").Check(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if a.leave("source") == nil {
		t.Error("an empty archive was taken")
	}
	a.typed("name", "here")
	a.typed("url", "https://example.org/debian")
	a.left("source")
	if err := a.row("mirrors", "e", "0"); err != nil {
		t.Fatal(err)
	}
	a.typed("name", "changed")
	a.left("source")
	changed := given.Mirrors[0]
	changed.Name = "changed"
	want := []config.Mirror{changed, {Name: "here", URL: "https://example.org/debian"}}
	if diff := cmp.Diff(want, a.answers().Mirrors); diff != "" {
		t.Error(diff)
	}
	if given.Mirrors[0].Name != "given" {
		t.Error("what the kickstart said was written over")
	}
	if err := a.row("mirrors", "d", "0"); err != nil || len(a.answers().Mirrors) != 1 {
		t.Errorf("%v, %+v", err, a.answers().Mirrors)
	}
}

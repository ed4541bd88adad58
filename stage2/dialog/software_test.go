package dialog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/words"
)

func softwareState(given config.Software) *State {
	f := Facts{
		Product: "Debian 13",
		Catalog: &media.Catalog{
			Groups: []media.Group{
				{ID: "tools", Title: "Tools", Description: "git and such", Count: 20, Size: 30 << 20, Discs: []int{1, 2}, Default: true},
				{ID: "web", Title: "Web server", Count: 5, Size: 10 << 20, Discs: []int{2}},
			},
			Environments: []media.Environment{{ID: "server", Title: "Server", Groups: []string{"tools"}}},
		},
		FindPackages: func(_ context.Context, words string) ([]payload.Found, error) {
			all := map[string][]payload.Found{
				"vim":   {{Name: "vim", Description: "an editor", Size: 4 << 20, Disc: 2}, {Name: "vim-tiny", Size: 1 << 20, Disc: 1}},
				"emasc": {{Name: "emacs", Disc: 2, Near: true}},
				"nano":  {{Name: "nano", Size: 1 << 20, Disc: 1}},
			}
			if words == "broken" {
				return nil, errors.New("disc 1 can't be read")
			}
			return all[words], nil
		},
		Needs: func(_ context.Context, a config.Answers) (Needs, error) {
			if slices.Contains(a.Software.Packages, "broken") {
				return Needs{}, errors.New(`no package "broken"`)
			}
			return Needs{Packages: 300 + len(a.Software.Packages), Size: 1 << 30, Discs: []int{1}}, nil
		},
	}
	return New(f, config.Answers{Software: given}, words.Open(words.English))
}

func softwareOf(t *testing.T, s *State) config.Software {
	t.Helper()
	a := s.Given
	if err := softwarePage().answer(s, &a); err != nil {
		t.Fatal(err)
	}
	return a.Software
}

// press does what a button of p does.
func press(t *testing.T, s *State, p Page, key string) error {
	t.Helper()
	for _, f := range p.Fields(s) {
		if b, ok := f.(Button); ok && b.Key == key {
			_, err := b.Do(context.Background())
			return err
		}
	}
	t.Fatalf("there is no button %s", key)
	return nil
}

// searched looks for words on p and marks some of what was found.
func searched(t *testing.T, s *State, p Page, words string, mark ...string) {
	t.Helper()
	s.software.search.words = words
	if err := press(t, s, p, "search"); err != nil {
		t.Fatal(err)
	}
	if mark == nil {
		return
	}
	for _, f := range p.Fields(s) {
		if m, ok := f.(Marks); ok {
			*m.Values = mark
			return
		}
	}
	t.Fatalf("nothing was found for %q", words)
}

func notes(s *State, p Page) string {
	var all []string
	for _, f := range p.Fields(s) {
		if n, ok := f.(Note); ok {
			all = append(all, n.Text)
		}
	}
	return strings.Join(all, "\n")
}

func TestSoftwareTotals(t *testing.T) {
	s := softwareState(config.Software{})
	page := softwarePage()
	if got := notes(s, page); got != "Beside the base system, about: 20 packages, 30 MiB, discs 1, 2" {
		t.Errorf("with the default group: %s", got)
	}
	s.software.Groups = nil
	if got := notes(s, page); got != "In all: the base system" {
		t.Errorf("with nothing: %s", got)
	}
	s.software.Environment, s.software.Groups = "server", []string{"web"}
	if got := notes(s, page); got != "Beside the base system, about: 25 packages, 40 MiB, discs 1, 2" {
		t.Errorf("with a kind of system: %s", got)
	}
	if err := press(t, s, page, "needs"); err != nil {
		t.Fatal(err)
	}
	if got := notes(s, page); got != "In all: 300 packages, 1 GiB, disc 1" {
		t.Errorf("worked out: %s", got)
	}
	s.software.Groups = nil
	if got := notes(s, page); strings.HasPrefix(got, "In all: 300") {
		t.Errorf("what was worked out for another choice stands: %s", got)
	}
	s.software.Packages = []string{"broken"}
	if err := press(t, s, page, "needs"); err == nil || !strings.Contains(err.Error(), `no package "broken"`) {
		t.Error(err)
	}
}

func TestPackageSearch(t *testing.T) {
	s := softwareState(config.Software{Packages: []string{"git"}, Exclude: []string{"nano"}})
	p := *s.software.searchPage()
	searched(t, s, p, "vim", "vim", "vim-tiny")
	searched(t, s, p, "nano", "nano")
	searched(t, s, p, "vim", "vim") // taken back in a second search
	if len(s.software.Packages) != 1 {
		t.Errorf("chosen before the page was left: %v", s.software.Packages)
	}
	if err := p.Leave(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	want := config.Software{Packages: []string{"git", "vim", "nano"}}
	if diff := cmp.Diff(want, softwareOf(t, s), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := notes(s, softwarePage()); got != "Beside the base system, about: 2 packages, 5 MiB, discs 1, 2" {
		t.Errorf("the estimate is %s", got)
	}
	searched(t, s, *s.software.searchPage(), "vim")
	if diff := cmp.Diff([]string{"vim"}, s.software.search.marked); diff != "" {
		t.Errorf("marked when searched again:\n%s", diff)
	}
	s.software.drop("git")
	if diff := cmp.Diff([]string{"vim", "nano"}, softwareOf(t, s).Packages); diff != "" {
		t.Error(diff)
	}
}

func TestPackageSearchFindsNone(t *testing.T) {
	s := softwareState(config.Software{})
	p := *s.software.searchPage()
	searched(t, s, p, "emasc", "emacs")
	if got := notes(s, p); got != `No package is called "emasc". Spelled like it:` {
		t.Error(got)
	}
	searched(t, s, p, "xyzzy")
	if got := notes(s, p); !strings.HasPrefix(got, `No package is called "xyzzy"`) {
		t.Error(got)
	}
	s.software.search.words = "broken"
	if err := press(t, s, p, "search"); err == nil || !strings.Contains(err.Error(), "disc 1") {
		t.Error(err)
	}
	s.software.search.words = "  "
	if err := press(t, s, p, "search"); err == nil {
		t.Error("nothing can be searched for")
	}
}

// TestGivenSoftwareStays: what a kickstart said is kept, and can be taken back.
func TestGivenSoftwareStays(t *testing.T) {
	given := config.Software{Environment: "of another set", Groups: []string{"@web"}, Packages: []string{"vim-*"}, Exclude: []string{"@tools", "nano"}, ExcludeDocs: true, InstLangs: []string{"de"}}
	s := softwareState(given)
	want := given
	want.Groups = []string{"web"}
	if diff := cmp.Diff(want, softwareOf(t, s)); diff != "" {
		t.Errorf("(-given +got)\n%s", diff)
	}
	if f, ok := field(s, softwarePage(), "environment").(Choice); !ok || !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == given.Environment }) {
		t.Error("the kind of system that was given can't be kept")
	}
	s.software.drop("-nano")
	s.software.drop("vim-*")
	if got := softwareOf(t, s); len(got.Packages) > 0 || !slices.Equal(got.Exclude, []string{"@tools"}) {
		t.Errorf("after two were removed: %+v", got)
	}
	if given.Exclude[1] != "nano" || given.Groups[0] != "@web" {
		t.Errorf("the given answers were changed: %+v", given)
	}
	if summary := strings.Join(softwareSummary(s), "\n"); !strings.Contains(summary, "Web server") || !strings.Contains(summary, "left out: @tools") {
		t.Errorf("the summary:\n%s", summary)
	}
}

// TestNoSoftware: an image has nothing to choose.
func TestNoSoftware(t *testing.T) {
	s := New(Facts{Product: "Image 1"}, config.Answers{}, words.Open(words.English))
	if f := softwareFields(s); len(f) != 1 {
		t.Errorf("%+v", f)
	}
	if softwareSummary(s) != nil {
		t.Error("the summary has software")
	}
}

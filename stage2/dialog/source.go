package dialog

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
)

type sourceDraft struct {
	other   string // typed
	state   SourceState
	looked  bool // state is known
	took    string
	mirrors []config.Mirror
}

func newSourceDraft(s *State) sourceDraft {
	return sourceDraft{mirrors: slices.Clone(s.Given.Mirrors), state: SourceState{Packages: s.Facts.Reach.Packages, AllHere: s.Facts.Reach.AllHere}}
}

func sourcePage() Page {
	return Page{
		ID: "source", Title: "Installation source",
		Help: "Where the packages come from: the discs, or a directory or an image on a disk, or a server that has the same set.\n" +
			"Another source is opened at once, and must be of the very build that this installer is of.\n" +
			"The archives are where the new system gets its updates from.",
		Fields:   sourceFields,
		answered: func(*State) bool { return true },
		answer: func(s *State, a *config.Answers) error {
			a.Mirrors = s.source.mirrors
			return nil
		},
		summary: sourceSummary,
	}
}

func sourceFields(s *State) []Field {
	w := s.Words
	fields := []Field{Note{Text: strings.Join(sourceSummary(s), "\n")}}
	if s.Facts.Reach.Source == nil {
		fields = append(fields, Note{Text: w.T("Another source can't be tried in a dry run.")})
	} else {
		fields = append(fields, s.otherSource()...)
	}
	return append(fields, s.mirrorTable())
}

// otherSource is what is in the drives, and the line for another source.
func (s *State) otherSource() []Field {
	d, w := &s.source, s.Words
	var fields []Field
	if d.looked && len(d.state.Drives) > 0 {
		t := Table{Key: "drives", Label: w.T("Drives"), Head: []string{w.T("Drive"), w.T("What is in it")}}
		for _, v := range d.state.Drives {
			t.Rows = append(t.Rows, Row{Key: v.Path, Cells: []string{v.Path, s.inDrive(v)}, Bad: v.Why})
		}
		t.Actions = []RowAction{{Key: "u", Label: w.T("take the packages from it"), Do: func(ctx context.Context, row string) (*Page, error) { return nil, s.use(ctx, "cdrom:"+row) }}}
		fields = append(fields, t)
	}
	fields = append(fields,
		Button{Key: "look", Label: w.T("Look into the drives"), Do: func(ctx context.Context) (*Page, error) { return nil, s.lookAround(ctx) }},
		Text{Key: "other", Label: w.T("Another source"), Value: &d.other, Check: checkSource,
			Hint: w.T("http://SERVER/PATH, https, ftp, nfs:SERVER:/PATH, hd:LABEL=NAME:/PATH, cdrom")},
		Button{Key: "use", Of: "other", Label: w.T("Try it, and take the packages from there"), Do: func(ctx context.Context) (*Page, error) {
			if strings.TrimSpace(d.other) == "" {
				return nil, errors.New("type a source first")
			}
			return nil, s.use(ctx, strings.TrimSpace(d.other))
		}})
	if d.state.Other {
		fields = append(fields, Button{Key: "back", Label: w.T("Go back to the source of the start"), Do: func(ctx context.Context) (*Page, error) { return nil, s.use(ctx, "") }})
	}
	if d.took != "" {
		fields = append(fields, Note{Text: d.took})
	}
	return fields
}

// checkSource is for what is typed; an empty line is none.
func checkSource(text string) error {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	_, err := media.ParseSource(text)
	if u := (*media.URLError)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// lookAround finds out where things are.
func (s *State) lookAround(ctx context.Context) error {
	state, err := s.Facts.Reach.Source.State(ctx)
	if err != nil {
		return err
	}
	s.source.state, s.source.looked = state, true
	return nil
}

// use takes the packages from elsewhere.
func (s *State) use(ctx context.Context, source string) error {
	d := &s.source
	d.took = ""
	if err := s.Facts.Reach.Source.Use(ctx, source); err != nil {
		return err
	}
	if err := s.lookAround(ctx); err != nil {
		return err
	}
	d.took = s.Words.T("It is the right set: the packages are taken from %s now.", d.state.Packages)
	return nil
}

// inDrive is what is in a drive, in words.
func (s *State) inDrive(v DriveState) string {
	w, set := s.Words, s.Facts.Reach.Set
	if v.Disc.State == "" {
		return w.T("not known")
	}
	if d := v.Disc; d.State == media.Known && d.Info.ID == set.ID && d.Info.Arch == set.Arch {
		return w.T("disc %s of %s", d.Info.Numbers(), set.Name())
	}
	return w.Said(v.Disc.Explain(set, 1))
}

// sourceSummary says where the packages are, and which discs will be asked for.
func sourceSummary(s *State) []string {
	d, w := &s.source, s.Words
	lines := []string{w.T("Packages: from %s", d.state.Packages)}
	if d.state.Packages == "" || d.state.Packages == "cdrom:" { // any drive
		lines = []string{w.T("Packages: from where the installer was started")}
	}
	switch set := s.Facts.Reach.Set; {
	case d.state.AllHere:
		lines = append(lines, w.T("no disc has to be put in"))
	case set.Discs > 1:
		lines = append(lines, w.T("%s has %d discs; the base system and the groups that are chosen are on disc %s", set.Name(), set.Discs, numbers(s.chosenDiscs())))
	}
	for _, m := range d.mirrors {
		lines = append(lines, w.T("Archive of the new system: %s", m.URL))
	}
	return lines
}

// chosenDiscs are the discs of the groups that are chosen, and disc 1, where the base system is.
func (s *State) chosenDiscs() []int {
	discs := []int{1}
	if c := s.Facts.Catalog; c != nil {
		a := config.Answers{}
		if err := softwarePage().answer(s, &a); err != nil {
			return discs
		}
		groups := slices.Concat(a.Software.Groups, s.software.environment(s).Groups)
		for _, g := range c.Groups {
			if slices.Contains(groups, g.ID) {
				discs = append(discs, g.Discs...)
			}
		}
	}
	slices.Sort(discs)
	return slices.Compact(discs)
}

// mirrorTable are the archives of the new system.
func (s *State) mirrorTable() Table {
	d, w := &s.source, s.Words
	t := Table{Key: "mirrors", Label: w.T("Package archives of the new system"), Head: []string{w.T("Name"), "URL"}}
	for i, m := range d.mirrors {
		t.Rows = append(t.Rows, Row{Key: strconv.Itoa(i), Cells: []string{m.Name, media.Redact(m.URL)}})
	}
	if len(d.mirrors) == 0 {
		t.Hint = w.T("Without any it is the archive that the set names, or else the discs.")
	}
	t.Actions = []RowAction{
		{Key: "a", Label: w.T("add"), Whole: true, Do: func(context.Context, string) (*Page, error) { return s.mirrorPage(-1), nil }},
		{Key: "e", Label: w.T("change"), Do: func(_ context.Context, row string) (*Page, error) { return s.mirrorPage(d.mirror(row)), nil }},
		{Key: "d", Label: w.T("remove"), Do: func(_ context.Context, row string) (*Page, error) {
			if i := d.mirror(row); i >= 0 {
				d.mirrors = slices.Delete(d.mirrors, i, i+1)
			}
			return nil, nil
		}},
	}
	return t
}

// mirror is the place of a row in the list; -1 when it is none.
func (d *sourceDraft) mirror(row string) int {
	i, err := strconv.Atoi(row)
	if err != nil || i < 0 || i >= len(d.mirrors) {
		return -1
	}
	return i
}

// mirrorPage changes an archive; -1 is a new one.
func (s *State) mirrorPage(at int) *Page {
	var m config.Mirror
	if at >= 0 {
		m = s.source.mirrors[at]
	}
	return &Page{
		ID: "mirror", Title: "Package archive",
		Help: "Where the new system gets packages and updates from, as in its sources.list: http://SERVER/debian.",
		Fields: func(s *State) []Field {
			return []Field{
				Text{Key: "name", Label: s.Words.T("Name"), Value: &m.Name, Check: checkMirrorName},
				Text{Key: "url", Label: "URL", Value: &m.URL, Check: checkMirror},
			}
		},
		Leave: func(_ context.Context, s *State) error {
			if err := errors.Join(checkMirrorName(m.Name), checkMirror(m.URL)); err != nil {
				return err
			}
			if d := &s.source; at >= 0 && at < len(d.mirrors) {
				d.mirrors[at] = m
			} else {
				d.mirrors = append(d.mirrors, m)
				at = len(d.mirrors) - 1
			}
			return nil
		},
	}
}

// checkMirrorName is for a kickstart's repo --name=.
func checkMirrorName(name string) error {
	if name == "" || strings.ContainsAny(name, " \t\"'\\") {
		return errors.New("a name is needed, without spaces and quotes")
	}
	return nil
}

// checkMirror is for a kickstart's repo --baseurl=.
func checkMirror(url string) error {
	src, err := media.ParseSource(url)
	if err != nil || src.URL == "" {
		return errors.New("http://SERVER/PATH, https:// or ftp://")
	}
	if media.Redact(url) != url {
		return errors.New("a password must not be in it: it would be in files that everybody can read")
	}
	return nil
}

package dialog

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

type softwareDraft struct {
	config.Software // what the kickstart said besides stays
	search          packageSearch
	needs           Needs
	needsOf         []string // the choice that needs is of
	known           bool     // needs have been worked out
}

func newSoftwareDraft(s *State) softwareDraft {
	d := softwareDraft{Software: cloneSoftware(s.Given.Software)}
	if !chosenSoftware(d.Software) && s.Facts.Catalog != nil {
		for _, g := range s.Facts.Catalog.Groups {
			if g.Default {
				d.Groups = append(d.Groups, g.ID)
			}
		}
	}
	return d
}

// cloneSoftware is a copy whose lists are its own; groups are without their "@".
func cloneSoftware(a config.Software) config.Software {
	a.Groups, a.Packages, a.Exclude = slices.Clone(a.Groups), slices.Clone(a.Packages), slices.Clone(a.Exclude)
	for i, g := range a.Groups {
		a.Groups[i] = strings.TrimPrefix(g, "@")
	}
	return a
}

func chosenSoftware(a config.Software) bool {
	return a.Environment != "" || len(a.Groups)+len(a.Packages) > 0
}

func softwarePage() Page {
	return Page{
		ID: "software", Title: "Software",
		Help: "What is installed beside the base system. A group is packages for one purpose, with all that they need.\n" +
			"Single packages are found by a part of their name or by words of their description.\n" +
			"Which discs will be needed follows from what is chosen here: without a second disc at hand, choose what the first one has.",
		Fields:   softwareFields,
		answered: func(s *State) bool { return chosenSoftware(s.Given.Software) },
		answer: func(s *State, a *config.Answers) error {
			a.Software = cloneSoftware(s.software.Software)
			return nil
		},
		summary: softwareSummary,
	}
}

func softwareFields(s *State) []Field {
	d, w := &s.software, s.Words
	if s.Facts.Catalog == nil {
		return []Field{Note{Text: w.T("What is installed is one whole: there is nothing to choose.")}}
	}
	var fields []Field
	if f, ok := d.environments(s); ok {
		fields = append(fields, f)
	}
	if len(s.Facts.Catalog.Groups) > 0 {
		fields = append(fields, Marks{Key: "groups", Label: w.T("Groups"), Hint: w.T("What to install beside the base system?"),
			Options: d.groupOptions(s), Values: &d.Groups})
	}
	fields = append(fields, d.packageTable(s), d.total(s))
	if s.Facts.Needs != nil {
		fields = append(fields, Button{Key: "needs", Label: w.T("Work out exactly what is needed"),
			Do: func(ctx context.Context) (*Page, error) { return nil, d.workOut(ctx, s) }})
	}
	return fields
}

func (d *softwareDraft) environments(s *State) (Choice, bool) {
	w := s.Words
	options := []Option{{Value: "", Label: w.T("none: the base system and what is chosen below")}}
	for _, e := range s.Facts.Catalog.Environments {
		options = append(options, Option{Value: e.ID, Label: titled(e.Title, e.ID), Hint: e.Description, Find: e.ID})
	}
	if d.Environment != "" && !slices.ContainsFunc(options, func(o Option) bool { return o.Value == d.Environment }) {
		options = append(options, Option{Value: d.Environment, Label: d.Environment})
	}
	return Choice{Key: "environment", Label: w.T("Kind of system"), Options: options, Value: &d.Environment}, len(options) > 1
}

// titled is the name of a group or an environment for a person.
func titled(title, id string) string { return cmp.Or(title, id) }

func (d *softwareDraft) groupOptions(s *State) []Option {
	var options []Option
	kind := d.environment(s)
	for _, g := range s.Facts.Catalog.Groups {
		label := titled(g.Title, g.ID)
		if figures := groupFigures(s, g); figures != "" {
			label += " (" + figures + ")"
		}
		switch {
		case slices.Contains(d.Exclude, "@"+g.ID):
			label += s.Words.T("; the kickstart file leaves it out")
		case slices.Contains(kind.Groups, g.ID):
			label += s.Words.T("; part of %s", titled(kind.Title, kind.ID))
		}
		options = append(options, Option{Value: g.ID, Label: label, Hint: g.Description, Find: g.ID + " " + strings.Join(g.Packages, " ")})
	}
	return options
}

// groupFigures are "53 packages, 129.4 MiB, disc 1, 2"; nothing where the set doesn't say.
func groupFigures(s *State, g media.Group) string {
	if g.Count == 0 {
		return ""
	}
	return figures(s, g.Count, g.Size, g.Discs)
}

func figures(s *State, count int, size int64, discs []int) string {
	parts := []string{s.Words.N("%d package", "%d packages", count, count)}
	if size > 0 {
		parts = append(parts, machine.Size(size))
	}
	if len(discs) > 0 {
		parts = append(parts, s.Words.N("disc %s", "discs %s", len(discs), numbers(discs)))
	}
	return strings.Join(parts, ", ")
}

// environment is the one that is chosen.
func (d *softwareDraft) environment(s *State) media.Environment {
	for _, e := range s.Facts.Catalog.Environments {
		if e.ID == d.Environment {
			return e
		}
	}
	return media.Environment{}
}

func softwareSummary(s *State) []string {
	d := &s.software
	if s.Facts.Catalog == nil {
		return nil
	}
	var lines []string
	if e := d.environment(s); d.Environment != "" {
		lines = append(lines, titled(e.Title, d.Environment))
	}
	for _, g := range s.Facts.Catalog.Groups {
		if slices.Contains(d.Groups, g.ID) {
			lines = append(lines, titled(g.Title, g.ID))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, s.Words.T("the base system"))
	}
	if len(d.Packages) > 0 {
		lines = append(lines, s.Words.T("packages: %s", strings.Join(d.Packages, ", ")))
	}
	if len(d.Exclude) > 0 {
		lines = append(lines, s.Words.T("left out: %s", strings.Join(d.Exclude, ", ")))
	}
	return append(lines, d.totalText(s))
}

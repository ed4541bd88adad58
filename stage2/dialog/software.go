package dialog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

type softwareDraft struct{ groups []string }

func newSoftwareDraft(s *State) softwareDraft {
	d := softwareDraft{groups: append([]string(nil), s.Given.Software.Groups...)}
	if len(d.groups) == 0 && s.Facts.Catalog != nil {
		for _, g := range s.Facts.Catalog.Groups {
			if g.Default {
				d.groups = append(d.groups, g.ID)
			}
		}
	}
	return d
}

func softwarePage() Page {
	return Page{
		ID: "software", Title: "Software",
		Help:     "What is installed beside the base system.",
		Fields:   softwareFields,
		answered: func(s *State) bool { return len(s.Given.Software.Groups)+len(s.Given.Software.Packages) > 0 },
		answer: func(s *State, a *config.Answers) error {
			a.Software.Groups = append([]string(nil), s.software.groups...)
			return nil
		},
		summary: func(s *State) []string { return s.software.groups },
	}
}

func softwareFields(s *State) []Field {
	if s.Facts.Catalog == nil || len(s.Facts.Catalog.Groups) == 0 {
		return []Field{Note{Text: s.Words.T("The base system; this set has no groups to add.")}}
	}
	var options []Option
	for _, g := range s.Facts.Catalog.Groups {
		label := fmt.Sprintf("%s (%s, disc %s)", g.Title, machine.Size(g.Size), numbers(g.Discs))
		options = append(options, Option{Value: g.ID, Label: label, Find: g.Description})
	}
	return []Field{Marks{Key: "groups", Label: s.Words.T("What to install beside the base system?"), Options: options, Values: &s.software.groups}}
}

func numbers(ns []int) string {
	var out []string
	for _, n := range ns {
		out = append(out, strconv.Itoa(n))
	}
	return strings.Join(out, ",")
}

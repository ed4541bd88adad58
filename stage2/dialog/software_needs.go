package dialog

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// Needs are what a choice of software takes, with all that it depends on.
type Needs struct {
	Packages int
	Size     int64 // bytes on the target; 0 when not known
	Discs    []int // that will be asked for
}

// choice tells two choices apart.
func (d *softwareDraft) choice() []string {
	return slices.Concat([]string{d.Environment, fmt.Sprint(d.NoCore)}, d.Groups, []string{"packages"}, d.Packages, []string{"without"}, d.Exclude)
}

// workOut asks the payload.
func (d *softwareDraft) workOut(ctx context.Context, s *State) error {
	a := s.soFar()
	a.Software = cloneSoftware(d.Software)
	of := d.choice()
	needs, err := s.Facts.Needs(ctx, a)
	if err != nil {
		d.known = false
		return fmt.Errorf("work out what is needed: %w", err)
	}
	d.needs, d.needsOf, d.known = needs, of, true
	return nil
}

// soFar are the answers of the pages that can be answered already: file systems and the like
// need packages too.
func (s *State) soFar() config.Answers {
	a := s.Given
	for _, p := range Pages() {
		with := a
		if p.answer(s, &with) == nil {
			a = with
		}
	}
	return a
}

func (d *softwareDraft) total(s *State) Note { return Note{Text: d.totalText(s)} }

// totalText says what the choice takes: exactly, when that was worked out for it, or else by the
// figures of the groups.
func (d *softwareDraft) totalText(s *State) string {
	w := s.Words
	if d.known && slices.Equal(d.needsOf, d.choice()) {
		return w.T("In all: %s", figures(s, d.needs.Packages, d.needs.Size, d.needs.Discs))
	}
	count, size, discs := d.estimate(s)
	if count == 0 {
		return w.T("In all: the base system")
	}
	return w.T("Beside the base system, about: %s", figures(s, count, size, discs))
}

// estimate adds up groups and single packages. What two of them need is counted twice.
func (d *softwareDraft) estimate(s *State) (count int, size int64, discs []int) {
	groups := slices.Concat(d.environment(s).Groups, d.Groups)
	for _, g := range s.Facts.Catalog.Groups {
		if slices.Contains(groups, g.ID) && !slices.Contains(d.Exclude, "@"+g.ID) {
			count, size, discs = count+g.Count, size+g.Size, append(discs, g.Discs...)
		}
	}
	for _, p := range d.search.chosen {
		if slices.Contains(d.Packages, p.Name) {
			count, size, discs = count+1, size+p.Size, append(discs, p.Disc)
		}
	}
	slices.Sort(discs)
	return count, size, slices.Compact(discs)
}

func numbers(ns []int) string {
	var out []string
	for _, n := range ns {
		out = append(out, strconv.Itoa(n))
	}
	return strings.Join(out, ", ")
}

package dialog

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

// packageSearch is looking for single packages.
type packageSearch struct {
	words  string
	found  []payload.Found
	of     string          // the words that found is of
	marked []string        // of found
	picked []string        // in all searches since the page was opened
	chosen []payload.Found // that were found and chosen, for their figures
}

// packageTable has the single packages, and what is left out.
func (d *softwareDraft) packageTable(s *State) Table {
	w := s.Words
	t := Table{
		Key: "packages", Label: w.T("Single packages"),
		Head: []string{w.T("Package"), w.T("Description"), w.T("Size"), w.T("Disc")},
		Actions: []RowAction{
			{Key: "d", Label: w.T("remove"), Do: func(_ context.Context, row string) (*Page, error) { d.drop(row); return nil, nil }},
		},
	}
	if s.Facts.FindPackages != nil {
		t.Actions = append([]RowAction{{Key: "a", Label: w.T("search and add"), Whole: true,
			Do: func(context.Context, string) (*Page, error) { return d.searchPage(), nil }}}, t.Actions...)
	}
	for _, name := range d.Packages {
		t.Rows = append(t.Rows, Row{Key: name, Cells: d.packageCells(name)})
	}
	for _, name := range d.Exclude {
		t.Rows = append(t.Rows, Row{Key: "-" + name, Cells: []string{name, w.T("is left out"), "", ""}})
	}
	return t
}

func (d *softwareDraft) packageCells(name string) []string {
	i := slices.IndexFunc(d.search.chosen, func(f payload.Found) bool { return f.Name == name })
	if i < 0 {
		return []string{name, "", "", ""}
	}
	f := d.search.chosen[i]
	size := ""
	if f.Size > 0 {
		size = machine.Size(f.Size)
	}
	return []string{name, f.Description, size, numbers([]int{f.Disc})}
}

// drop takes a row of the table away.
func (d *softwareDraft) drop(row string) {
	if name, out := strings.CutPrefix(row, "-"); out {
		d.Exclude = without(d.Exclude, name)
		return
	}
	d.Packages = without(d.Packages, row)
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(n string) bool { return n == name })
}

// searchPage is where packages are looked for. What is marked in one search stays chosen in
// the next one. Only leaving it forwards changes anything.
func (d *softwareDraft) searchPage() *Page {
	d.search = packageSearch{chosen: d.search.chosen, picked: slices.Clone(d.Packages)}
	return &Page{
		ID: "packages", Title: "Search packages",
		Help: "Type a part of the name, or words of the description, and search. Then mark what is to be installed.",
		Fields: func(s *State) []Field {
			w := s.Words
			fields := []Field{
				Text{Key: "words", Label: w.T("Search for"), Value: &d.search.words},
				Button{Key: "search", Label: w.T("Search"), Of: "words", Do: func(ctx context.Context) (*Page, error) { return nil, d.find(ctx, s) }},
			}
			return append(fields, d.foundFields(s)...)
		},
		Leave: func(context.Context, *State) error {
			d.search.pick()
			d.Packages = d.search.picked
			d.Exclude = slices.DeleteFunc(d.Exclude, func(n string) bool { return slices.Contains(d.Packages, n) })
			return nil
		},
	}
}

func (d *softwareDraft) find(ctx context.Context, s *State) error {
	words := strings.TrimSpace(d.search.words)
	if words == "" {
		return errors.New("type what to search for")
	}
	found, err := s.Facts.FindPackages(ctx, words)
	if err != nil {
		return err
	}
	q := &d.search
	q.pick()
	q.found, q.of, q.marked = found, words, nil
	for _, f := range found {
		if slices.Contains(q.picked, f.Name) {
			q.marked = append(q.marked, f.Name)
		}
	}
	return nil
}

func (d *softwareDraft) foundFields(s *State) []Field {
	w, q := s.Words, &d.search
	if q.of == "" {
		return nil
	}
	var note Note
	switch n := len(q.found); {
	case n == 0:
		return []Field{Note{Text: w.T("No package is called %q, and none is described so.", q.of), Bad: true}}
	case q.found[0].Near:
		note = Note{Text: w.T("No package is called %q. Spelled like it:", q.of), Bad: true}
	case n == payload.MostFound:
		note = Note{Text: w.T("The first %d of what was found; more words find less.", n)}
	default:
		note = Note{Text: w.N("%d package was found.", "%d packages were found.", n, n)}
	}
	var options []Option
	for _, f := range q.found {
		var about []string
		if f.Size > 0 {
			about = append(about, machine.Size(f.Size))
		}
		if f.Disc > 0 {
			about = append(about, w.N("disc %s", "discs %s", 1, numbers([]int{f.Disc})))
		}
		label := f.Name
		if len(about) > 0 {
			label += " (" + strings.Join(about, ", ") + ")"
		}
		options = append(options, Option{Value: f.Name, Label: label, Hint: f.Description})
	}
	return []Field{note, Marks{Key: "found", Label: w.T("Packages to install"), Options: options, Values: &q.marked}}
}

// pick keeps what is marked of the packages that are shown, and drops the others of them.
func (q *packageSearch) pick() {
	for _, f := range q.found {
		marked := slices.Contains(q.marked, f.Name)
		switch had := slices.Contains(q.picked, f.Name); {
		case marked && !had:
			q.picked = append(q.picked, f.Name)
		case had && !marked:
			q.picked = without(q.picked, f.Name)
		}
		if marked && !slices.ContainsFunc(q.chosen, func(o payload.Found) bool { return o.Name == f.Name }) {
			q.chosen = append(q.chosen, f)
		}
	}
}

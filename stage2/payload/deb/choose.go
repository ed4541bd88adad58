package deb

import (
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/spelling"
	"github.com/molt-installer/molt/stage2/payload"
)

// index is the packages of all discs.
type index struct {
	records []record
	byName  map[string]bool // packages, and what they provide
}

func newIndex(records []record) *index {
	x := &index{records, map[string]bool{}}
	for _, r := range records {
		x.byName[r.Name] = true
		for _, p := range r.provides {
			x.byName[p] = true
		}
	}
	return x
}

// find looks a package up by what apt calls it.
func (x *index) find(name, version string) (record, bool) {
	i := slices.IndexFunc(x.records, func(r record) bool { return r.Name == name && r.Version == version })
	if i < 0 {
		return record{}, false
	}
	return x.records[i], true
}

// choice is what to tell apt.
type choice struct {
	install []string // wanted by name
	exclude []string // not to be installed, whoever depends on them
}

// choose expands groups and patterns; everything that doesn't exist is in the one error.
func (p *Payload) choose(x *index, r payload.Request) (choice, error) {
	want := slices.Concat(p.catalog.Base, p.catalog.Firmware[r.Firmware], r.Extra)
	unknown := &UnknownError{}
	for _, id := range r.Software.Groups {
		packages, ok := p.group(id)
		if !ok {
			unknown.Names = append(unknown.Names, Unknown{"group", id, nearest(id, p.groupIDs())})
		}
		want = append(want, packages...)
	}
	want = append(want, r.Software.Packages...)
	if p.catalog.Bootstrap {
		want = append(want, x.essential()...)
	}
	var c choice
	for _, name := range want {
		found := x.match(name)
		if found == nil {
			unknown.Names = append(unknown.Names, Unknown{"package", name, nearest(name, x.names())})
		}
		c.install = append(c.install, found...)
	}
	if len(unknown.Names) > 0 {
		return choice{}, unknown
	}
	for _, name := range r.Software.Exclude {
		c.exclude = append(c.exclude, x.match(name)...)
	}
	c.install = sorted(c.install)
	c.exclude = sorted(c.exclude)
	c.install = slices.DeleteFunc(c.install, func(s string) bool { return slices.Contains(c.exclude, s) })
	return c, nil
}

// group are the packages of a group. "core" is always there: kickstart files
// name it out of habit.
func (p *Payload) group(id string) ([]string, bool) {
	id = strings.TrimPrefix(id, "@")
	for _, g := range p.catalog.Groups {
		if g.ID == id {
			return g.Packages, true
		}
	}
	return nil, id == "core"
}

func (p *Payload) groupIDs() []string {
	var ids []string
	for _, g := range p.catalog.Groups {
		ids = append(ids, g.ID)
	}
	return ids
}

func (x *index) essential() []string {
	var found []string
	for _, r := range x.records {
		if r.Essential {
			found = append(found, r.Name)
		}
	}
	return found
}

// match are the packages that name or pattern ("vim-*") stands for.
func (x *index) match(name string) []string {
	if x.byName[name] {
		return []string{name}
	}
	if !strings.ContainsAny(name, "*?[") {
		return nil
	}
	var found []string
	for _, r := range x.records {
		if ok, err := path.Match(name, r.Name); err == nil && ok {
			found = append(found, r.Name)
		}
	}
	return found
}

func (x *index) names() []string {
	all := make([]string, len(x.records))
	for i, r := range x.records {
		all[i] = r.Name
	}
	return sorted(all)
}

func sorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// nearest are up to three of known that are spelled like name.
func nearest(name string, known []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, k := range known {
		if d := spelling.Distance(name, k); d <= max(1, len(name)/3) {
			found = append(found, candidate{k, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var near []string
	for _, c := range found[:min(3, len(found))] {
		near = append(near, c.name)
	}
	return near
}

package deb

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/spelling"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
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
	install  []string // wanted by name
	exclude  []string // not to be installed, whoever depends on them
	warnings []string // what was passed over
}

// choose expands environments, groups and patterns; everything that doesn't exist is in
// the one error.
func (p *Payload) choose(x *index, r payload.Request) (choice, error) {
	c := &chooser{Payload: p, index: x, software: r.Software}
	base, err := c.base()
	if err != nil {
		return choice{}, err
	}
	c.install = c.present(slices.Concat(base, p.catalog.Firmware[r.Firmware], r.Extra), false)
	groups, out := c.groups()
	for _, id := range groups {
		packages, _ := p.group(id)
		c.install = append(c.install, c.present(packages, false)...)
	}
	c.install = append(c.install, c.present(r.Software.Packages, true)...)
	if len(c.unknown) > 0 {
		return choice{}, &UnknownError{c.unknown}
	}
	for _, id := range out {
		packages, _ := p.group(id)
		c.exclude = append(c.exclude, slices.DeleteFunc(c.present(packages, false), func(s string) bool {
			return slices.Contains(c.install, s) // by name, or by another group
		})...)
	}
	if err := c.leaveOut(r); err != nil {
		return choice{}, err
	}
	c.install = sorted(c.install)
	c.exclude = sorted(c.exclude)
	return c.choice, nil
}

// chooser turns a request into a choice.
type chooser struct {
	*Payload
	*index
	software config.Software
	choice
	unknown []Unknown
}

// base are the packages that are installed whatever is chosen.
func (c *chooser) base() ([]string, error) {
	names := c.catalog.Base
	if c.software.NoCore {
		if names = c.catalog.Boot; len(names) == 0 {
			return nil, errors.New("%packages --nocore: the set doesn't say which packages a machine needs to start (base.boot of its distro.toml); leave --nocore out")
		}
	}
	if c.catalog.Bootstrap || c.software.NoCore {
		names = slices.Concat(names, c.essential())
	}
	return names, nil
}

// groups are the groups to install, those of the environment first, and those that are
// excluded.
func (c *chooser) groups() (in, out []string) {
	s := c.software
	for _, name := range s.Exclude {
		if id, ok := strings.CutPrefix(name, "@"); ok {
			out = append(out, id)
		}
	}
	if id := s.Environment; id != "" {
		i := slices.IndexFunc(c.catalog.Environments, func(e media.Environment) bool { return e.ID == id })
		if i < 0 {
			c.missing("environment", id, c.environmentIDs())
		} else {
			in = append(in, c.catalog.Environments[i].Groups...)
		}
	}
	for _, id := range s.Groups {
		in = append(in, strings.TrimPrefix(id, "@"))
	}
	known := func(id string) bool {
		_, ok := c.group(id)
		if !ok {
			c.missing("group", id, c.groupIDs())
		}
		return ok
	}
	in = slices.DeleteFunc(in, func(id string) bool { return slices.Contains(out, id) || !known(id) })
	return in, slices.DeleteFunc(out, func(id string) bool {
		_, ok := c.group(id)
		if !ok {
			c.idle("group", id, "@"+id, c.groupIDs())
		}
		return !ok
	})
}

// idle warns of an excluded name that isn't there.
func (c *chooser) idle(kind, name, written string, known []string) {
	c.warnings = append(c.warnings, Unknown{kind, name, nearest(name, known)}.String()+" is in this set, so -"+written+" excludes nothing")
}

// missing notes a name that somebody wrote and that isn't there.
func (c *chooser) missing(kind, name string, known []string) {
	u := Unknown{kind, name, nearest(name, known)}
	if c.software.IgnoreMissing {
		c.warnings = append(c.warnings, u.String()+" is in this set; it is left out, as --ignoremissing says")
		return
	}
	c.unknown = append(c.unknown, u)
}

// present are the packages that names and patterns stand for. What the set itself asks
// for, and not a person, can't be left out.
func (c *chooser) present(names []string, asked bool) []string {
	var all []string
	for _, name := range names {
		found := c.match(name)
		switch {
		case found == nil && asked:
			c.missing("package", name, c.names())
		case found == nil:
			c.unknown = append(c.unknown, Unknown{"package", name, nearest(name, c.names())})
		}
		all = append(all, found...)
	}
	return all
}

// leaveOut applies the packages that are excluded by name. What the machine needs isn't left
// out: nobody would see it before the new system doesn't start.
func (c *chooser) leaveOut(r payload.Request) error {
	var refused []string
	for _, name := range c.software.Exclude {
		if strings.HasPrefix(name, "@") {
			continue
		}
		found := c.match(name)
		if found == nil {
			c.idle("package", name, name, c.names())
		}
		c.exclude = append(c.exclude, found...)
		for _, f := range found {
			if what := c.neededFor(f, r); what != "" {
				refused = append(refused, f+" is needed "+what+"; leave -"+name+" out")
			}
		}
	}
	if len(refused) > 0 {
		return &ConflictError{Needed: refused}
	}
	c.install = slices.DeleteFunc(c.install, func(s string) bool { return slices.Contains(c.exclude, s) })
	return nil
}

// neededFor says what the machine needs a package for, whatever is chosen; empty: it doesn't.
func (c *chooser) neededFor(name string, r payload.Request) string {
	for _, n := range []struct {
		names []string
		what  string
	}{
		{r.Extra, "for what other lines ask for (its disks' layout, firewall or certificates)"},
		{c.catalog.Firmware[r.Firmware], "for the machine to start with its firmware (" + r.Firmware + ")"},
		{c.catalog.Boot, "for the machine to start"},
	} {
		if slices.ContainsFunc(n.names, func(pattern string) bool { return slices.Contains(c.match(pattern), name) }) {
			return n.what
		}
	}
	return ""
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

func (p *Payload) environmentIDs() []string {
	var ids []string
	for _, e := range p.catalog.Environments {
		ids = append(ids, e.ID)
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

package main

import (
	"context"
	"slices"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/disc"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

// shelf stands for a set that hasn't been built: the packages that its distro.toml names, without
// what they depend on and without sizes.
type shelf struct {
	set     media.Set
	catalog media.Catalog
	on      map[string]int // package → disc
}

// openShelf reads the distro.toml in dir.
func openShelf(dir string) (*shelf, error) {
	d, err := disc.Load(dir)
	if err != nil {
		return nil, err
	}
	s := &shelf{
		set:     media.Set{Product: d.Product, Version: d.Version, Arch: d.Arch, Discs: d.Discs()},
		catalog: media.Catalog{Suite: d.Archive.Suite, Component: d.Archive.Component, Base: d.Base.Packages, Boot: d.Base.Boot, Firmware: d.Base.Firmware},
		on:      map[string]int{},
	}
	for _, list := range [][]string{d.Base.Packages, d.Base.Boot, d.Base.Optional, d.Base.Firmware["bios"], d.Base.Firmware["uefi"]} {
		s.put(1, list)
	}
	for _, e := range d.Environments {
		s.catalog.Environments = append(s.catalog.Environments, media.Environment(e))
	}
	for _, g := range d.Groups {
		s.put(max(1, g.Disc), g.Packages)
		s.catalog.Groups = append(s.catalog.Groups, media.Group{
			ID: g.ID, Title: g.Title, Description: g.Description, Packages: g.Packages, Default: g.Default, Discs: []int{max(1, g.Disc)},
		})
	}
	return s, nil
}

func (s *shelf) put(disc int, packages []string) {
	for _, p := range packages {
		if s.on[p] == 0 {
			s.on[p] = disc
		}
	}
}

// Find implements payload.Finder.
func (s *shelf) Find(_ context.Context, words string) ([]payload.Found, error) {
	var found []payload.Found
	for name, disc := range s.on {
		if !slices.ContainsFunc(strings.Fields(words), func(w string) bool { return !strings.Contains(name, strings.ToLower(w)) }) {
			found = append(found, payload.Found{Name: name, Disc: disc})
		}
	}
	slices.SortFunc(found, func(a, b payload.Found) int { return strings.Compare(a.Name, b.Name) })
	return found[:min(len(found), payload.MostFound)], nil
}

// resolve is the named packages alone. One that isn't named anywhere is taken for one of the
// last disc.
func (s *shelf) resolve(a config.Answers, m machine.Machine) (*payload.Selection, error) {
	names := slices.Concat(s.catalog.Base, s.catalog.Firmware[string(m.Firmware)], plan.ExtraPackages(a, m), a.Software.Packages)
	groups := slices.Clone(a.Software.Groups)
	for _, e := range s.catalog.Environments {
		if e.ID == a.Software.Environment {
			groups = append(groups, e.Groups...)
		}
	}
	for _, g := range s.catalog.Groups {
		if slices.Contains(groups, g.ID) && !slices.Contains(a.Software.Exclude, "@"+g.ID) {
			names = append(names, g.Packages...)
		}
	}
	slices.Sort(names)
	sel := &payload.Selection{}
	for _, name := range slices.Compact(names) {
		if slices.Contains(a.Software.Exclude, name) {
			continue
		}
		disc := s.on[name]
		if disc == 0 {
			disc = s.set.Discs
		}
		sel.Packages = append(sel.Packages, payload.Package{Name: name, Disc: disc})
	}
	slices.SortStableFunc(sel.Packages, func(a, b payload.Package) int { return a.Disc - b.Disc })
	return sel, nil
}

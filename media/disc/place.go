package disc

import (
	"context"
	"slices"

	"github.com/molt-installer/molt/media"
)

// placement says on which disc each package is, and what the set offers.
type placement struct {
	discs   [][]pkg // discs[0] is disc 1; in order of need
	catalog media.Catalog
	base    []pkg // the base system with the BIOS boot loader, in order of need
}

// all are the packages of every disc.
func (p *placement) all() []pkg { return slices.Concat(p.discs...) }

// placer distributes packages over discs.
type placer struct {
	apt  *apt
	base []string       // names
	on   map[string]int // key → disc
	out  *placement
}

// place resolves the base and each group, and gives every package the first
// disc that something on it needs.
func place(ctx context.Context, a *apt) (*placement, error) {
	d := a.distro
	base := unique(slices.Concat(d.Base.Boot, d.Base.Packages))
	if d.Base.Essential {
		base = unique(append(base, a.indexes.essential()...))
	}
	p := &placer{apt: a, base: base, on: map[string]int{}, out: &placement{discs: make([][]pkg, d.Discs())}}
	p.out.catalog = media.Catalog{
		Suite: d.Archive.Suite, Suites: d.Archive.Suites, Component: d.Archive.Component, Components: d.Archive.Components,
		Base: base, Boot: d.Base.Boot, Firmware: d.Base.Firmware, Bootstrap: d.Base.Bootstrap,
	}
	for _, e := range d.Environments {
		p.out.catalog.Environments = append(p.out.catalog.Environments, media.Environment(e))
	}
	if err := p.placeBase(ctx); err != nil {
		return nil, err
	}
	for n := 1; n <= d.Discs(); n++ {
		for _, g := range d.Groups {
			if g.Disc != n {
				continue
			}
			if err := p.placeGroup(ctx, g); err != nil {
				return nil, err
			}
		}
	}
	return p.out, nil
}

func (p *placer) placeBase(ctx context.Context) error {
	d := p.apt.distro
	var err error
	if p.out.base, err = p.apt.closure(ctx, slices.Concat(d.Base.Firmware["bios"], p.base)); err != nil {
		return err
	}
	p.put(p.out.base, 1)
	more := [][]string{d.Base.Firmware["uefi"]}
	for _, name := range d.Base.Optional {
		more = append(more, []string{name})
	}
	for _, names := range more {
		pkgs, err := p.apt.closure(ctx, slices.Concat(names, p.base))
		if err != nil {
			return err
		}
		p.put(pkgs, 1)
	}
	return nil
}

func (p *placer) placeGroup(ctx context.Context, g Group) error {
	names := slices.Concat(g.Packages, p.base, p.apt.distro.Base.Firmware["bios"])
	pkgs, err := p.apt.closure(ctx, names)
	if err != nil {
		return err
	}
	p.put(pkgs, g.Disc)
	entry := media.Group{
		ID: g.ID, Title: g.Title, Description: g.Description, Packages: g.Packages, Default: g.Default,
	}
	for _, q := range pkgs {
		if inBase := slices.ContainsFunc(p.out.base, func(b pkg) bool { return b.key() == q.key() }); inBase {
			continue
		}
		entry.Size += q.Installed
		entry.Count++
		if n := p.on[q.key()]; !slices.Contains(entry.Discs, n) {
			entry.Discs = append(entry.Discs, n)
		}
	}
	slices.Sort(entry.Discs)
	p.out.catalog.Groups = append(p.out.catalog.Groups, entry)
	return nil
}

// put places what is on no disc yet.
func (p *placer) put(pkgs []pkg, disc int) {
	for _, q := range pkgs {
		if p.on[q.key()] == 0 {
			p.on[q.key()] = disc
			p.out.discs[disc-1] = append(p.out.discs[disc-1], q)
		}
	}
}

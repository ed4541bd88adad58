package layout

import (
	"cmp"
	"slices"
)

// place puts pieces into the gaps of d. What can't be placed comes back, with what it is for.
func (d *disk) place(pieces []*piece) (plots []*plot, left []*piece) {
	for _, g := range d.gaps() {
		plots = append(plots, &plot{gap: g})
	}
	for _, p := range pieces {
		p.logical = false
	}
	if d.table == "dos" {
		return plots, d.placeDOS(plots, pieces)
	}
	for _, p := range pieces {
		if !into(plots, p) {
			left = append(left, p)
		}
	}
	return plots, left
}

// into puts p into the first plot with room, or, when it grows, into the one with the most.
func into(plots []*plot, p *piece) bool {
	var fit []*plot
	for _, g := range plots {
		if g.left() >= p.cost() {
			fit = append(fit, g)
		}
	}
	if len(fit) == 0 {
		return false
	}
	g := fit[0]
	if p.Grow {
		g = slices.MaxFunc(fit, func(x, y *plot) int { return cmp.Compare(x.left(), y.left()) })
	}
	g.pieces = append(g.pieces, p)
	return true
}

// placeDOS has four entries to use. When they don't suffice, one is an extended
// partition with all others in it.
func (d *disk) placeDOS(plots []*plot, pieces []*piece) (left []*piece) {
	outer := slices.DeleteFunc(slices.Clone(plots), func(g *plot) bool { return g.inner })
	inner := slices.DeleteFunc(slices.Clone(plots), func(g *plot) bool { return !g.inner })
	entries, extended := 4, false
	for _, p := range d.keeps() {
		if p.Number <= 4 {
			entries--
			extended = extended || isExtended(p)
		}
	}
	var tail *plot // that the new extended partition ends
	if !extended && len(pieces) > entries {
		entries--
		if len(outer) > 0 && entries >= 0 {
			tail = slices.MaxFunc(outer, func(x, y *plot) int { return cmp.Compare(x.left(), y.left()) })
			inner = []*plot{tail}
		}
	}
	scarce := extended && len(pieces) > entries && slices.ContainsFunc(pieces, func(p *piece) bool { return p.Grow })
	must := 0 // have an entry: --asprimary
	for _, p := range pieces {
		if p.Primary {
			must++
		}
	}
	for _, p := range pieces {
		if p.Primary {
			must--
		}
		if p.logical = scarce && !p.Primary && !p.Grow; p.logical && into(inner, p) {
			continue // what grows can have the room outside
		}
		p.logical = false
		if entries > must && into(outer, p) {
			entries--
			continue
		}
		p.logical = true
		if p.Primary || !into(inner, p) {
			p.logical = false
			left = append(left, p)
		}
	}
	if tail != nil { // what is logical comes last in it
		slices.SortStableFunc(tail.pieces, func(x, y *piece) int { return cmp.Compare(side(x), side(y)) })
	}
	return left
}

func side(p *piece) int {
	if p.logical {
		return 1
	}
	return 0
}

// settle lets the pieces of a plot grow and gives them their places. It returns the
// place of a new extended partition, when there is one.
func (g *plot) settle() (extended gap) {
	var growing []grower
	for _, p := range g.pieces {
		p.got = p.min
		if p.Grow {
			growing = append(growing, grower{p.min, p.MaxSizeMiB, &p.got})
		}
	}
	grow(g.left(), growing)
	at := g.start
	for _, p := range g.pieces {
		if p.logical {
			if !g.inner && extended.end == 0 {
				extended = gap{start: at, end: g.end}
			}
			at++
		}
		p.start = at
		at += p.got
	}
	return extended
}

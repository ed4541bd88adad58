package layout

import (
	"cmp"
	"slices"

	"github.com/molt-installer/molt/stage2/machine"
)

// gap is free room on a disk, from MiB start to MiB end.
type gap struct {
	start, end int64
	inner      bool // in an extended partition that stays
}

// plot is a gap with what is to be put into it, in this order.
type plot struct {
	gap
	pieces []*piece
}

func (g *plot) left() int64 {
	left := g.end - g.start
	for _, p := range g.pieces {
		left -= p.cost()
	}
	return left
}

// keeps are the partitions of d that stay, by where they start.
func (d *disk) keeps() []machine.Part {
	if d.fresh {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(d.Parts), func(p machine.Part) bool { return d.lost[p.Path] })
	slices.SortStableFunc(kept, func(x, y machine.Part) int { return cmp.Compare(x.Start, y.Start) })
	return kept
}

// end is the MiB behind the last that can be used: of a gpt the last MiB is the
// backup's, and a dos table counts sectors in 32 bits.
func (d *disk) end() int64 {
	end := d.Size/mib - 1
	if d.table == "dos" {
		end = min(end, d.reach())
	}
	return end
}

// reach is how far a dos table goes, in MiB.
func (d *disk) reach() int64 { return int64(max(d.Sector, 512)) << 32 / mib }

// gaps are where new partitions can be, whole MiB and by their start.
func (d *disk) gaps() []gap {
	if !d.room {
		return nil
	}
	var outer, inner []machine.Part
	var within []gap
	for _, p := range d.keeps() {
		switch {
		case d.table == "dos" && p.Number > 4:
			p.Start, p.Size = p.Start-mib, d.sizeOf(p)+mib // its table is before it
			inner = append(inner, p)
			continue
		case d.table == "dos" && isExtended(p):
			p.Size = d.extent(p)
			within = append(within, gap{up(p.Start), (p.Start + p.Size) / mib, true})
		default:
			p.Size = d.sizeOf(p)
		}
		outer = append(outer, p)
	}
	gaps := between(gap{1, d.end(), false}, outer)
	for _, g := range within {
		gaps = append(gaps, between(g, inner)...)
	}
	return gaps
}

// extent is the size of an extended partition; the kernel shows 1 KiB of it.
func (d *disk) extent(ext machine.Part) int64 {
	end := ext.Start + ext.Size
	for _, p := range d.Parts {
		if p.Number > 4 {
			end = max(end, p.Start+p.Size)
		}
	}
	return end - ext.Start
}

// sizeOf is the size that p will have.
func (d *disk) sizeOf(p machine.Part) int64 {
	if size, ok := d.resized[p.Path]; ok {
		return size
	}
	return p.Size
}

// between are the parts of whole that none of kept, by start, is in.
func between(whole gap, kept []machine.Part) []gap {
	var gaps []gap
	at := whole.start
	for _, p := range kept {
		if start := p.Start / mib; start > at {
			gaps = append(gaps, gap{at, min(start, whole.end), whole.inner})
		}
		at = max(at, up(p.Start+p.Size))
	}
	if at < whole.end {
		gaps = append(gaps, gap{at, whole.end, whole.inner})
	}
	return gaps
}

// up is bytes in MiB, rounded up.
func up(bytes int64) int64 { return (bytes + mib - 1) / mib }

// free is the room for new partitions in MiB.
func (d *disk) free() int64 {
	var sum int64
	for _, g := range d.gaps() {
		sum += g.end - g.start
	}
	return sum
}

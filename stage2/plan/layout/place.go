package layout

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// assign chooses a disk for every piece that names none.
func (m *maker) assign() {
	for _, p := range m.pieces {
		if p.disk != nil {
			p.min = m.least(p, p.disk)
		}
	}
	main := m.mainDisk()
	for _, p := range m.pieces {
		if p.disk == nil {
			if main == nil {
				if m.Problems.Has(DiskKept) {
					continue // that is why
				}
				m.Problems.Add(DiskNotNamed, p.Mount, "on which disk? Name it (part --ondisk=… or clearpart --drives=…)")
				continue
			}
			p.disk = m.choose(p, main)
			p.min = m.least(p, p.disk)
		}
	}
}

// choose takes the first disk with room, beginning with the main one. Members of
// one array go to disks of their own as far as there are.
func (m *maker) choose(p *piece, main *disk) *disk {
	var fit []*disk
	for _, d := range append([]*disk{main}, m.disks...) {
		if !d.room || slices.Contains(fit, d) {
			continue
		}
		p.min = m.least(p, d)
		if _, left := d.place(append(m.newOn(d), p)); len(left) == 0 {
			fit = append(fit, d)
		}
	}
	if len(fit) == 0 {
		return main
	}
	if siblings := m.siblings(p); len(siblings) > 0 {
		count := func(d *disk) int {
			n := 0
			for _, q := range m.pieces {
				if q.disk == d && slices.Contains(siblings, q.Mount) {
					n++
				}
			}
			return n
		}
		return slices.MinFunc(fit, func(x, y *disk) int { return cmp.Compare(count(x), count(y)) })
	}
	return fit[0]
}

// siblings are the members of the array or btrfs that p is of.
func (m *maker) siblings(p *piece) []string {
	for _, a := range m.s.Arrays {
		if slices.Contains(a.Members, p.Mount) {
			return a.Members
		}
	}
	for _, v := range m.s.Btrfs {
		if slices.Contains(v.Members, p.Mount) {
			return v.Members
		}
	}
	return nil
}

// newOn are the new partitions on d so far.
func (m *maker) newOn(d *disk) []*piece {
	return slices.DeleteFunc(slices.Clone(m.pieces), func(p *piece) bool { return p.disk != d || p.existing() })
}

// partition lays out each disk and says what its partitions are for.
func (m *maker) partition() {
	for _, d := range m.disks {
		before := len(m.Problems)
		exts := m.settle(d)
		if len(m.Problems) > before {
			continue
		}
		out := Disk{Path: d.Path, Model: d.Model, Size: d.Size, Sector: d.Sector, Table: d.table, Kept: !d.fresh, Before: d.Disk.Parts, Seq: d.Seq}
		if d.fresh {
			out.Lost, out.LostFS, out.LostLabel, out.LostTable, out.GUID = d.Disk.Parts, d.FSType, d.Label, d.Table, m.IDs()
		} else {
			out.Lost = slices.DeleteFunc(slices.Clone(d.Disk.Parts), func(p machine.Part) bool { return !d.lost[p.Path] })
		}
		if d.table == "" && !d.used {
			continue
		}
		out.Parts = m.volumes(d, exts)
		if d.used || out.Rewritten() {
			m.Disks = append(m.Disks, out)
		}
	}
}

// settle gives the new partitions of d their places, or says that they don't fit.
func (m *maker) settle(d *disk) (extended []gap) {
	plots, left := d.place(m.newOn(d))
	if len(left) > 0 {
		m.tooSmall(d, left)
		return nil
	}
	for _, g := range plots {
		if ext := g.settle(); ext.end > 0 {
			extended = append(extended, ext)
		}
	}
	return extended
}

// tooSmall says what doesn't fit on d, and what it is that takes the room.
func (m *maker) tooSmall(d *disk, left []*piece) {
	var need, largest int64
	var names []string
	for _, p := range left {
		names = append(names, p.Mount)
	}
	for _, p := range m.newOn(d) {
		need += p.cost()
	}
	for _, g := range d.gaps() {
		largest = max(largest, g.end-g.start)
	}
	free := d.free()
	switch {
	case !d.room:
		m.Problems.Add(TooSmall, d.Path, "has no room for %s: what is on it stays", strings.Join(names, ", "))
	case need > free:
		m.Problems.Add(TooSmall, d.Path, "is %s%s, and the partitions need %s more", machine.Size(d.Size), d.stayWords(free), machine.Size((need-free)*mib))
	case d.table == "dos" && len(d.keeps())+len(m.newOn(d)) > 4:
		m.Problems.Add(BadPartition, d.Path, "no room for %s: a msdos table has four primary partitions, one of which can hold the others; use clearpart --disklabel=gpt", strings.Join(names, ", "))
	default:
		m.Problems.Add(TooSmall, d.Path, "has %s free, but no more than %s in one piece: no room for %s", machine.Size(free*mib), machine.Size(largest*mib), strings.Join(names, ", "))
	}
}

func (d *disk) stayWords(free int64) string {
	words := ""
	if len(d.keeps()) > 0 {
		words = ", of which " + machine.Size(free*mib) + " are free"
	}
	if d.table == "dos" && d.Size/mib > d.reach() {
		words += ", of which a msdos table can use " + machine.Size(d.reach()*mib)
	}
	return words
}

// volumes are all partitions that d will have, by number.
func (m *maker) volumes(d *disk, extended []gap) []Volume {
	if d.table == "" {
		return []Volume{m.keptVolume(d, d.whole, machine.Part{Path: d.Path, Size: d.Size, FSType: d.FSType, Label: d.Label, UUID: d.Disk.UUID}, d.Path, 0)}
	}
	var all []Volume
	used := map[int]bool{}
	logical := 4
	kept := d.keeps()
	slices.SortStableFunc(kept, func(x, y machine.Part) int { return cmp.Compare(x.Number, y.Number) })
	for _, p := range kept {
		number := p.Number
		if d.table == "dos" && number > 4 { // the kernel counts them in the order of their chain
			logical++
			number = logical
			if now := partPath(d.Path, number); now != p.Path {
				d.renamed[p.Path] = now
			}
		}
		used[number] = true
		v := m.keptVolume(d, m.pieceOn(p.Path), p, partPath(d.Path, number), number)
		if v.Device != p.Path {
			v.WasDevice = p.Path
		}
		all = append(all, v)
	}
	next := func() int {
		for n := 1; ; n++ {
			if !used[n] {
				used[n] = true
				return n
			}
		}
	}
	for _, p := range m.newOn(d) {
		if p.logical {
			continue
		}
		all = append(all, m.newVolume(d, p, next()))
	}
	for _, e := range extended {
		n := next()
		all = append(all, Volume{Device: partPath(d.Path, n), Number: n, Start: e.start * mib, Size: (e.end - e.start) * mib, Type: "0x5"})
	}
	for _, p := range m.newOn(d) {
		if p.logical {
			logical++
			all = append(all, m.newVolume(d, p, logical))
		}
	}
	slices.SortFunc(all, func(x, y Volume) int { return cmp.Compare(x.Number, y.Number) })
	return all
}

// pieceOn is the request for an existing partition, or nil.
func (m *maker) pieceOn(path string) *piece {
	for _, q := range m.pieces {
		if q.old != nil && q.old.Path == path || q.disk != nil && q.disk.whole == q && q.disk.Path == path {
			return q
		}
	}
	return nil
}

// keptVolume is a partition that stays, and what q, if anything, wants of it.
func (m *maker) keptVolume(d *disk, q *piece, p machine.Part, device string, number int) Volume {
	v := Volume{Device: device, Number: number, FSType: p.FSType, Start: p.Start, Size: p.Size, Type: p.Type, GUID: p.PartUUID,
		UUID: p.UUID, Label: p.Label, Existing: true, NoFormat: true}
	if size := d.sizeOf(p); size != p.Size {
		v.Was, v.Size = p.Size, size
	}
	if isExtended(p) && d.table == "dos" {
		v.Size, v.FSType = d.extent(p), ""
	}
	if q != nil {
		v.Order = q.order + 1
		m.occupy(&v, q.Mount, q.fstype, q.Format)
	}
	return v
}

// newVolume is p as partition n of d.
func (m *maker) newVolume(d *disk, p *piece, n int) Volume {
	v := Volume{Device: partPath(d.Path, n), Number: n, Start: p.start * mib, Size: p.got * mib, Type: m.partType(p, d.table), Order: p.order + 1}
	if d.table == "gpt" {
		v.GUID = m.IDs()
	}
	m.occupy(&v, p.Mount, p.fstype, p.Format)
	return v
}

// partType is the type of a partition, for both kinds of tables: UEFI specification
// 5.3.3, the Discoverable Partitions Specification, and GRUB's manual.
func (m *maker) partType(p *piece, table string) string {
	types := [2]string{"0fc63daf-8483-4772-8e79-3d69d8477de4", "0x83"}
	switch kind := memberKind(p.Mount); {
	case p.fstype == biosboot:
		types = [2]string{"21686148-6449-6e6f-744e-656564454649", "0xda"}
	case p.Mount == "/boot/efi" || m.ofESP(p.Mount):
		types = [2]string{ESP, "0xef"}
	case kind == "" && p.LUKS != nil:
		types[0] = "ca7d7ccb-63ed-4c53-861c-1742536059cc"
	case kind == "raid":
		types = [2]string{"a19d880f-05fc-4d3b-a006-743f0f84911e", "0xfd"}
	case kind == "pv":
		types = [2]string{"e6d6d379-f507-44c2-a23c-238f2a3df928", "0x8e"}
	case p.fstype == "swap":
		types = [2]string{"0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "0x82"}
	}
	if table == "dos" {
		return types[1]
	}
	return types[0]
}

// ESP is the type of an EFI system partition in a gpt.
const ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

// ofESP reports whether member is of an array that the firmware reads.
func (m *maker) ofESP(member string) bool {
	return slices.ContainsFunc(m.s.Arrays, func(a config.Array) bool { return a.Mount == "/boot/efi" && slices.Contains(a.Members, member) })
}

// partPath is the device of partition n: the kernel puts a "p" behind a digit
// (block/partitions/core.c).
func partPath(disk string, n int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		disk += "p"
	}
	return disk + strconv.Itoa(n)
}

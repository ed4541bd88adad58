package devices

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// mirror spells autopart for the smaller disk, and then makes each partition a pair: for
// the firmware one on each disk or an array it can read, btrfs over both by itself, all else
// arrays of level 1.
func (g Guided) mirror(set Setup) (config.Storage, error) {
	var pair []machine.Disk
	for _, path := range g.Disks {
		d, err := set.Machine.Find(path)
		if err != nil {
			return config.Storage{}, err
		}
		pair = append(pair, d)
	}
	small := slices.MinFunc(pair, func(x, y machine.Disk) int { return cmp.Compare(x.Size, y.Size) })
	one := config.Storage{Zerombr: true, Auto: g.auto(), Clear: config.Clear{Mode: "all", Drives: []string{short(small.Path)}, InitLabel: true, Label: "gpt"}}
	single, problems := layout.Spell((&Editor{set: alone(set, g.Disks, small)}).request(one))
	if len(problems) > 0 {
		return config.Storage{}, refused(problems)
	}
	out := single
	out.OnlyUse, out.Clear.Drives = shorts(g.Disks), shorts(g.Disks)
	out.Partitions, out.Arrays, out.Btrfs = nil, nil, slices.Clone(single.Btrfs)
	out.Groups = capped(single.Groups, small.Size)
	m := mirroring{disks: out.OnlyUse}
	for _, s := range staying(set, g.Disks) {
		m.taken = append(m.taken, s.Name)
	}
	for _, p := range single.Partitions {
		if err := m.double(&out, p); err != nil {
			return config.Storage{}, err
		}
	}
	return out, nil
}

// mirroring makes pairs of partitions.
type mirroring struct {
	taken []string // names of arrays that can't be used
	disks []string
	n     int // members so far
}

func (m *mirroring) double(out *config.Storage, p config.Partition) error {
	kind, _, _ := strings.Cut(p.Mount, ".")
	switch {
	case p.OnPart != "":
		return errors.New("a mirror can't use what is there already")
	case p.Mount == AsBIOSBoot:
		m.pair(out, p, func(int) string { return p.Mount })
	case kind == "btrfs":
		names := m.pair(out, p, func(n int) string { return fmt.Sprintf("btrfs.%d", n) })
		for i := range out.Btrfs {
			if slices.Contains(out.Btrfs[i].Members, p.Mount) {
				out.Btrfs[i].Members, out.Btrfs[i].Data, out.Btrfs[i].Metadata = names, "raid1", "raid1"
			}
		}
	default:
		member := p
		member.Format = config.Format{}
		a := config.Array{Mount: p.Mount, Format: p.Format, Name: m.name(p.Mount), Level: "1"}
		if p.Mount == "/boot/efi" {
			a.FSType = AsEFI
		}
		a.Members = m.pair(out, member, func(n int) string { return fmt.Sprintf("raid.%d", n) })
		out.Arrays = append(out.Arrays, a)
	}
	return nil
}

// pair puts p on each disk.
func (m *mirroring) pair(out *config.Storage, p config.Partition, name func(n int) string) []string {
	var names []string
	for _, disk := range m.disks {
		m.n++
		p.Mount, p.Disk = name(m.n), disk
		names = append(names, p.Mount)
		out.Partitions = append(out.Partitions, p)
	}
	return names
}

// name is one for the array at a mount point: "root", "boot", "pv".
func (m *mirroring) name(mount string) string {
	word, _, _ := strings.Cut(path.Base(mount), ".")
	if mount == "/" {
		word = "root"
	}
	name := word
	for n := 1; slices.Contains(m.taken, name); n++ {
		name = fmt.Sprintf("%s%d", word, n)
	}
	m.taken = append(m.taken, name)
	return name
}

// alone is the machine with only that disk, empty, and what is on others than these.
func alone(set Setup, disks []string, d machine.Disk) Setup {
	set.Machine.Stacks = staying(set, disks)
	d.Table, d.FSType, d.Label, d.UUID, d.Parts = "", "", "", "", nil
	set.Machine.Disks = []machine.Disk{d}
	return set
}

// staying are the arrays, groups and so on that aren't on these disks alone.
func staying(set Setup, disks []string) []machine.Stack {
	var all []machine.Stack
	e := &Editor{set: set}
	for _, s := range set.Machine.Stacks {
		other := func(leaf string) bool {
			d := diskOf(set.Machine, leaf)
			return d == nil || !slices.Contains(disks, d.Path)
		}
		if slices.ContainsFunc(e.leaves(s, len(set.Machine.Stacks)), other) {
			all = append(all, s)
		}
	}
	return all
}

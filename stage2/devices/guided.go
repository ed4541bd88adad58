package devices

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// Ways to use disks.
const (
	Erase  = "erase"  // all that is on them goes
	Beside = "beside" // only their free room is used
)

// Guided is a layout that follows from a few choices.
type Guided struct {
	Disks  []string // paths; the first takes what isn't spread
	How    string   // Erase or Beside
	Scheme string   // as autopart's: "plain", "lvm", "thinp", "btrfs"
	FSType string   // of what isn't btrfs
	NoSwap bool
	NoHome bool
	Mirror bool // RAID1 over two disks, either of which starts
	LUKS   *config.LUKS

	Shrink    string // beside: the partition that is made smaller
	ShrinkMiB int64  // its size then
}

// Storage is the layout in the words of a kickstart: autopart where that says it all.
func (g Guided) Storage(set Setup) (config.Storage, error) {
	switch {
	case len(g.Disks) == 0:
		return config.Storage{}, errors.New("no disk has been chosen")
	case g.Mirror && len(g.Disks) != 2:
		return config.Storage{}, fmt.Errorf("a mirror (RAID 1) is over two disks, and %d %s chosen", len(g.Disks), isAre(len(g.Disks)))
	case g.Mirror && g.How == Beside:
		return config.Storage{}, errors.New("a mirror needs both disks as a whole; the manual way can make one beside what is there")
	case g.How == Erase && g.Scheme == "plain" && !g.Mirror && len(g.Disks) > 1:
		return config.Storage{}, errors.New("plain partitions are on one disk; choose LVM or btrfs to use several, or a mirror")
	case g.How == Beside && g.Shrink == "" && !g.roomy(set.Machine):
		return config.Storage{}, fmt.Errorf("there is no free room for partitions on %s; use the whole disk, or make a file system smaller", strings.Join(g.Disks, ", "))
	}
	if g.Mirror {
		return g.mirror(set)
	}
	s := config.Storage{OnlyUse: shorts(g.Disks), Auto: g.auto()}
	if g.How == Erase {
		s.Zerombr = true
		s.Clear = config.Clear{Mode: "all", Drives: s.OnlyUse, InitLabel: true, Label: "gpt"}
		return s, nil
	}
	if g.Shrink == "" {
		return s, nil
	}
	return g.shrink(set, s)
}

// roomy reports whether there is free room on a disk.
func (g Guided) roomy(m machine.Machine) bool {
	return slices.ContainsFunc(m.Disks, func(d machine.Disk) bool { return slices.Contains(g.Disks, d.Path) && Room(d) > 0 })
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func (g Guided) auto() *config.Autopart {
	a := &config.Autopart{Type: g.Scheme, FSType: g.FSType, NoSwap: g.NoSwap, NoHome: g.NoHome, LUKS: g.LUKS}
	if g.Scheme == "btrfs" {
		a.FSType = ""
	}
	return a
}

// Check is what is wrong with a layout.
func Check(set Setup, s config.Storage) layout.Problems {
	e := &Editor{set: set}
	return layout.Make(e.request(s)).Problems
}

// Shrinkable are the partitions of disks that can be made smaller: ext2, ext3 and ext4, of which
// nothing else is a part.
func Shrinkable(m machine.Machine, disks []string) []machine.Part {
	var all []machine.Part
	for _, d := range m.Disks {
		if !slices.Contains(disks, d.Path) {
			continue
		}
		for _, p := range d.Parts {
			if _, member := m.StackOn(p.Path); !member && strings.HasPrefix(p.FSType, "ext") && len(p.FSType) == 4 {
				all = append(all, p)
			}
		}
	}
	return all
}

// Room is how many bytes of a disk are free for partitions.
func Room(d machine.Disk) int64 {
	var sum int64
	for _, r := range layout.AsItIs(d).Rooms() {
		sum += r.Size
	}
	return sum
}

// shrink spells autopart for the machine as it is with a smaller partition, since what
// makes one smaller can't stand beside autopart.
func (g Guided) shrink(set Setup, s config.Storage) (config.Storage, error) {
	after := set
	after.Machine.Disks = slices.Clone(after.Machine.Disks)
	for i, d := range after.Machine.Disks {
		parts := slices.Clone(d.Parts)
		for j, p := range parts {
			switch {
			case p.Path != g.Shrink:
			case g.ShrinkMiB <= 0 || g.ShrinkMiB*mib >= p.Size:
				return s, fmt.Errorf("%s is %s; say a smaller size for it", p.Path, machine.Size(p.Size))
			default:
				parts[j].Size = g.ShrinkMiB * mib
			}
		}
		after.Machine.Disks[i].Parts = parts
	}
	out, problems := layout.Spell((&Editor{set: after}).request(s))
	if len(problems) > 0 {
		return s, refused(problems)
	}
	smaller := config.Partition{Mount: "none", OnPart: short(g.Shrink), Resize: true, SizeMiB: g.ShrinkMiB, Format: config.Format{Existing: true, NoFormat: true}}
	out.Partitions = append([]config.Partition{smaller}, out.Partitions...)
	return out, nil
}

// capped says in MiB what autopart reserves of a group, where a percentage would be more than its 100 GiB.
func capped(groups []config.VolumeGroup, size int64) []config.VolumeGroup {
	groups = slices.Clone(groups)
	for i, g := range groups {
		if reserve := size / mib * int64(g.ReservedPercent) / 100; reserve > 100<<10 {
			groups[i].ReservedPercent, groups[i].ReservedMiB = 0, 100<<10
		}
	}
	return groups
}

package layout

import (
	"cmp"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// btrfs builds the btrfs volumes, and in them the subvolumes.
func (m *maker) btrfs() {
	made := map[int]Layer{} // by the index of their request
	for i, v := range m.s.Btrfs {
		if v.Parent != "" {
			continue
		}
		if l, ok := m.btrfsVolume(v); ok {
			made[i] = l
		}
	}
	for _, v := range m.s.Btrfs {
		if v.Parent == "" {
			continue
		}
		i := slices.IndexFunc(m.s.Btrfs, func(p config.Btrfs) bool { return p.Parent == "" && names(p, v.Parent) })
		if l, ok := made[i]; ok {
			m.addSubvolume(l, v)
		} else if old, ok := m.oldBtrfs(v); ok {
			m.addSubvolume(m.openBtrfs(old), v)
		}
	}
}

// btrfsVolume makes one, or opens one that is there; false when its members aren't known.
func (m *maker) btrfsVolume(v config.Btrfs) (Layer, bool) {
	var l Layer
	if old, ok := m.oldBtrfs(v); ok {
		l = m.openBtrfs(old)
	} else {
		sizes, on, ok := m.known(v.Members)
		if !ok {
			return l, false
		}
		l = Layer{Kind: Btrfs, Name: cmp.Or(v.Label, v.Members[0]), Device: on[0], On: on, UUID: m.IDs(), Label: v.Label,
			Data: v.Data, Metadata: v.Metadata, MkfsOptions: v.MkfsOptions, Size: btrfsSize(v.Data, sizes)}
		m.Layers = append(m.Layers, l)
		m.btrfsFits(v, l, sizes)
	}
	if v.Mount != "" && v.Mount != "none" {
		m.addSubvolume(l, v)
	}
	return l, true
}

// btrfsFits refuses what mkfs.btrfs would (tried out with 6.2): chunks of its profiles must fit on each device.
func (m *maker) btrfsFits(v config.Btrfs, l Layer, sizes []int64) {
	least := leastSize("btrfs", 0)
	switch {
	case len(sizes) < btrfsProfiles()[v.Data]:
		return // said by check
	case len(sizes) > 1:
		least = 128
	case v.Data == "dup" || v.Metadata == "dup":
		least = 256
	}
	for i, size := range sizes {
		if size < least*mib {
			m.Problems.Add(TooSmall, "btrfs "+l.Name, "%s is %s, and each member needs at least %d MiB", v.Members[i], machine.Size(size), least)
		}
	}
}

// openBtrfs is the layer of a btrfs that stays, added once.
func (m *maker) openBtrfs(s machine.Stack) Layer {
	for _, l := range m.Layers {
		if l.Kind == Btrfs && l.UUID == s.UUID {
			return l
		}
	}
	on := m.now(s.Members)
	l := Layer{Kind: Btrfs, Name: cmp.Or(s.Label, s.Name, s.UUID), Device: on[0], On: on, UUID: s.UUID, Label: cmp.Or(s.Label, s.Name), Size: s.Size, Existing: true}
	m.Layers = append(m.Layers, l)
	return l
}

// addSubvolume adds what is mounted from l: a subvolume, or the whole.
func (m *maker) addSubvolume(l Layer, v config.Btrfs) {
	there := l.Existing
	if there && v.Subvolume != "" {
		old, _ := m.oldBtrfs(v)
		there = slices.ContainsFunc(old.Volumes, func(s machine.Stacked) bool { return s.Name == v.Subvolume })
		if wants := v.Existing || v.NoFormat; wants != there {
			m.Problems.Add(BadReference, v.Mount, "%s; the btrfs %s has %s", map[bool]string{
				true: "there is no subvolume " + v.Subvolume + " to be used again", false: "a subvolume " + v.Subvolume + " is there already: use --useexisting"}[wants],
				l.Name, old.Describe())
		}
	}
	if v.Mount == "/" && there {
		m.Problems.Add(BadPartition, "/", "can't be kept: the new system needs an empty file system or a new subvolume")
	}
	m.Volumes = append(m.Volumes, Volume{Device: l.Device, Mount: v.Mount, FSType: "btrfs", Size: l.Size, UUID: l.UUID, Label: l.Label,
		Subvolume: v.Subvolume, Existing: there, NoFormat: there})
}

// btrfsSize is about what a btrfs holds: profiles with a copy hold half.
func btrfsSize(profile string, members []int64) int64 {
	var sum int64
	for _, size := range members {
		sum += size
	}
	rest := sum - slices.Max(members)
	switch profile {
	case "raid1", "raid10":
		return min(sum/2, rest) / mib * mib
	case "dup":
		return sum / 2 / mib * mib
	case "raid1c3":
		return sum / 3 / mib * mib
	case "raid1c4":
		return sum / 4 / mib * mib
	case "raid5":
		return rest
	case "raid6":
		return max(0, rest-slices.Max(members))
	}
	return sum
}

// btrfsProfiles are the profiles and how many devices each needs, mkfs.btrfs(8).
func btrfsProfiles() map[string]int {
	return map[string]int{"": 1, "single": 1, "dup": 1, "raid0": 1, "raid1": 2, "raid10": 2, "raid1c3": 3, "raid1c4": 4, "raid5": 2, "raid6": 3}
}

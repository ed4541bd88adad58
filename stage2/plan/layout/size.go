package layout

import (
	"slices"

	"github.com/molt-installer/molt/stage2/config"
)

// SwapSize is how much swap a machine gets by itself, in bytes: Anaconda's
// rule of thumb, but at most a tenth of the disk. It is 0 on a tiny disk.
func SwapSize(memory, disk int64) int64 {
	size := min(swapFor(memory), disk/10) / mib * mib
	if size < 64*mib {
		return 0
	}
	return size
}

func swapFor(memory int64) int64 {
	switch {
	case memory < 2*gib:
		return 2 * memory
	case memory < 8*gib:
		return memory
	case memory < 64*gib:
		return memory / 2
	}
	return 4 * gib
}

// swapWanted is the size in MiB of swap that has none of its own; 0 when it has.
func (m *maker) swapWanted(recommended, hibernation bool, disk int64) int64 {
	switch {
	case hibernation:
		return (m.Machine.Memory + swapFor(m.Machine.Memory) + mib - 1) / mib
	case recommended:
		return max(64, SwapSize(m.Machine.Memory, disk)/mib)
	}
	return 0
}

// espSize is the usual size in MiB, or a smaller one on a small disk. FAT32
// with sectors of 4096 bytes can't be smaller than 256 MiB (65525 clusters).
func (m *maker) espSize() int64 {
	if d := m.mainDisk(); d != nil && d.Size < 4*gib && d.Sector <= 512 {
		return 64
	}
	return 512
}

func (m *maker) bootSize() int64 {
	if d := m.mainDisk(); d != nil && d.Size < 16*gib {
		return 512
	}
	return 1024
}

// leastSize is what the mkfs programs refuse to go below, in MiB.
func leastSize(fstype string, sector int) int64 {
	switch fstype {
	case "xfs":
		return 300
	case "btrfs":
		return 114
	case "vfat":
		if sector > 512 {
			return 260
		}
		return 36
	case "ext2", "ext3", "ext4":
		return 16
	}
	return 1
}

// luksHeader is what encryption takes of a device: cryptsetup's data offset.
func luksHeader(l *config.LUKS) int64 {
	if l.Version == "luks1" {
		return 2 * mib
	}
	return 16 * mib
}

// arrayOverhead is what md takes of a member, rounded up: the superblock, the bitmap
// and, with 1.2, room to be reshaped into (mdadm, super1.c: a 1024th, at most 128 MiB).
func arrayOverhead(member int64, metadata string) int64 {
	if metadata == "1.0" {
		return mib
	}
	return mib + min(128*mib, (member/1024+mib-1)/mib*mib)
}

// arraySize is what can be used of an array of these members; spares are not among them. Of each
// only whole chunks count, but for level 1, which has none.
func arraySize(level, metadata string, chunkKiB int, members []int64) int64 {
	unit := int64(mib)
	if level != "1" {
		unit = max(unit, int64(chunkKiB)*1024)
	}
	var sum int64
	net := make([]int64, len(members))
	for i, size := range members {
		net[i] = max(0, (size-arrayOverhead(size, metadata))/unit*unit)
		sum += net[i]
	}
	if len(net) == 0 {
		return 0
	}
	n, least := int64(len(net)), slices.Min(net)
	switch level {
	case "0", "linear":
		return sum
	case "1":
		return least
	case "4", "5":
		return (n - 1) * least
	case "6":
		return (n - 2) * least
	case "10":
		return n * least / 2 / mib * mib
	}
	return 0
}

// leastMembers is how many active members a level needs; 0 for one that isn't known.
func leastMembers(level string) int {
	return map[string]int{"0": 2, "linear": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 2}[level]
}

// grower is what shares room with others.
type grower struct {
	base, max int64 // max 0 is none
	got       *int64
}

// grow shares room among all, in proportion to what they have by themselves, up
// to their maximum. Whatever the unit is, it is never broken.
func grow(room int64, all []grower) {
	active := slices.DeleteFunc(slices.Clone(all), func(g grower) bool { return g.max > 0 && *g.got >= g.max })
	for room > 0 && len(active) > 0 {
		var weight, given int64
		for _, g := range active {
			weight += max(1, g.base)
		}
		next := active[:0:0]
		for _, g := range active {
			more := mulDiv(room, max(1, g.base), weight)
			if g.max > 0 && *g.got+more >= g.max {
				more = g.max - *g.got
			} else {
				next = append(next, g)
			}
			*g.got += more
			given += more
		}
		if given == 0 { // less than one for each
			for i := range min(int(room), len(next)) {
				*next[i].got++
			}
			return
		}
		room, active = room-given, next
	}
}

// mulDiv is a*b/c without the overflow of large disks.
func mulDiv(a, b, c int64) int64 { return a/c*b + a%c*b/c }

package devices

import (
	"slices"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// Refresh goes on with new facts about the machine. What was decided stays, also about a
// disk that is gone; but nothing that was decided about one of others, disks as they were
// before another one got their name. It returns the paths of those that something was
// decided about.
func (e *Editor) Refresh(set Setup, others ...machine.Disk) (lost []string) {
	was := e.set.Machine
	was.Disks = append(slices.Clone(others), was.Disks...)
	for _, d := range others {
		now, changed := without(e.now, d, was)
		if changed {
			lost = append(lost, d.Path)
		}
		e.now = now
		for i := range e.past {
			e.past[i], _ = without(e.past[i], d, was)
		}
	}
	e.set = set
	e.set.Refused = e.limits()
	e.take(e.now)
	return lost
}

// without is s without what it says about a disk of m, and whether it said something. What
// arrays, groups and btrfs lose with the disk can't be told apart from the rest, so then all
// of it goes.
func without(s config.Storage, d machine.Disk, m machine.Machine) (config.Storage, bool) {
	on := func(name string) bool {
		return name != "" && diskOf(machine.Machine{Disks: []machine.Disk{d}}, "/dev/"+short(name)) != nil
	}
	used := func(p config.Partition) bool { return on(p.Disk) || on(p.OnPart) }
	named := slices.ContainsFunc(s.Partitions, used)
	stacked := len(s.Arrays)+len(s.Groups)+len(s.Logicals)+len(s.Btrfs) > 0
	switch {
	case stacked && (named || carries(d)):
		return config.Storage{}, true
	case !named && !slices.ContainsFunc(s.Clear.Drives, on) && !slices.ContainsFunc(s.Clear.List, on):
		return s, false
	}
	c := clearingOf(s.Clear, m)
	c.fresh, c.gone = slices.DeleteFunc(c.fresh, on), slices.DeleteFunc(c.gone, on)
	s.Clear = c.storage(m)
	s.Partitions = slices.DeleteFunc(slices.Clone(s.Partitions), used)
	return s, true
}

// carries reports whether something on d may be a part of an array, a group or a btrfs.
func carries(d machine.Disk) bool {
	member := func(fstype string) bool {
		return slices.Contains([]string{"LVM2_member", "linux_raid_member", "crypto_LUKS", "btrfs"}, fstype)
	}
	return member(d.FSType) || slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return member(p.FSType) })
}

package plan

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// targets are the disks that may be written, in the order in which they were
// named. Only these ever get into the plan.
func (b *builder) targets() []machine.Disk {
	s := b.Answers.Storage
	var named []machine.Disk
	for _, spec := range s.Clear.Drives {
		named = b.name(named, spec)
	}
	for _, p := range s.Partitions {
		if p.Disk != "" {
			named = b.name(named, p.Disk)
			b.checkOne(p)
		}
	}
	if s.Clear.Mode == "all" && len(s.Clear.Drives) == 0 {
		named = b.everyDisk(named)
	}
	if len(named) == 0 && len(b.problems) == 0 {
		b.problems.add(NoTarget, "", "no disk may be written: name one (clearpart --all --drives=…)%s", b.refusals())
	}
	return slices.DeleteFunc(named, b.kept)
}

// name adds the disks that spec names, and refuses those that can't be targets.
func (b *builder) name(named []machine.Disk, spec string) []machine.Disk {
	found := b.Machine.FindAll(spec)
	for _, d := range found {
		if why := b.refusal(d); why != "" {
			b.problems.add(DiskRefused, d.Path, "can't be installed on: %s", why)
		} else if !hasDisk(named, d) {
			named = append(named, d)
		}
	}
	if len(found) == 0 {
		b.problems.add(DiskUnknown, spec, "no such disk; there is %s", b.diskList())
	}
	return named
}

// checkOne refuses a partition that would be on several disks.
func (b *builder) checkOne(p config.Partition) {
	if n := len(b.Machine.FindAll(p.Disk)); n > 1 {
		b.problems.add(BadPartition, p.Mount, "--ondisk=%s names %d disks; name one", p.Disk, n)
	}
}

// everyDisk adds all disks that clearpart --all means when it names none:
// Anaconda's selected disks, without those that are protected.
func (b *builder) everyDisk(named []machine.Disk) []machine.Disk {
	for _, d := range b.Machine.Disks {
		if b.refusal(d) == "" && !hasDisk(named, d) && !b.unreadable(d) && !b.holdsKickstart(d) {
			named = append(named, d)
		}
	}
	return named
}

// refusal says why d can never be a target; empty when it can.
func (b *builder) refusal(d machine.Disk) string {
	s := b.Answers.Storage
	switch {
	case d.InUse != "":
		return d.InUse
	case b.isMedium(d):
		return "the installer was started from it"
	case d.ReadOnly:
		return "it is read-only"
	case d.Removable:
		return "it is removable"
	case hasLabel(d, "OEMDRV"):
		return "it holds the volume OEMDRV"
	case d.Size <= 0:
		return "it has no medium in it"
	case slices.ContainsFunc(s.Ignore, func(spec string) bool { return matches(d, spec) }):
		return "ignoredisk --drives names it"
	case len(s.OnlyUse) > 0 && !slices.ContainsFunc(s.OnlyUse, func(spec string) bool { return matches(d, spec) }):
		return "ignoredisk --only-use doesn't name it"
	}
	return ""
}

// Targets are the disks a person can be offered, and for each of the others,
// by its path, why not.
func Targets(m machine.Machine, record handoff.Record) (usable []machine.Disk, refused map[string]string) {
	b := &builder{Input: Input{Machine: m, Handoff: record}}
	refused = map[string]string{}
	for _, d := range m.Disks {
		if why := b.refusal(d); why != "" {
			refused[d.Path] = why
		} else {
			usable = append(usable, d)
		}
	}
	return usable, refused
}

// isMedium reports whether the installer was started from d or a partition of it.
func (b *builder) isMedium(d machine.Disk) bool { return isOn(d, b.Handoff.Medium.Device) }

// holdsKickstart reports whether the kickstart came from d. Such a disk is written
// only when it is named itself.
func (b *builder) holdsKickstart(d machine.Disk) bool {
	if b.Handoff.Kickstart == nil {
		return false
	}
	src, err := media.ParseSource(b.Handoff.Kickstart.Origin)
	return err == nil && isOn(d, src.Device)
}

// isOn reports whether dev is d or a partition of it.
func isOn(d machine.Disk, dev string) bool {
	if dev == d.Path {
		return true
	}
	return slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Path == dev })
}

// unreadable reports whether d has no table, without leave to make one. Then
// there may be anything on it.
func (b *builder) unreadable(d machine.Disk) bool {
	s := b.Answers.Storage
	return d.Table == "" && !s.Zerombr && !s.Clear.InitLabel
}

// kept reports whether something on d has to stay. Keeping partitions is not
// supported, so such a disk is refused.
func (b *builder) kept(d machine.Disk) bool {
	if b.unreadable(d) {
		b.problems.add(DiskKept, d.Path, "has no partition table; zerombr or clearpart --initlabel allows to make one")
		return true
	}
	for _, p := range d.Parts {
		if !b.cleared(p) {
			b.problems.add(DiskKept, d.Path, "%s (%s) is not given up, and keeping partitions is not supported; use clearpart --all --drives=%s",
				p.Path, p.Describe(), d.Name())
			return true
		}
	}
	return false
}

// cleared reports whether clearpart gives p up.
func (b *builder) cleared(p machine.Part) bool {
	c := b.Answers.Storage.Clear
	switch c.Mode {
	case "all":
		return true
	case "linux":
		return slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs", "swap", "LVM2_member", "linux_raid_member", "crypto_LUKS"}, p.FSType)
	case "list":
		return slices.ContainsFunc(c.List, func(spec string) bool { return "/dev/"+strings.TrimPrefix(spec, "/dev/") == p.Path })
	}
	return false
}

func (b *builder) diskList() string {
	var paths []string
	for _, d := range b.Machine.Disks {
		paths = append(paths, d.Path)
	}
	if len(paths) == 0 {
		return "no disk at all"
	}
	return strings.Join(paths, ", ")
}

// refusals explains, when nothing is named, why each disk that is there is out.
func (b *builder) refusals() string {
	var s strings.Builder
	for _, d := range b.Machine.Disks {
		why := b.refusal(d)
		if why == "" && b.holdsKickstart(d) {
			why = "the kickstart is on it (clearpart --drives can name it)"
		}
		if why == "" && b.unreadable(d) && b.Answers.Storage.Clear.Mode == "all" {
			why = "it has no partition table (zerombr allows to make one)"
		}
		if why != "" {
			s.WriteString("; " + d.Path + ": " + why)
		}
	}
	return s.String()
}

// matches reports whether a kickstart's disk specification means d.
func matches(d machine.Disk, spec string) bool {
	return len(machine.Machine{Disks: []machine.Disk{d}}.FindAll(spec)) > 0
}

func hasLabel(d machine.Disk, label string) bool {
	return d.Label == label || slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Label == label })
}

func hasDisk(disks []machine.Disk, d machine.Disk) bool {
	return slices.ContainsFunc(disks, func(e machine.Disk) bool { return e.Path == d.Path })
}

package layout

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// clear decides what of each named disk goes, and which disks get a new table.
func (m *maker) clear() {
	for _, d := range m.disks {
		m.clearDisk(d)
	}
	m.resizes()
}

func (m *maker) clearDisk(d *disk) {
	if !d.room {
		return // only what is there is used
	}
	if d.Table == "" {
		m.clearWhole(d)
		return
	}
	all := d.scope && m.s.Clear.Mode == "all"
	if _, member := m.Machine.StackOn(d.Path); (member || d.FSType != "") && !all {
		m.keep(d, "is part of something as a whole, in spite of its partition table; use clearpart --all --drives="+d.Name())
		return
	}
	for _, p := range d.Parts {
		if d.scope && m.cleared(p) {
			d.lost[p.Path] = true
		}
	}
	d.dropExtended()
	none := len(d.lost) == len(d.Parts)
	switch {
	case d.scope && none && (all || m.s.Clear.InitLabel):
		m.renew(d, true)
	case d.Table != "gpt" && d.Table != "dos":
		m.renew(d, false)
	}
}

// clearWhole is for a disk without a table.
func (m *maker) clearWhole(d *disk) {
	all := d.scope && m.s.Clear.Mode == "all"
	linux := d.scope && m.s.Clear.Mode == "linux" && linuxFS(d.FSType)
	linux = linux || d.scope && m.cleared(machine.Part{Path: d.Path}) && m.s.Clear.Mode == "list"
	switch {
	case m.usedWhole(d):
		d.room = false
	case m.unreadable(d.Disk):
		m.keep(d, "has no partition table; zerombr or clearpart --initlabel allows to make one")
	case len(d.Parts) > 0 && !all:
		m.keep(d, "has partitions ("+d.Contents()+") and no table that can be changed; use clearpart --all --drives="+d.Name())
	case d.FSType != "" && !all && !linux:
		m.keep(d, "holds "+d.Contents()+", which is not given up; use clearpart --all --drives="+d.Name())
	default:
		m.renew(d, true)
	}
}

// keep leaves d as it is: a problem when d was named itself.
func (m *maker) keep(d *disk, why string) {
	d.room = false
	asked := slices.ContainsFunc(m.s.Clear.Drives, func(spec string) bool { return Matches(d.Disk, spec) }) || slices.ContainsFunc(m.s.Partitions, func(p config.Partition) bool { return p.Disk != "" && Matches(d.Disk, p.Disk) })
	if asked {
		m.Problems.Add(DiskKept, d.Path, "%s", why)
	}
}

// renew gives d a new table, when nothing on it has to stay.
func (m *maker) renew(d *disk, empty bool) {
	if !empty {
		m.keep(d, "has a partition table of the kind "+d.Table+", to which nothing can be added; use clearpart --all --drives="+d.Name())
		return
	}
	d.fresh, d.table = true, "gpt"
	switch label := m.s.Clear.Label; label {
	case "", "gpt":
	case "msdos", "mbr", "dos":
		d.table = "dos"
	default:
		m.Problems.Add(NotSupported, "clearpart --disklabel="+label, "use gpt or msdos")
	}
}

// usedWhole reports whether a request uses the file system on the whole of d.
func (m *maker) usedWhole(d *disk) bool {
	return slices.ContainsFunc(m.s.Partitions, func(p config.Partition) bool {
		found, err := m.findPart(p.OnPart)
		return p.OnPart != "" && err == nil && found.Path == d.Path
	})
}

// cleared reports whether clearpart gives p up.
func (m *maker) cleared(p machine.Part) bool {
	c := m.s.Clear
	switch c.Mode {
	case "all":
		return true
	case "linux":
		return p.Use() != "extended" && (linuxFS(p.FSType) || p.FSType == "" && linuxUse(p.Use()))
	case "list":
		return slices.ContainsFunc(c.List, func(spec string) bool {
			all, _ := m.listed(spec)
			return slices.ContainsFunc(all, func(d machine.Device) bool { return d.Path == p.Path })
		})
	}
	return false
}

func linuxFS(fstype string) bool {
	return slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs", "swap", "LVM2_member", "linux_raid_member", "crypto_LUKS"}, fstype)
}

func linuxUse(use string) bool {
	return slices.Contains([]string{"Linux", "swap", "LVM", "RAID", "BIOS boot"}, use)
}

// dropExtended gives the extended partition up when the last logical one in it goes. One that
// was empty before stays: nobody named it.
func (d *disk) dropExtended() {
	left, gone := 0, 0
	for _, p := range d.Parts {
		switch {
		case p.Number <= 4:
		case d.lost[p.Path]:
			gone++
		default:
			left++
		}
	}
	for _, p := range d.Parts {
		if isExtended(p) && p.Number <= 4 && gone > 0 && left == 0 {
			d.lost[p.Path] = true
		}
	}
}

func isExtended(p machine.Part) bool { return p.Use() == "extended" }

// gone reports whether what is at path is given up: it is cleared, or will be formatted.
func (m *maker) gone(l leaf) bool {
	d := m.find(l.disk.Path)
	if d == nil {
		return false
	}
	return d.fresh || l.part != nil && d.lost[l.part.Path] || m.reformats(l.path())
}

// reformats reports whether a request makes something new on an existing partition.
func (m *maker) reformats(path string) bool {
	return slices.ContainsFunc(m.s.Partitions, func(p config.Partition) bool {
		if p.OnPart == "" || p.NoFormat {
			return false
		}
		d, err := m.findPart(p.OnPart)
		return err == nil && d.Path == path
	})
}

// resizes takes the new sizes of partitions that stay. What can't be made smaller or
// larger without risk is refused.
func (m *maker) resizes() {
	for _, p := range m.s.Partitions {
		if !p.Resize {
			continue
		}
		found, err := m.findPart(p.OnPart)
		if p.OnPart == "" || err != nil || found.Part == nil {
			m.Problems.Add(BadPartition, p.Mount, "--resize goes only with --onpart=… of a partition")
			continue
		}
		d := m.find(found.Disk.Path)
		if size := p.SizeMiB * mib; d != nil && size != found.Size && m.resizable(p, found, size) && m.roomAfter(d, found, size) {
			d.resized[found.Path] = size
		}
	}
}

// resizable reports whether the file system can get that size.
func (m *maker) resizable(p config.Partition, d machine.Device, size int64) bool {
	_, member := m.Machine.StackOn(d.Path)
	grows := size > d.Size
	switch {
	case !p.NoFormat:
		return true
	case strings.HasPrefix(d.FSType, "ext") && len(d.FSType) == 4:
		return true
	case (d.FSType == "xfs" || d.FSType == "btrfs" && !member) && grows:
		return true
	case !grows:
		m.Problems.Add(NotSupported, p.Mount, "%s (%s, %s) can't be made smaller; shrink it in its own system first, and leave --resize out", d.Path, d.FSType, machine.Size(d.Size))
	default:
		m.Problems.Add(NotSupported, p.Mount, "%s (%s) can't be made larger; leave --resize out", d.Path, d.FSType)
	}
	return false
}

// roomAfter reports whether there is free room behind a partition for its new size.
func (m *maker) roomAfter(d *disk, found machine.Device, size int64) bool {
	end := found.Part.Start + size
	limit := d.end() * mib
	for _, p := range d.keeps() {
		switch {
		case d.table == "dos" && isExtended(p) && found.Part.Number > 4:
			limit = min(limit, p.Start+d.extent(p))
		case p.Start > found.Part.Start:
			start := p.Start
			if d.table == "dos" && p.Number > 4 {
				start -= mib
			}
			limit = min(limit, start)
		}
	}
	if end <= limit {
		return true
	}
	m.Problems.Add(TooSmall, found.Path, "can't be made %s large: there is room for %s", machine.Size(size), machine.Size(limit-found.Part.Start))
	return false
}

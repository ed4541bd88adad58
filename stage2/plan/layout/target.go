package layout

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// disk is a named disk, with what becomes of it.
type disk struct {
	machine.Disk
	scope   bool              // clearpart means it
	room    bool              // new partitions may be made on it
	used    bool              // what is there already is asked for
	fresh   bool              // it gets a new table
	table   string            // the kind it will have
	lost    map[string]bool   // partitions that go, by path
	resized map[string]int64  // new sizes of partitions that stay, by path
	renamed map[string]string // what partitions that stay are called then, where it is another name
	whole   *piece            // what is on the disk without a table
}

// target finds the disks that may be written, in the order in which they were
// named. Only these ever get into the result.
func (m *maker) target() {
	s := m.s
	m.ignored()
	for _, spec := range s.Clear.Drives {
		m.name(spec, true, true)
	}
	if len(s.Clear.Drives) == 0 && (s.Clear.Mode == "all" || s.Clear.Mode == "linux") {
		m.everyDisk()
	}
	for _, spec := range s.Clear.List {
		m.nameListed(spec)
	}
	for _, spec := range s.OnlyUse {
		for _, d := range m.Machine.FindAll(spec) {
			if m.Refused[d.Path] == "" {
				m.add(d, false, true)
			}
		}
	}
	for _, p := range s.Partitions {
		m.nameFor(p)
	}
	m.nameExisting()
	if len(m.disks) == 0 && len(m.Problems) == 0 {
		m.Problems.Add(NoTarget, "", "no disk may be written: name one (clearpart --all --drives=…)%s", m.refusals())
	}
}

// ignored refuses names of disks that aren't there: what was to be left alone would not be.
func (m *maker) ignored() {
	there := func(option string, specs []string) {
		for _, spec := range specs {
			if len(m.Machine.FindAll(spec)) == 0 {
				m.Problems.Add(DiskUnknown, "ignoredisk "+option+"="+spec, "no such disk; there is %s", m.diskList())
			}
		}
	}
	there("--drives", m.s.Ignore)
	there("--only-use", m.s.OnlyUse)
}

// name adds the disks that spec names, and refuses those that can't be targets. A pattern
// leaves these out, if it names others.
func (m *maker) name(spec string, scope, room bool) {
	found := m.Machine.FindAll(spec)
	if len(found) > 1 && (strings.Contains(spec, "LABEL=") || strings.Contains(spec, "UUID=")) {
		m.Problems.Add(DiskUnknown, spec, "%d disks have that; name the one that is meant", len(found))
		return
	}
	usable := slices.ContainsFunc(found, func(d machine.Disk) bool { return m.Refused[d.Path] == "" })
	for _, d := range found {
		switch why := m.Refused[d.Path]; {
		case why == "":
			m.add(d, scope, room)
		case usable && machine.IsPattern(spec):
			m.warn("%s is left alone, though %s means it too: %s", d.Path, spec, why)
		default:
			m.Problems.Add(DiskRefused, d.Path, "can't be installed on: %s", why)
		}
	}
	if len(found) == 0 {
		m.Problems.Add(DiskUnknown, spec, "no such disk; there is %s", m.diskList())
	}
}

// nameFor adds the disk that a partition names.
func (m *maker) nameFor(p config.Partition) {
	if p.Disk != "" {
		if n := len(m.Machine.FindAll(p.Disk)); n > 1 {
			m.Problems.Add(BadPartition, p.Mount, "--ondisk=%s names %d disks; name one", p.Disk, n)
			return
		}
		m.name(p.Disk, false, true)
	}
}

// nameListed adds the disks of what is in clearpart's list: partitions, and disks that hold
// something without a table.
func (m *maker) nameListed(spec string) {
	found, err := m.listed(spec)
	if err != nil {
		m.Problems.Add(DiskUnknown, "clearpart --list="+spec, "%v", err)
	}
	for _, d := range found {
		drives := m.s.Clear.Drives
		switch {
		case len(drives) == 0:
			m.name(d.Disk.Path, true, true)
		case !slices.ContainsFunc(drives, func(drive string) bool { return Matches(*d.Disk, drive) }):
			m.Problems.Add(BadReference, "clearpart --list="+spec, "is on %s, which --drives doesn't name; name it there too, or leave one of them out", d.Disk.Path)
		}
	}
}

// listed are the partitions that spec means: several only by a pattern.
func (m *maker) listed(spec string) ([]machine.Device, error) {
	bare := m.Machine
	bare.Stacks = nil
	if all := bare.FindParts(spec); len(all) > 1 && machine.IsPattern(spec) {
		return all, nil
	}
	d, err := bare.FindPart(spec)
	if err != nil {
		return nil, err
	}
	return []machine.Device{d}, nil
}

// everyDisk adds all disks that clearpart means when it names none: Anaconda's
// selected disks, without those that are protected.
func (m *maker) everyDisk() {
	for _, d := range m.Machine.Disks {
		if m.Refused[d.Path] == "" && !m.unreadable(d) && !slices.Contains(m.Aside, d.Path) {
			m.add(d, true, true)
		}
	}
}

func (m *maker) add(d machine.Disk, scope, room bool) *disk {
	at := m.find(d.Path)
	if at == nil {
		at = &disk{Disk: d, table: d.Table, lost: map[string]bool{}, resized: map[string]int64{}, renamed: map[string]string{}}
		m.disks = append(m.disks, at)
	}
	at.scope, at.room, at.used = at.scope || scope, at.room || room, at.used || !scope && !room
	return at
}

// find is the named disk at path, or nil.
func (m *maker) find(path string) *disk {
	for _, d := range m.disks {
		if d.Path == path {
			return d
		}
	}
	return nil
}

// unreadable reports whether d has no table, without leave to make one. Then
// there may be anything on it.
func (m *maker) unreadable(d machine.Disk) bool {
	return d.Table == "" && !m.s.Zerombr && !m.s.Clear.InitLabel
}

func (m *maker) diskList() string {
	var paths []string
	for _, d := range m.Machine.Disks {
		paths = append(paths, d.Path)
	}
	if len(paths) == 0 {
		return "no disk at all"
	}
	return strings.Join(paths, ", ")
}

// refusals explains, when nothing is named, why each disk that is there is out.
func (m *maker) refusals() string {
	var s strings.Builder
	for _, d := range m.Machine.Disks {
		why := m.Refused[d.Path]
		if why == "" && slices.Contains(m.Aside, d.Path) {
			why = "the kickstart is on it (clearpart --drives can name it)"
		}
		if why == "" && m.unreadable(d) && m.s.Clear.Mode == "all" {
			why = "it has no partition table (zerombr allows to make one)"
		}
		if why != "" {
			s.WriteString("; " + d.Path + ": " + why)
		}
	}
	return s.String()
}

// Matches reports whether a kickstart's disk specification means d.
func Matches(d machine.Disk, spec string) bool {
	return len(machine.Machine{Disks: []machine.Disk{d}}.FindAll(spec)) > 0
}

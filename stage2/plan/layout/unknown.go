package layout

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// unknown heeds what could not be found out: what is kept must be known, and of what is
// erased a person is told that it isn't.
func (m *maker) unknown() {
	m.unreadGroups()
	if len(m.Machine.Unknown) == 0 {
		return
	}
	for _, dev := range m.devices() {
		why := m.Machine.UnknownOf(dev)
		if len(why) == 0 {
			continue
		}
		if subject, asked := m.keeps(dev); asked {
			m.Problems.Add(BadReference, subject, "%s is to be kept, and what is on it could not be found out (%s); mend that first, or leave it out", dev, strings.Join(why, "; "))
			continue
		}
		why = slices.DeleteFunc(why, func(line string) bool { return strings.HasPrefix(line, "subvolumes on ") })
		if len(why) > 0 && m.ends(dev, len(m.Machine.Stacks)) {
			m.warn("%s is erased, and what it is part of could not be found out (%s): it may be on other disks too", dev, strings.Join(why, "; "))
		}
	}
}

// unreadGroups warns of arrays that are erased and don't run: what they are part of can't be seen.
func (m *maker) unreadGroups() {
	for _, s := range m.Stop {
		dev := "/dev/md/" + s.Name
		if s.Kind == "raid" && s.Device == "" && s.FSType == "LVM2_member" && !slices.ContainsFunc(m.Machine.Stacks, func(up machine.Stack) bool { return slices.Contains(up.Members, dev) }) {
			m.warn("the array %s is erased; it is part of a volume group, which can't be read while the array doesn't run: it may be on other disks too", s.Name)
		}
	}
}

// devices are all that something can be known of.
func (m *maker) devices() []string {
	var all []string
	for _, d := range m.Machine.Disks {
		all = append(all, d.Path)
		for _, p := range d.Parts {
			all = append(all, p.Path)
		}
	}
	for _, s := range m.Machine.Stacks {
		if s.Device != "" {
			all = append(all, s.Device)
		}
		for _, v := range s.Volumes {
			if v.Device != "" {
				all = append(all, v.Device)
			}
		}
	}
	return all
}

// keeps reports whether a request is to find dev as it is, and which.
func (m *maker) keeps(dev string) (subject string, asked bool) {
	for _, p := range m.s.Partitions {
		if d, err := m.findPart(p.OnPart); p.OnPart != "" && p.NoFormat && err == nil && d.Path == dev {
			return p.Mount, true
		}
	}
	for _, a := range m.s.Arrays {
		if old, ok := m.oldStack("raid", a.Name); ok && a.NoFormat && (slices.Contains(old.Members, dev) || old.Gives(dev)) {
			return "raid " + a.Name, true
		}
	}
	for _, l := range m.s.Logicals {
		if l.NoFormat && dev == "/dev/"+l.Group+"/"+l.Name {
			return "logvol " + l.Name, true
		}
	}
	for _, v := range m.s.Btrfs {
		if old, ok := m.oldBtrfs(v); ok && slices.Contains(old.Members, dev) {
			return "btrfs " + v.Mount, true
		}
	}
	return "", false
}

// notFound is what could not be found out, where something that is asked for isn't there.
func (m *maker) notFound() string {
	if len(m.Machine.Unknown) == 0 {
		return ""
	}
	return "; it could not be found out: " + few(m.Machine.Unknown)
}

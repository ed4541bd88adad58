package rescue

import (
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// Volume is a file system that can be mounted now, or what else is on a device of its own.
type Volume struct {
	Path       string
	Names      []string // other paths of it, and of a btrfs its other devices
	FSType     string
	Label      string
	UUID       string
	PartUUID   string
	PartLabel  string
	Subvolumes []string // of a btrfs, those at the top
	More       []string // of a btrfs, the devices besides Path
}

// Volumes are the file systems of a machine: on disks, partitions, running arrays,
// active logical volumes, open encrypted devices. What is a member of another thing is none.
func Volumes(m machine.Machine) []Volume {
	var all []Volume
	add := func(v Volume) {
		if _, member := m.StackOn(v.Path); v.Path != "" && v.FSType != "" && !member {
			all = append(all, v)
		}
	}
	for _, d := range m.Disks {
		if len(d.Parts) == 0 {
			add(Volume{Path: d.Path, Names: d.Links, FSType: d.FSType, Label: d.Label, UUID: d.UUID})
		}
		for _, p := range d.Parts {
			add(Volume{Path: p.Path, FSType: p.FSType, Label: p.Label, UUID: p.UUID, PartUUID: p.PartUUID, PartLabel: p.Name})
		}
	}
	for _, s := range m.Stacks {
		switch s.Kind {
		case "raid":
			add(Volume{Path: s.Device, Names: []string{"/dev/md/" + s.Name}, FSType: s.FSType, Label: s.Label})
		case "luks":
			add(Volume{Path: s.Device, FSType: s.FSType, Label: s.Label})
		case "vg":
			for _, v := range s.Volumes {
				add(Volume{Path: v.Device, Names: volumeNames(s.Name, v.Name), FSType: v.FSType, Label: v.Label, UUID: v.UUID})
			}
		}
	}
	return append(all, btrfs(m)...)
}

// btrfs are the file systems that can have several devices. One that lacks some is left in: mounting it says so.
func btrfs(m machine.Machine) []Volume {
	var all []Volume
	for _, s := range m.Stacks {
		if s.Kind != "btrfs" || len(s.Members) == 0 {
			continue
		}
		v := Volume{Path: s.Members[0], Names: slices.Clone(s.Members), FSType: "btrfs", Label: s.Label, UUID: s.UUID, More: s.Members[1:]}
		for _, sub := range s.Volumes {
			v.Subvolumes = append(v.Subvolumes, sub.Name)
		}
		for _, d := range m.Disks {
			for _, p := range d.Parts {
				if p.Path == v.Path {
					v.PartUUID, v.PartLabel = p.PartUUID, p.Name
				}
			}
		}
		for _, g := range m.Stacks {
			for _, l := range g.Volumes {
				if g.Kind == "vg" && l.Device != "" && slices.Contains(s.Members, l.Device) {
					v.Names = append(v.Names, volumeNames(g.Name, l.Name)...)
				}
			}
		}
		all = append(all, v)
	}
	return all
}

// volumeNames are the two links to a logical volume; in the device mapper's a dash of
// a name is doubled (lvm(8)).
func volumeNames(group, name string) []string {
	double := func(s string) string { return strings.ReplaceAll(s, "-", "--") }
	return []string{path.Join("/dev", group, name), "/dev/mapper/" + double(group) + "-" + double(name)}
}

// resolve are the volumes that the first field of an fstab line names: fstab(5).
func resolve(spec string, volumes []Volume) []Volume {
	tag, value, tagged := strings.Cut(spec, "=")
	value = strings.Trim(value, `"'`)
	if rest, ok := strings.CutPrefix(spec, "/dev/disk/by-"); ok {
		tag, value, tagged = strings.Cut(rest, "/")
		tag, value = strings.ToUpper(tag), strings.ReplaceAll(value, `\x20`, " ")
	}
	tagged = tagged && value != ""
	var found []Volume
	for _, v := range volumes {
		if v.Path == spec || slices.Contains(v.Names, spec) || tagged && v.tagged(tag, value) {
			found = append(found, v)
		}
	}
	return found
}

func (v Volume) tagged(tag, value string) bool {
	switch tag {
	case "UUID":
		return strings.EqualFold(v.UUID, value)
	case "LABEL":
		return v.Label == value
	case "PARTUUID":
		return strings.EqualFold(v.PartUUID, value)
	case "PARTLABEL":
		return v.PartLabel == value
	}
	return false
}

package machine

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Device is what can hold a file system and is there already: a partition, a disk
// without a table, an array, a logical volume, an opened encrypted device, a btrfs.
// Which it is, the pointer says that isn't nil; they point into the Machine.
type Device struct {
	Path   string // "/dev/vda2", "/dev/md/boot", "/dev/vg0/root"; of a btrfs its first member
	Size   int64
	FSType string
	Label  string
	UUID   string
	Disk   *Disk    // whose partition it is, or that it is
	Part   *Part    // nil for a disk without a table
	Stack  *Stack   // that it is, or that Volume is of
	Volume *Stacked // logical
	names  []string
}

// Devices are all of m that can hold a file system: partitions in the order of
// their disks, then what is made of them.
func (m Machine) Devices() []Device {
	var all []Device
	for i := range m.Disks {
		all = append(all, m.Disks[i].devices()...)
	}
	for i := range m.Stacks {
		all = append(all, m.Stacks[i].devices()...)
	}
	return all
}

// FindParts are the devices that spec names: "vda2", "/dev/vda2", a link as
// "/dev/disk/by-partlabel/home", "LABEL=home", "UUID=…", "PARTLABEL=…", "PARTUUID=…",
// "/dev/md/boot", "/dev/vg0/root", "/dev/mapper/vg0-root", or a shell pattern of a path.
func (m Machine) FindParts(spec string) []Device {
	var found []Device
	for _, d := range m.Devices() {
		if d.named(spec) {
			found = append(found, d)
		}
	}
	if b := slices.IndexFunc(found, func(d Device) bool { return d.Stack != nil && d.Stack.Kind == "btrfs" }); b >= 0 {
		// Each member has the label and the UUID of the whole.
		members := found[b].Stack.Members
		found = slices.DeleteFunc(found, func(d Device) bool { return d.Stack == nil && slices.Contains(members, d.Path) })
	}
	return found
}

// FindPart is the one device that spec names. None, and more than one, are errors that
// say what there is.
func (m Machine) FindPart(spec string) (Device, error) {
	found := m.FindParts(spec)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Device{}, fmt.Errorf("there is no partition or volume %q; this machine has %s", spec, pathsOf(m.Devices()))
	}
	return Device{}, fmt.Errorf("%q names more than one: %s; name it by PARTUUID= or by its path", spec, pathsOf(found))
}

// IsPattern reports whether spec is one that can mean several on purpose: "sd[ab]", "sda|sdb".
func IsPattern(spec string) bool { return strings.ContainsAny(spec, "*?[|") }

func pathsOf(devices []Device) string {
	if len(devices) == 0 {
		return "none"
	}
	paths := make([]string, len(devices))
	for i, d := range devices {
		paths[i] = strings.TrimPrefix(d.Path, "/dev/")
	}
	return strings.Join(paths, ", ")
}

func (d *Disk) devices() []Device {
	if len(d.Parts) == 0 && d.FSType != "" {
		return []Device{{Path: d.Path, Size: d.Size, FSType: d.FSType, Label: d.Label, UUID: d.UUID, Disk: d, names: d.Links}}
	}
	var all []Device
	for i := range d.Parts {
		p := &d.Parts[i]
		if p.Use() != "extended" {
			all = append(all, Device{Path: p.Path, Size: p.Size, FSType: p.FSType, Label: p.Label, UUID: p.UUID, Disk: d, Part: p, names: p.links(*d)})
		}
	}
	return all
}

// links are udev's names for p (60-persistent-storage.rules) beside those of its file system.
func (p Part) links(d Disk) []string {
	var links []string
	for _, link := range d.Links {
		links = append(links, fmt.Sprintf("%s-part%d", link, p.Number))
	}
	if p.PartUUID != "" {
		links = append(links, byLink("partuuid", p.PartUUID))
	}
	if p.Name != "" {
		links = append(links, byLink("partlabel", p.Name))
	}
	return links
}

func (s *Stack) devices() []Device {
	d := Device{Size: s.Size, FSType: s.FSType, Label: s.Label, Stack: s}
	switch s.Kind {
	case "vg":
		return s.logicals()
	case "raid":
		d.Path = cmp.Or(s.Device, "/dev/md/"+s.Name)
		d.names = []string{"/dev/md/" + s.Name, byLink("id", "md-name-"+s.Name), byLink("id", "md-uuid-"+s.UUID)}
	case "luks":
		if d.Path = s.Device; s.Device == "" {
			return nil // until someone opens it
		}
	case "btrfs":
		if len(s.Members) == 0 {
			return nil
		}
		d.Path, d.FSType, d.UUID = s.Members[0], "btrfs", s.UUID
		d.Label = cmp.Or(s.Label, s.Name)
	}
	return []Device{d}
}

// logicals are the volumes of a group that can hold something.
func (s *Stack) logicals() []Device {
	var all []Device
	for i := range s.Volumes {
		v := &s.Volumes[i]
		if v.Kind == "thin-pool" || v.Kind == "cache-pool" {
			continue
		}
		escape := strings.NewReplacer("-", "--")
		all = append(all, Device{
			Path: cmp.Or(v.Device, "/dev/"+s.Name+"/"+v.Name), Size: v.Size, FSType: v.FSType, Label: v.Label, UUID: v.UUID, Stack: s, Volume: v,
			names: []string{"/dev/mapper/" + escape.Replace(s.Name) + "-" + escape.Replace(v.Name)},
		})
	}
	return all
}

// named reports whether spec is a name of d.
func (d Device) named(spec string) bool {
	if tag, value, ok := strings.Cut(spec, "="); ok && !strings.Contains(tag, "/") {
		return value != "" && d.tagged(tag, strings.Trim(value, `"`))
	}
	if !strings.HasPrefix(spec, "/") {
		spec = "/dev/" + spec
	}
	names := append([]string{d.Path}, d.names...)
	if d.Label != "" {
		names = append(names, byLink("label", d.Label))
	}
	if d.UUID != "" {
		names = append(names, byLink("uuid", d.UUID))
	}
	return slices.ContainsFunc(names, func(name string) bool { return matchName(spec, name) })
}

// tagged goes by blkid's tags.
func (d Device) tagged(tag, value string) bool {
	switch tag {
	case "LABEL":
		return d.Label == value
	case "UUID":
		return strings.EqualFold(d.UUID, value)
	case "PARTLABEL":
		return d.Part != nil && d.Part.Name == value
	case "PARTUUID":
		return d.Part != nil && strings.EqualFold(d.Part.PartUUID, value)
	}
	return false
}

// matchName reports whether spec, a path or a pattern of one, means name.
func matchName(spec, name string) bool {
	matched, err := path.Match(spec, name)
	return name == spec || err == nil && matched
}

// byLink is udev's link for a name, which has \x20 for what can't be in it (libudev,
// udev_util_encode_string).
func byLink(kind, name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("#+-.:=@_", r), r > 0x7f:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\x%02x`, r)
		}
	}
	return "/dev/disk/by-" + kind + "/" + b.String()
}

package layout

import (
	"cmp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// takeMounts says each mount as the request for a device that is there already.
func (m *maker) takeMounts() {
	s := &m.s
	if len(s.Mounts) == 0 {
		return
	}
	if s.Auto != nil || len(s.Partitions)+len(s.Arrays)+len(s.Groups)+len(s.Logicals)+len(s.Btrfs) > 0 {
		m.Problems.Add(BadPartition, "mount", "can't be used together with autopart, part, raid, volgroup, logvol or btrfs")
		return
	}
	for _, q := range s.Mounts {
		d, err := m.Machine.FindPart(q.Device)
		if err != nil {
			m.Problems.Add(DiskUnknown, "mount "+q.Device, "%v", err)
			continue
		}
		if !q.Reformat && q.Mount == "none" {
			continue // neither formatted nor mounted
		}
		m.takeMount(q, d)
	}
}

func (m *maker) takeMount(q config.MountPoint, d machine.Device) {
	f := config.Format{Existing: true, NoFormat: !q.Reformat, FSType: q.FSType, FSOptions: q.FSOptions, MkfsOptions: q.MkfsOptions}
	if q.Reformat && f.FSType == "" {
		f.FSType = d.FSType
	}
	s := &m.s
	switch {
	case d.Stack == nil, d.Stack.Kind == "btrfs" && len(d.Stack.Members) == 1:
		s.Partitions = append(s.Partitions, config.Partition{Mount: q.Mount, Format: f, OnPart: d.Path})
	case d.Stack.Kind == "vg":
		s.Logicals = append(s.Logicals, config.Logical{Mount: q.Mount, Format: f, Name: d.Volume.Name, Group: d.Stack.Name})
	case d.Stack.Kind == "raid":
		s.Arrays = append(s.Arrays, config.Array{Mount: q.Mount, Format: f, Name: d.Stack.Name})
	case d.Stack.Kind == "btrfs" && !q.Reformat:
		s.Btrfs = append(s.Btrfs, config.Btrfs{Mount: q.Mount, Parent: "UUID=" + d.Stack.UUID, Existing: true, NoFormat: true})
	default:
		m.Problems.Add(NotSupported, "mount "+q.Device, "%s can't be used this way; use part, raid, logvol or btrfs with --useexisting", d.Stack.Describe())
	}
}

// takeExisting adds the groups that only their volumes name.
func (m *maker) takeExisting() {
	for _, l := range m.s.Logicals {
		known := slices.ContainsFunc(m.s.Groups, func(g config.VolumeGroup) bool { return g.Name == l.Group })
		if _, there := m.oldStack("vg", l.Group); !known && there && (l.Existing || l.NoFormat) {
			m.s.Groups = append(m.s.Groups, config.VolumeGroup{Name: l.Group, Existing: true})
		}
	}
}

// oldStack is what is there already of that kind and name.
func (m *maker) oldStack(kind, name string) (machine.Stack, bool) {
	for _, s := range m.Machine.Stacks {
		if s.Kind == kind && s.Name == name {
			return s, true
		}
	}
	return machine.Stack{}, false
}

// nameExisting adds the disks of what is there already and is to be used.
func (m *maker) nameExisting() {
	for _, p := range m.s.Partitions {
		if p.OnPart != "" {
			m.nameOld(p)
		}
	}
	for _, a := range m.s.Arrays {
		if a.Existing || a.NoFormat {
			m.nameStack("raid", a.Name, a.Mount)
		}
	}
	for _, g := range m.s.Groups {
		if g.Existing {
			m.nameStack("vg", g.Name, g.Name)
		}
	}
	for _, v := range m.s.Btrfs {
		if s, ok := m.oldBtrfs(v); ok {
			m.nameLeaves(s)
		}
	}
}

// nameOld adds the disk of the partition that p is to be on.
func (m *maker) nameOld(p config.Partition) {
	d, err := m.findPart(p.OnPart)
	if err == nil {
		m.name(d.Disk.Path, false, false)
		return
	}
	if other, found := m.Machine.FindPart(p.OnPart); found == nil && other.Stack != nil {
		m.Problems.Add(BadReference, p.Mount, "--onpart=%s is no partition but %s", p.OnPart, other.Stack.Describe())
		return
	}
	m.Problems.Add(DiskUnknown, p.Mount, "--onpart=%s: %v", p.OnPart, err)
}

// findPart is the partition, or the disk without a table, that spec names, whatever
// it is a member of.
func (m *maker) findPart(spec string) (machine.Device, error) {
	bare := m.Machine
	bare.Stacks = nil
	return bare.FindPart(spec)
}

func (m *maker) nameStack(kind, name, subject string) {
	s, ok := m.oldStack(kind, name)
	if !ok {
		m.Problems.Add(BadReference, subject, "there is no %s %q to be used again%s", kindWord(kind), name, m.notFound())
		return
	}
	if s.Missing > 0 && kind == "vg" {
		m.Problems.Add(StackBroken, subject, "%s can't be used: devices of it are missing", s.Describe())
	}
	m.nameLeaves(s)
}

func (m *maker) nameLeaves(s machine.Stack) {
	for _, l := range m.leaves(s.Members) {
		m.name(l.disk.Path, false, false)
	}
}

func kindWord(kind string) string {
	return map[string]string{"raid": "array", "vg": "volume group", "luks": "encrypted volume", "btrfs": "btrfs"}[kind]
}

// oldBtrfs is the btrfs that v, an existing one or a subvolume of one, is about.
func (m *maker) oldBtrfs(v config.Btrfs) (machine.Stack, bool) {
	if all := m.oldBtrfsAll(v); len(all) > 0 {
		return all[0], true // alike refuses more than one
	}
	return machine.Stack{}, false
}

// oldBtrfsAll are all that v can mean: one by its members or UUID, several by a label.
func (m *maker) oldBtrfsAll(v config.Btrfs) []machine.Stack {
	if v.Parent != "" && m.newBtrfs(v.Parent) || v.Parent == "" && !v.Existing && !v.NoFormat {
		return nil
	}
	for _, p := range m.s.Btrfs { // by a member's name
		if v.Parent != "" && p.Parent == "" && names(p, v.Parent) {
			return m.oldBtrfsAll(p)
		}
	}
	if v.Parent == "" {
		if all := m.btrfsStacks(func(s machine.Stack) bool { return m.isMember(s, v.Members) }); len(all) > 0 {
			return all
		}
	}
	if uuid, ok := strings.CutPrefix(v.Parent, "UUID="); ok {
		return m.btrfsStacks(func(s machine.Stack) bool { return strings.EqualFold(s.UUID, uuid) })
	}
	label := btrfsLabel(v)
	return m.btrfsStacks(func(s machine.Stack) bool { return label != "" && cmp.Or(s.Label, s.Name) == label })
}

// btrfsLabel is the label that v says its btrfs has; empty: it says none.
func btrfsLabel(v config.Btrfs) string {
	if strings.HasPrefix(v.Parent, "UUID=") {
		return ""
	}
	return cmp.Or(strings.TrimPrefix(v.Parent, "LABEL="), v.Label)
}

func (m *maker) btrfsStacks(is func(machine.Stack) bool) []machine.Stack {
	var all []machine.Stack
	for _, s := range m.Machine.Stacks {
		if s.Kind == "btrfs" && len(s.Members) > 0 && is(s) {
			all = append(all, s)
		}
	}
	return all
}

// isMember reports whether s is what one of these names means: of a partition that stays, or
// of the btrfs itself ("LABEL=data", "/dev/vda2").
func (m *maker) isMember(s machine.Stack, names []string) bool {
	for _, name := range names {
		if d, err := m.Machine.FindPart(name); err == nil && d.Stack != nil && d.Stack.Kind == s.Kind && d.Stack.UUID == s.UUID {
			return true
		}
		if d, err := m.findPart(name); err == nil && slices.Contains(s.Members, d.Path) {
			return true
		}
	}
	return slices.ContainsFunc(m.s.Partitions, func(p config.Partition) bool {
		if p.OnPart == "" || !slices.Contains(names, p.Mount) {
			return false
		}
		d, err := m.findPart(p.OnPart)
		return err == nil && slices.Contains(s.Members, d.Path)
	})
}

// newBtrfs reports whether parent names a btrfs that is made.
func (m *maker) newBtrfs(parent string) bool {
	return slices.ContainsFunc(m.s.Btrfs, func(v config.Btrfs) bool {
		return v.Parent == "" && !v.Existing && !v.NoFormat && names(v, parent)
	})
}

// names reports whether parent, as a subvolume has it, is v.
func names(v config.Btrfs, parent string) bool {
	if label, ok := strings.CutPrefix(parent, "LABEL="); ok {
		return v.Label == label
	}
	return v.Label == parent || slices.Contains(v.Members, parent)
}

// leaf is a partition, or a disk without a table, that a stack rests on.
type leaf struct {
	disk *machine.Disk
	part *machine.Part // nil for the whole disk
}

func (l leaf) path() string {
	if l.part != nil {
		return l.part.Path
	}
	return l.disk.Path
}

// leaves are what devices rest on in the end.
func (m *maker) leaves(devices []string) []leaf { return m.leavesTo(devices, len(m.Machine.Stacks)) }

func (m *maker) leavesTo(devices []string, depth int) []leaf {
	var all []leaf
	for _, dev := range devices {
		if l, ok := m.leaf(dev); ok {
			all = append(all, l)
		} else if i := slices.IndexFunc(m.Machine.Stacks, func(s machine.Stack) bool { return s.Gives(dev) }); i >= 0 && depth > 0 {
			all = append(all, m.leavesTo(m.Machine.Stacks[i].Members, depth-1)...)
		}
	}
	return all
}

// leaf is the disk or partition at dev.
func (m *maker) leaf(dev string) (leaf, bool) {
	for i := range m.Machine.Disks {
		d := &m.Machine.Disks[i]
		if d.Path == dev {
			return leaf{disk: d}, true
		}
		for j := range d.Parts {
			if d.Parts[j].Path == dev {
				return leaf{d, &d.Parts[j]}, true
			}
		}
	}
	return leaf{}, false
}

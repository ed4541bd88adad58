package devices

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan/layout"
)

// oldStacks are the arrays, groups and btrfs that are there.
func (e *Editor) oldStacks() []Row {
	var rows []Row
	for _, s := range e.set.Machine.Stacks {
		switch s.Kind {
		case "raid":
			rows = append(rows, e.oldArray(s))
		case "vg":
			rows = append(rows, e.oldGroup(s)...)
		case "btrfs":
			rows = append(rows, e.oldBtrfs(s)...)
		}
	}
	return rows
}

// stackRow is what is there, or goes with the devices that it is on.
func (e *Editor) stackRow(kind Kind, s machine.Stack) Row {
	r := Row{ID: "old:" + s.Kind + ":" + cmp.Or(s.UUID, s.Name), Kind: kind, Device: cmp.Or(s.Name, s.Label), Size: s.Size, stack: s,
		What: strings.TrimSpace(s.Describe())}
	gone := func(o machine.Stack) bool { return o.Kind == s.Kind && o.UUID == s.UUID && o.Name == s.Name }
	if slices.ContainsFunc(e.made.Stop, gone) {
		r.Fate = Erased
	}
	return r
}

func (e *Editor) oldArray(s machine.Stack) Row {
	r := e.stackRow(Array, s)
	r.Device, r.Holds = "/dev/md/"+s.Name, s.FSType
	if i := e.arrayAt(s.Name); i >= 0 && r.Fate != Erased {
		a := e.now.Arrays[i]
		r.used(a.Mount, a.Format)
		r.subjects = append(r.subjects, "raid "+a.Name)
	}
	return r
}

// arrayAt is the request for an array that is there; -1 when there is none.
func (e *Editor) arrayAt(name string) int {
	return slices.IndexFunc(e.now.Arrays, func(a config.Array) bool { return a.Name == name && a.Existing })
}

// used notes what is asked of what is there.
func (r *Row) used(mount string, f config.Format) {
	r.As, r.Mount, r.Crypt, r.Fate = asOf(mount, f.FSType), mountWords(mount), f.LUKS != nil, Formatted
	if f.NoFormat {
		r.Fate, r.As = Kept, ""
	}
	r.subjects = append(r.subjects, mount)
}

func (e *Editor) oldGroup(s machine.Stack) []Row {
	head := e.stackRow(Group, s)
	head.What = fmt.Sprintf("volume group, %s free", machine.Size(s.Free))
	if s.Missing > 0 {
		head.What += fmt.Sprintf(", %d %s missing", s.Missing, machine.Plural(s.Missing, "device"))
	}
	head.subjects = []string{"volgroup " + s.Name, s.Name}
	rows := []Row{head}
	for _, v := range s.Volumes {
		r := Row{ID: head.ID + "/" + v.Name, Kind: Volume, Depth: 1, Device: "/dev/" + s.Name + "/" + v.Name, Size: v.Size, What: volumeWords(v), Holds: v.FSType,
			Fate: head.Fate, stack: s, stacked: v, subjects: []string{"logvol " + v.Name}}
		if strings.HasSuffix(v.Kind, "-pool") {
			r.Kind = Pool
		}
		if i := e.logicalAt(s.Name, v.Name); i >= 0 && head.Fate != Erased {
			r.used(e.now.Logicals[i].Mount, e.now.Logicals[i].Format)
			if l, ok := e.layer(layout.LV, s.Name, v.Name); ok && l.Was != 0 {
				r.Size, r.Was = l.Size, l.Was
			}
		}
		rows = append(rows, r)
	}
	if head.Fate == Erased {
		return rows
	}
	return append(rows, e.logicalRows(s.Name)...)
}

func (e *Editor) logicalAt(group, name string) int {
	return slices.IndexFunc(e.now.Logicals, func(l config.Logical) bool { return l.Name == name && l.Group == group && l.Existing })
}

func volumeWords(v machine.Stacked) string {
	words := cmp.Or(v.FSType, v.Kind)
	if v.Label != "" {
		words += fmt.Sprintf(" %q", v.Label)
	}
	return words
}

// logicalRows are the new volumes of a group.
func (e *Editor) logicalRows(group string) []Row {
	var rows []Row
	for _, l := range e.now.Logicals {
		if l.Group != group || l.Existing {
			continue
		}
		r := Row{ID: "lv:" + group + "/" + l.Name, Kind: Volume, Depth: 1, Device: "/dev/" + group + "/" + l.Name, Size: l.SizeMiB * mib, What: "volume"}
		r.used(l.Mount, l.Format)
		r.Fate = Made
		r.subjects = append(r.subjects, "logvol "+l.Name)
		kind := layout.LV
		switch {
		case l.ThinPool:
			r.Kind, r.What, r.As, kind = Pool, "thin pool", "", layout.Pool
		case l.Pool != "":
			r.Depth, r.What = 2, "thin volume in "+l.Pool
		}
		if made, ok := e.layer(kind, group, l.Name); ok {
			r.Size = made.Size
		}
		rows = append(rows, r)
	}
	return rows
}

// layer is what the layout made of a request.
func (e *Editor) layer(kind layout.LayerKind, group, name string) (layout.Layer, bool) {
	i := slices.IndexFunc(e.made.Layers, func(l layout.Layer) bool { return l.Kind == kind && l.Group == group && l.Name == name })
	if i < 0 {
		return layout.Layer{}, false
	}
	return e.made.Layers[i], true
}

func (e *Editor) oldBtrfs(s machine.Stack) []Row {
	if len(s.Members) < 2 && len(s.Volumes) == 0 {
		return nil // its partition says all
	}
	head := e.stackRow(Btrfs, s)
	head.subjects = []string{"btrfs " + cmp.Or(s.Label, s.Name)}
	var rows []Row
	for _, v := range s.Volumes {
		rows = append(rows, Row{ID: head.ID + "/" + v.Name, Kind: Subvolume, Depth: 1, Device: v.Name, What: "subvolume", Fate: head.Fate, stack: s, stacked: v})
	}
	for i, v := range e.now.Btrfs {
		if head.Fate == Erased || v.Parent != "UUID="+s.UUID && !slices.Contains(v.Members, "UUID="+s.UUID) {
			continue
		}
		at := slices.IndexFunc(rows, func(r Row) bool { return v.Subvolume != "" && r.Device == v.Subvolume })
		switch {
		case v.Subvolume == "":
			head.Mount, head.Fate = mountWords(v.Mount), Kept
			head.subjects = append(head.subjects, v.Mount, "btrfs "+v.Mount)
		case at >= 0:
			rows[at].Mount, rows[at].Fate, rows[at].subjects = mountWords(v.Mount), Kept, []string{v.Mount, "btrfs " + v.Mount}
		default:
			rows = append(rows, subvolumeRow(i, v))
		}
	}
	return append([]Row{head}, rows...)
}

func subvolumeRow(i int, v config.Btrfs) Row {
	return Row{ID: fmt.Sprintf("sub:%d", i), Kind: Subvolume, Depth: 1, Device: v.Subvolume, What: "subvolume", Mount: mountWords(v.Mount), Fate: Made,
		request: i + 1, subjects: []string{v.Mount, "btrfs " + v.Mount}}
}

// newStacks are the arrays, groups and btrfs that are made.
func (e *Editor) newStacks() []Row {
	var rows []Row
	for _, a := range e.now.Arrays {
		if a.Existing {
			continue
		}
		r := Row{ID: "raid:" + a.Name, Kind: Array, Device: "/dev/md/" + a.Name, What: "RAID " + a.Level}
		r.used(a.Mount, a.Format)
		r.Fate = Made
		r.subjects = append(r.subjects, "raid "+a.Name)
		if l, ok := e.layer(layout.RAID, "", a.Name); ok {
			r.Size = l.Size
		}
		rows = append(rows, r)
	}
	for _, g := range e.now.Groups {
		if g.Existing {
			continue
		}
		r := Row{ID: "vg:" + g.Name, Kind: Group, Device: g.Name, What: "volume group", Fate: Made, subjects: []string{"volgroup " + g.Name}}
		if l, ok := e.layer(layout.Group, "", g.Name); ok {
			r.Size = l.Size
			r.What = fmt.Sprintf("volume group, %s free", machine.Size(e.freeIn(l)))
		}
		rows = append(append(rows, r), e.logicalRows(g.Name)...)
	}
	return append(rows, e.newBtrfs()...)
}

// freeIn is what of a new group no volume has.
func (e *Editor) freeIn(group layout.Layer) int64 {
	free := group.Size
	for _, l := range e.made.Layers {
		if l.Group == group.Name && l.Pool == "" {
			free -= l.Size + 2*l.MetadataMiB*mib
		}
	}
	return max(0, free)
}

func (e *Editor) newBtrfs() []Row {
	var rows []Row
	for i, v := range e.now.Btrfs {
		if v.Parent != "" || v.Existing {
			continue
		}
		what := "btrfs"
		if v.Data != "" {
			what += ", data " + v.Data
		}
		r := Row{ID: fmt.Sprintf("btrfs:%d", i), Kind: Btrfs, Device: v.Label, What: what, Mount: mountWords(v.Mount), Fate: Made,
			request: i + 1, subjects: []string{v.Mount, "btrfs " + v.Mount, "btrfs " + v.Label}}
		if j := slices.IndexFunc(e.made.Layers, func(l layout.Layer) bool { return l.Kind == layout.Btrfs && l.Name == v.Label }); j >= 0 {
			r.Size = e.made.Layers[j].Size
		}
		rows = append(rows, r)
		for j, sub := range e.now.Btrfs {
			if sub.Parent == "LABEL="+v.Label && v.Label != "" || slices.Contains(v.Members, sub.Parent) {
				rows = append(rows, subvolumeRow(j, sub))
			}
		}
	}
	return rows
}

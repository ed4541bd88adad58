package devices

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// ArraySpec is a new array.
type ArraySpec struct {
	Name    string   // "boot"
	Level   string   // "0", "1", "5", "6", "10"
	Members []string // rows
	Spares  int      // the last so many of Members
	Spec             // what is on it
}

// Members are the rows that can become part of something: AsRAID, AsLVM or AsBtrfs.
func (e *Editor) Members(as string) []Row {
	var free []Row
	for _, r := range e.Rows() {
		name := e.memberName(r)
		if name != "" && asOf(name, "") == as && userOf(e.now, name) == "" && r.Fate != Kept {
			free = append(free, r)
		}
	}
	return free
}

// memberName is what others list a row by.
func (e *Editor) memberName(r Row) string {
	mount := ""
	switch {
	case r.request > 0 && r.Kind == Partition:
		mount = e.now.Partitions[r.request-1].Mount
	case r.Kind == Array && e.arrayNamed(r) >= 0:
		mount = e.now.Arrays[e.arrayNamed(r)].Mount
	}
	if !isMember(mount) {
		return ""
	}
	return mount
}

func (e *Editor) memberNames(rows []string) ([]string, error) {
	if len(rows) == 0 {
		return nil, errors.New("choose what it is to be made of")
	}
	var names []string
	for _, id := range rows {
		r, ok := e.Row(id)
		name := e.memberName(r)
		if !ok || name == "" {
			return nil, fmt.Errorf("%s can't be a part of it", id)
		}
		names = append(names, name)
	}
	return names, nil
}

// AddArray makes an array.
func (e *Editor) AddArray(a ArraySpec) error {
	members, err := e.memberNames(a.Members)
	if err == nil {
		err = a.Spec.canBe("an array")
	}
	if err != nil {
		return err
	}
	mount := e.mountOf(a.Spec, "")
	s := e.edit()
	s.Arrays = append(s.Arrays, config.Array{Mount: mount, Format: a.Spec.format(mount), Name: a.Name, Level: a.Level, Members: members, Spares: a.Spares})
	return e.step(s)
}

// arrayNamed is the request for the array of a row; -1 when there is none.
func (e *Editor) arrayNamed(r Row) int {
	if r.Fate != Made {
		return e.arrayAt(r.stack.Name)
	}
	return slices.IndexFunc(e.now.Arrays, func(a config.Array) bool { return !a.Existing && "raid:"+a.Name == r.ID })
}

func (e *Editor) changeArray(r Row, spec Spec) error {
	if err := spec.canBe("an array"); err != nil {
		return err
	}
	s := e.edit()
	i := e.arrayNamed(r)
	a := config.Array{Name: r.stack.Name}
	if i >= 0 {
		a = s.Arrays[i]
	}
	if user := userOf(s, a.Mount); user != "" && spec.As != asOf(a.Mount, "") {
		return fmt.Errorf("it is a part of %s; delete that first", user)
	}
	if r.Fate == Made {
		a.Mount = e.mountOf(spec, a.Mount)
		a.Format = spec.format(a.Mount)
		s.Arrays[i] = a
		return e.step(s)
	}
	mount, f := e.old(spec, a.Mount, r.stack.FSType)
	a.Mount, a.Format = mount, f
	s.Arrays = put(s.Arrays, i, a, mount == "")
	return e.step(s)
}

// old is what is asked of a device that is there; no mount point: nothing.
func (e *Editor) old(spec Spec, was, fstype string) (mount string, f config.Format) {
	if !spec.Keep {
		mount = e.mountOf(spec, was)
		f = spec.format(mount)
		f.Existing = true
		return mount, f
	}
	if mount = spec.Mount; mount == "" && spec.As == AsSwap && fstype == AsSwap {
		mount = AsSwap
	}
	return mount, spec.keep()
}

// put replaces request i, adds one when there is none, or takes it away.
func put[T any](list []T, i int, v T, drop bool) []T {
	switch {
	case drop && i >= 0:
		return slices.Delete(list, i, i+1)
	case drop:
		return list
	case i >= 0:
		list[i] = v
		return list
	}
	return append(list, v)
}

// AddGroup makes a volume group of members.
func (e *Editor) AddGroup(name string, rows []string) error {
	members, err := e.memberNames(rows)
	if err != nil {
		return err
	}
	s := e.edit()
	s.Groups = append(s.Groups, config.VolumeGroup{Name: name, Members: members})
	return e.step(s)
}

// LogicalSpec is a new logical volume.
type LogicalSpec struct {
	Name string
	Thin bool   // it is a pool
	Pool string // it is a thin volume of that pool
	Spec
}

// AddLogical makes a volume in the group of a row.
func (e *Editor) AddLogical(row string, l LogicalSpec) error {
	r, ok := e.Row(row)
	name := r.stack.Name
	if err := l.Spec.canBe("a volume"); err != nil {
		return err
	}
	switch {
	case !ok || r.Kind != Group:
		return errors.New("it is no volume group")
	case r.Fate == Erased:
		return fmt.Errorf("%s is given up", r.Device)
	case r.Fate == Made:
		name = r.Device
	}
	s := e.edit()
	if known := slices.ContainsFunc(s.Groups, func(g config.VolumeGroup) bool { return g.Name == name }); !known {
		s.Groups = append(s.Groups, config.VolumeGroup{Name: name, Existing: true})
	}
	v := config.Logical{Name: l.Name, Group: name, ThinPool: l.Thin}
	if !l.Thin {
		v.Pool = l.Pool
	}
	s.Logicals = append(s.Logicals, e.logical(v, l.Spec))
	return e.step(s)
}

func (e *Editor) logical(l config.Logical, spec Spec) config.Logical {
	l.SizeMiB, l.Grow, l.MaxSizeMiB, l.Percent = spec.SizeMiB, spec.Rest, 0, 0
	if spec.Rest && l.SizeMiB == 0 {
		l.SizeMiB = 1
	}
	l.Mount = "none"
	if !l.ThinPool {
		l.Mount = e.mountOf(spec, l.Mount)
		l.Format = spec.format(l.Mount)
	}
	return l
}

// volumeNamed is the request for the volume of a row; -1 when there is none.
func (e *Editor) volumeNamed(r Row) int {
	if r.Fate != Made {
		return e.logicalAt(r.stack.Name, r.stacked.Name)
	}
	return slices.IndexFunc(e.now.Logicals, func(l config.Logical) bool { return !l.Existing && "lv:"+l.Group+"/"+l.Name == r.ID })
}

func (e *Editor) changeLogical(r Row, spec Spec) error {
	if err := spec.canBe("a volume"); err != nil {
		return err
	}
	s := e.edit()
	i := e.volumeNamed(r)
	if r.Fate == Made {
		s.Logicals[i] = e.logical(s.Logicals[i], spec)
		return e.step(s)
	}
	if r.Kind == Pool {
		return errors.New("a thin pool that is there stays as it is")
	}
	was := ""
	if i >= 0 {
		was = s.Logicals[i].Mount
	}
	mount, f := e.old(spec, was, r.stacked.FSType)
	l := config.Logical{Name: r.stacked.Name, Group: r.stack.Name, Mount: mount, Format: f}
	if mount != "" && spec.SizeMiB > 0 && spec.SizeMiB != r.stacked.Size/mib {
		l.Resize, l.SizeMiB = true, spec.SizeMiB
	}
	s.Logicals = put(s.Logicals, i, l, mount == "")
	e.oldGroupFor(&s, r.stack.Name)
	return e.step(s)
}

// oldGroupFor names a group that is there as long as something is asked of its volumes.
func (e *Editor) oldGroupFor(s *config.Storage, name string) {
	wanted := slices.ContainsFunc(s.Logicals, func(l config.Logical) bool { return l.Group == name })
	i := slices.IndexFunc(s.Groups, func(g config.VolumeGroup) bool { return g.Name == name && g.Existing })
	s.Groups = put(s.Groups, i, config.VolumeGroup{Name: name, Existing: true}, !wanted)
}

// BtrfsSpec is a new btrfs over members.
type BtrfsSpec struct {
	Label    string
	Members  []string // rows
	Data     string   // profile: "single", "raid0", "raid1", "raid10"; empty: mkfs.btrfs's
	Metadata string
	Mount    string // empty: only its subvolumes are mounted
}

// AddBtrfs makes a btrfs.
func (e *Editor) AddBtrfs(b BtrfsSpec) error {
	members, err := e.memberNames(b.Members)
	if err != nil {
		return err
	}
	if b.Label == "" {
		return errors.New("give it a name, by which subvolumes say where they are")
	}
	if slices.ContainsFunc(e.now.Btrfs, func(v config.Btrfs) bool { return v.Label == b.Label }) {
		return fmt.Errorf("there is a btrfs %s already", b.Label)
	}
	s := e.edit()
	s.Btrfs = append(s.Btrfs, config.Btrfs{Mount: noneIfEmpty(b.Mount), Members: members, Label: b.Label, Data: b.Data, Metadata: b.Metadata})
	return e.step(s)
}

func noneIfEmpty(mount string) string {
	if mount == "" {
		return "none"
	}
	return mount
}

// AddSubvolume makes a subvolume in the btrfs of a row.
func (e *Editor) AddSubvolume(row, name, mount string) error {
	r, ok := e.Row(row)
	name = strings.Trim(name, "/")
	switch {
	case !ok || r.Kind != Btrfs:
		return errors.New("it is no btrfs")
	case r.Fate == Erased:
		return fmt.Errorf("%s is given up", r.Device)
	case name == "":
		return errors.New("give the subvolume a name")
	}
	s := e.edit()
	parent := "LABEL=" + r.Device
	if r.Fate != Made {
		parent = "UUID=" + r.stack.UUID
		e.oldBtrfsFor(&s, parent)
	}
	if slices.ContainsFunc(s.Btrfs, func(v config.Btrfs) bool { return v.Parent == parent && v.Subvolume == name }) {
		return fmt.Errorf("there is a subvolume %s already", name)
	}
	s.Btrfs = append(s.Btrfs, config.Btrfs{Mount: noneIfEmpty(mount), Subvolume: name, Parent: parent})
	return e.step(s)
}

// oldBtrfsFor names a btrfs that is there, for what is asked of it.
func (e *Editor) oldBtrfsFor(s *config.Storage, parent string) {
	if !slices.ContainsFunc(s.Btrfs, func(v config.Btrfs) bool { return slices.Contains(v.Members, parent) }) {
		line := config.Btrfs{Mount: "none", Members: []string{parent}, Existing: true, NoFormat: true}
		s.Btrfs = append([]config.Btrfs{line}, s.Btrfs...)
	}
}

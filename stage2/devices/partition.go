package devices

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// AddPartition makes a partition in the free room of a disk.
func (e *Editor) AddPartition(disk string, spec Spec) error {
	d := diskOf(e.set.Machine, disk)
	if d == nil {
		return fmt.Errorf("there is no disk %s", disk)
	}
	if why := e.set.Refused[d.Path]; why != "" {
		return fmt.Errorf("%s can't be installed on: %s", d.Path, why)
	}
	s := e.edit()
	c := clearingOf(s.Clear, e.set.Machine)
	switch fresh := slices.Contains(c.fresh, d.Path); {
	case fresh || d.Table != "":
	case d.FSType != "" || len(d.Parts) > 0:
		return fmt.Errorf("%s has no partition table, but holds something (%s); give it a new table first", d.Path, d.Contents())
	default: // an empty disk
		c.fresh, c.label = append(c.fresh, d.Path), table(c.label)
		if err := c.write(&s, e.set.Machine); err != nil {
			return err
		}
	}
	s.Partitions = append(s.Partitions, e.partition(config.Partition{Disk: short(d.Path)}, spec, ""))
	return e.step(s)
}

// partition is the request for a new partition.
func (e *Editor) partition(p config.Partition, spec Spec, was string) config.Partition {
	p.Mount = e.mountOf(spec, was)
	p.Format = spec.format(p.Mount)
	p.SizeMiB, p.Grow, p.MaxSizeMiB = spec.SizeMiB, spec.Rest, 0
	if spec.Rest && p.SizeMiB == 0 {
		p.SizeMiB = 1
	}
	return p
}

// Spec is what a row is to be, for a person to change.
func (e *Editor) Spec(row string) (Spec, bool) {
	r, ok := e.Row(row)
	if !ok {
		return Spec{}, false
	}
	switch {
	case r.request > 0 && r.Kind == Partition:
		p := e.now.Partitions[r.request-1]
		s := specOf(p.Mount, p.Format, p.SizeMiB, p.Grow)
		return s, true
	case r.Kind == Array && e.arrayNamed(r) >= 0:
		a := e.now.Arrays[e.arrayNamed(r)]
		return specOf(a.Mount, a.Format, 0, false), true
	case (r.Kind == Volume || r.Kind == Pool) && e.volumeNamed(r) >= 0:
		l := e.now.Logicals[e.volumeNamed(r)]
		return specOf(l.Mount, l.Format, l.SizeMiB, l.Grow), true
	case r.Kind == Btrfs || r.Kind == Subvolume:
		return Spec{As: "btrfs", Mount: r.Mount, Keep: r.Fate != Made}, true
	}
	return Spec{As: "ext4", Keep: true, Mount: r.Mount}, true
}

// Change makes a row what spec says.
func (e *Editor) Change(row string, spec Spec) error {
	r, ok := e.Row(row)
	switch {
	case !ok:
		return errors.New("it isn't there any more")
	case r.Fate == Erased:
		return fmt.Errorf("%s is given up; keep it first", r.Device)
	}
	switch r.Kind {
	case Partition, Disk:
		return e.changePartition(r, spec)
	case Array:
		return e.changeArray(r, spec)
	case Volume, Pool:
		return e.changeLogical(r, spec)
	case Btrfs, Subvolume:
		return e.changeBtrfs(r, spec)
	}
	return fmt.Errorf("%s can't be changed", r.Device)
}

// changePartition is of a new or an old partition, and of a file system on a whole disk.
func (e *Editor) changePartition(r Row, spec Spec) error {
	s := e.edit()
	var p config.Partition
	if r.request > 0 {
		p = s.Partitions[r.request-1]
	} else if i := slices.IndexFunc(s.Partitions, func(p config.Partition) bool { return r.Kind == Disk && "/dev/"+p.OnPart == r.Device }); i >= 0 {
		p, r.request = s.Partitions[i], i+1
	}
	if user := userOf(s, p.Mount); user != "" && spec.As != asOf(p.Mount, "") {
		return fmt.Errorf("it is a part of %s; delete that first", user)
	}
	if r.Fate == Made {
		s.Partitions[r.request-1] = e.partition(p, spec, p.Mount)
		return e.step(s)
	}
	old, drop, err := e.onPart(r, spec, p.Mount)
	switch {
	case err != nil:
		return err
	case drop && r.request > 0:
		s.Partitions = slices.Delete(s.Partitions, r.request-1, r.request)
	case drop:
	case r.request > 0:
		s.Partitions[r.request-1] = old
	default:
		s.Partitions = append(s.Partitions, old)
	}
	return e.step(s)
}

// onPart is the request for what is there; drop says that nothing is asked of it.
func (e *Editor) onPart(r Row, spec Spec, was string) (p config.Partition, drop bool, err error) {
	now, err := e.find(r.Device)
	if err != nil {
		return p, false, err
	}
	p = config.Partition{OnPart: short(r.Device)}
	if spec.SizeMiB > 0 && spec.SizeMiB != now.Size/mib && now.Part != nil {
		p.Resize, p.SizeMiB = true, spec.SizeMiB
	}
	if !spec.Keep {
		p.Mount = e.mountOf(spec, was)
		p.Format = spec.format(p.Mount)
		p.Existing = true
		return p, false, nil
	}
	p.Format = spec.keep()
	switch {
	case spec.Mount != "":
		p.Mount = spec.Mount
	case now.FSType == "swap" && spec.As == AsSwap:
		p.Mount = AsSwap
	default:
		p.Mount = "none"
	}
	if p.Mount == "none" {
		p.LUKS, p.FSType, p.FSOptions = nil, "", ""
	}
	return p, p.Mount == "none" && !p.Resize, nil
}

// find is the partition, or the disk, at path, whatever it is a part of.
func (e *Editor) find(path string) (machine.Device, error) {
	bare := e.set.Machine
	bare.Stacks = nil
	return bare.FindPart(path)
}

// userOf is what a member is a part of; empty when it is of nothing.
func userOf(s config.Storage, member string) string {
	if !isMember(member) {
		return ""
	}
	for _, a := range s.Arrays {
		if slices.Contains(a.Members, member) {
			return "the array " + a.Name
		}
	}
	for _, g := range s.Groups {
		if slices.Contains(g.Members, member) {
			return "the volume group " + g.Name
		}
	}
	for _, v := range s.Btrfs {
		if slices.Contains(v.Members, member) {
			return "the btrfs " + v.Label
		}
	}
	return ""
}

func isMember(mount string) bool {
	return strings.HasPrefix(mount, "raid.") || strings.HasPrefix(mount, "pv.") || strings.HasPrefix(mount, "btrfs.")
}

// Delete takes a row away: what was to be made is not made, what is there is given up. An array or
// a group that is there goes with all that it is on.
func (e *Editor) Delete(row string) error {
	r, ok := e.Row(row)
	switch {
	case !ok:
		return errors.New("it isn't there any more")
	case r.Fate == Erased:
		return fmt.Errorf("%s is given up already", r.Device)
	case r.Kind == Disk:
		return e.NewTable(r.Device, "gpt")
	case r.Kind == Free:
		return errors.New("there is nothing to delete")
	case r.Kind == Partition:
		return e.deletePartition(r)
	case r.Fate == Made:
		return e.deleteNew(r)
	case r.Kind == Array || r.Kind == Group || r.Kind == Btrfs:
		return e.deleteOld(r)
	}
	return fmt.Errorf("%s can't be deleted by itself; format it, or delete all of %s", r.Device, r.stack.Name)
}

func (e *Editor) deletePartition(r Row) error {
	s := e.edit()
	if r.request > 0 {
		if user := userOf(s, s.Partitions[r.request-1].Mount); user != "" {
			return fmt.Errorf("it is a part of %s; delete that first", user)
		}
		s.Partitions = slices.Delete(s.Partitions, r.request-1, r.request)
	}
	if r.Fate != Made {
		if err := e.giveUp(&s, r.Device); err != nil {
			return err
		}
	}
	return e.step(s)
}

// giveUp adds partitions to what goes.
func (e *Editor) giveUp(s *config.Storage, paths ...string) error {
	c := clearingOf(s.Clear, e.set.Machine)
	for _, path := range paths {
		d := diskOf(e.set.Machine, path)
		switch {
		case d == nil || slices.Contains(c.fresh, d.Path):
		case d.Path == path:
			c.fresh = append(c.fresh, path)
		case !slices.Contains(c.gone, path):
			c.gone = append(c.gone, path)
		}
	}
	return c.write(s, e.set.Machine)
}

// deleteOld gives up all that something that is there is on.
func (e *Editor) deleteOld(r Row) error {
	s := e.edit()
	paths := e.leaves(r.stack, len(e.set.Machine.Stacks))
	for _, p := range s.Partitions {
		if user := userOf(s, p.Mount); slices.Contains(paths, "/dev/"+p.OnPart) && user != "" {
			return fmt.Errorf("%s is to be a part of %s; delete that first", p.OnPart, user)
		}
	}
	s.Partitions = slices.DeleteFunc(s.Partitions, func(p config.Partition) bool { return slices.Contains(paths, "/dev/"+p.OnPart) })
	e.forget(&s, r)
	if err := e.giveUp(&s, paths...); err != nil {
		return err
	}
	return e.step(s)
}

// forget takes out the requests for what is there and goes.
func (e *Editor) forget(s *config.Storage, r Row) {
	over := []machine.Stack{r.stack}
	for i := 0; i < len(over) && len(over) <= len(e.set.Machine.Stacks); i++ {
		for _, up := range e.set.Machine.Stacks {
			if slices.ContainsFunc(up.Members, over[i].Gives) {
				over = append(over, up)
			}
		}
	}
	for _, st := range over {
		gone := func(kind, name string) bool { return st.Kind == kind && st.Name == name }
		s.Arrays = slices.DeleteFunc(s.Arrays, func(a config.Array) bool { return a.Existing && gone("raid", a.Name) })
		s.Groups = slices.DeleteFunc(s.Groups, func(g config.VolumeGroup) bool { return g.Existing && gone("vg", g.Name) })
		s.Logicals = slices.DeleteFunc(s.Logicals, func(l config.Logical) bool { return gone("vg", l.Group) })
		if st.Kind == "btrfs" {
			s.Btrfs = slices.DeleteFunc(s.Btrfs, func(v config.Btrfs) bool {
				return v.Parent == "UUID="+st.UUID || slices.Contains(v.Members, "UUID="+st.UUID)
			})
		}
	}
}

// leaves are the partitions and disks that a stack is on in the end.
func (e *Editor) leaves(s machine.Stack, depth int) []string {
	var all []string
	for _, member := range s.Members {
		i := slices.IndexFunc(e.set.Machine.Stacks, func(below machine.Stack) bool { return below.Gives(member) })
		switch {
		case diskOf(e.set.Machine, member) != nil:
			all = append(all, member)
		case i >= 0 && depth > 0:
			all = append(all, e.leaves(e.set.Machine.Stacks[i], depth-1)...)
		}
	}
	return all
}

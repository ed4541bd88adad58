package devices

import (
	"errors"
	"fmt"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// clearing is what is given up: clearpart taken apart.
type clearing struct {
	fresh []string // disks that get a new table, by path
	gone  []string // partitions of other disks, by path
	label string   // of new tables
}

// clearingOf reads what storage has written.
func clearingOf(c config.Clear, m machine.Machine) clearing {
	out := clearing{label: c.Label}
	for _, name := range c.Drives {
		d, err := m.Find(name)
		if err != nil {
			continue // it is gone, and layout says so
		}
		left := slices.ContainsFunc(d.Parts, func(p machine.Part) bool {
			return !slices.Contains(c.List, short(p.Path)) && p.Use() != "extended"
		})
		if c.Mode == "all" || c.InitLabel && !left {
			out.fresh = append(out.fresh, d.Path)
		}
	}
	for _, name := range c.List {
		if d := diskOf(m, "/dev/"+name); d != nil && !slices.Contains(out.fresh, d.Path) {
			out.gone = append(out.gone, "/dev/"+name)
		}
	}
	return out
}

// storage writes it in the words of clearpart: whole disks by --all, and where single
// partitions go too, everything by --list.
func (c clearing) storage(m machine.Machine) config.Clear {
	switch {
	case len(c.fresh) == 0 && len(c.gone) == 0:
		return config.Clear{}
	case len(c.gone) == 0:
		return config.Clear{Mode: "all", Drives: shorts(c.fresh), InitLabel: true, Label: c.label}
	case len(c.fresh) == 0:
		return config.Clear{Mode: "list", List: shorts(c.gone)}
	}
	out := config.Clear{Mode: "list", Drives: shorts(c.fresh), InitLabel: true, Label: c.label, List: shorts(c.gone)}
	for _, path := range c.gone {
		if d := diskOf(m, path); d != nil && !slices.Contains(out.Drives, short(d.Path)) {
			out.Drives = append(out.Drives, short(d.Path))
		}
	}
	for _, path := range c.fresh {
		if d := diskOf(m, path); d != nil {
			out.List = append(out.List, contents(*d)...)
		}
	}
	return out
}

// write puts it into s. While disks get new tables, clearpart gives one to each disk that has
// nothing left: that is refused for a disk whose partitions alone were to go.
func (c clearing) write(s *config.Storage, m machine.Machine) error {
	if len(c.fresh) > 0 && slices.ContainsFunc(c.gone, func(path string) bool { return c.empties(m, path) }) {
		return fmt.Errorf("%s can't get a new table while single partitions of other disks are deleted; keep those, or give their disks new tables", c.fresh[len(c.fresh)-1])
	}
	s.Clear = c.storage(m)
	return nil
}

// empties reports whether nothing is left on the disk of a partition that goes.
func (c clearing) empties(m machine.Machine, path string) bool {
	d := diskOf(m, path)
	return d != nil && !slices.ContainsFunc(d.Parts, func(p machine.Part) bool {
		return p.Use() != "extended" && !slices.Contains(c.gone, p.Path)
	})
}

// contents are the partitions of d, or d itself when what is on it needs none.
func contents(d machine.Disk) []string {
	if len(d.Parts) == 0 && d.FSType != "" {
		return []string{short(d.Path)}
	}
	var all []string
	for _, p := range d.Parts {
		if p.Use() != "extended" { // goes with the last one in it
			all = append(all, short(p.Path))
		}
	}
	return all
}

func shorts(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, short(p))
	}
	return out
}

// diskOf is the disk at path, or the one with that partition; nil when there is none.
func diskOf(m machine.Machine, path string) *machine.Disk {
	for i, d := range m.Disks {
		if d.Path == path || slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Path == path }) {
			return &m.Disks[i]
		}
	}
	return nil
}

// NewTable gives a disk a new partition table, "gpt" or "msdos": all that is on it
// goes, and what was to be made on it too.
func (e *Editor) NewTable(disk, label string) error {
	d := diskOf(e.set.Machine, disk)
	if d == nil {
		return fmt.Errorf("there is no disk %s", disk)
	}
	c := clearingOf(e.now.Clear, e.set.Machine)
	others := slices.DeleteFunc(slices.Clone(c.fresh), func(path string) bool { return path == d.Path })
	if len(others) > 0 && table(c.label) != table(label) {
		return fmt.Errorf("%s gets a new table of the kind %s: all new tables of an installation are of one kind", others[0], table(c.label))
	}
	c.fresh, c.label = append(others, d.Path), label
	c.gone = slices.DeleteFunc(c.gone, func(path string) bool { return diskOf(e.set.Machine, path) == d })
	s := e.edit()
	if err := c.write(&s, e.set.Machine); err != nil {
		return err
	}
	if err := e.dropFrom(&s, *d, true); err != nil {
		return err
	}
	if err := e.step(s); err != nil {
		return err
	}
	if r, ok := e.Row("disk:" + d.Path); !ok || r.Fate != Erased { // an empty extended partition can't be listed
		e.Undo()
		return fmt.Errorf("%s can't get a new table while single partitions of other disks are deleted; keep those, or give their disks new tables", d.Path)
	}
	return nil
}

func table(label string) string {
	if label == "" {
		return "gpt"
	}
	return label
}

// dropFrom takes out the requests that are about d: for what is on it, and, when all is said, for
// what was to be made on it. What is a part of something else can't go by itself.
func (e *Editor) dropFrom(s *config.Storage, d machine.Disk, all bool) error {
	var inUse string
	s.Partitions = slices.DeleteFunc(s.Partitions, func(p config.Partition) bool {
		at := diskOf(e.set.Machine, "/dev/"+short(p.OnPart))
		ours := at != nil && at.Path == d.Path || all && p.Disk == short(d.Path)
		if user := userOf(*s, p.Mount); ours && user != "" {
			inUse = user
		}
		return ours
	})
	if inUse != "" {
		return fmt.Errorf("%s has a part of %s on it; delete that first", d.Path, inUse)
	}
	return nil
}

// Keep takes back that a disk gets a new table, or that a partition goes.
func (e *Editor) Keep(row string) error {
	r, ok := e.Row(row)
	if !ok {
		return errors.New("it isn't there any more")
	}
	c := clearingOf(e.now.Clear, e.set.Machine)
	s := e.edit()
	switch {
	case r.Kind == Disk && r.Fate == Erased:
		c.fresh = slices.DeleteFunc(c.fresh, func(path string) bool { return path == r.Device })
		if d := diskOf(e.set.Machine, r.Device); d != nil {
			if err := e.dropFrom(&s, *d, true); err != nil {
				return err
			}
		}
	case r.Kind == Partition && r.Fate == Erased:
		c.gone = slices.DeleteFunc(c.gone, func(path string) bool { return path == r.Device })
		if d := diskOf(e.set.Machine, r.Device); d != nil && slices.Contains(c.fresh, d.Path) {
			return fmt.Errorf("%s gets a new partition table; keep the disk as it is first", d.Path)
		}
	default:
		return fmt.Errorf("%s stays anyway", r.Device)
	}
	if err := c.write(&s, e.set.Machine); err != nil {
		return err
	}
	return e.step(s)
}

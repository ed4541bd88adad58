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

// Kind is what a Row is.
type Kind string

// The kinds of rows.
const (
	Disk      Kind = "disk"
	Partition Kind = "partition"
	Free      Kind = "free" // room for partitions
	Array     Kind = "array"
	Group     Kind = "group"
	Volume    Kind = "volume" // logical
	Pool      Kind = "pool"   // thin
	Btrfs     Kind = "btrfs"
	Subvolume Kind = "subvolume"
)

// Fate is what becomes of a Row.
type Fate string

// The fates.
const (
	Untouched Fate = ""          // it stays and isn't used
	Kept      Fate = "kept"      // it is used, and what is on it stays
	Formatted Fate = "formatted" // it stays, and what is on it goes
	Made      Fate = "new"
	Erased    Fate = "erased"
)

// Row is a device in the table.
type Row struct {
	ID      string // the same as long as the device is there and no other is deleted
	Kind    Kind
	Depth   int    // how far it is indented below what it is on
	Device  string // "/dev/sda1", "/dev/vg0/root"; of a subvolume its name
	Size    int64  // bytes that it will have
	Was     int64  // bytes, when it is made larger or smaller
	What    string // what is on it now, or what it is: "Windows (ntfs \"System\")", "RAID 1"
	Holds   string // the file system that is on it now, as blkid calls it
	As      string // what it will be: one of the As… words; empty: as it is
	Mount   string // where it will be mounted; empty: nowhere
	Crypt   bool   // encrypted
	Fate    Fate
	Problem string // why it can't be so; empty: nothing is wrong
	Refused string // of a disk: why it can't be written

	request  int             // of a partition: which of Storage.Partitions, from 1 on; of a new btrfs or subvolume which of Storage.Btrfs
	stack    machine.Stack   // that is there already
	stacked  machine.Stacked // volume of it
	subjects []string        // what Problems call it
}

// Row is the row with that ID.
func (e *Editor) Row(id string) (Row, bool) {
	for _, r := range e.Rows() {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}

// Rows are all devices: disks with what is on them, then what is made of those.
func (e *Editor) Rows() []Row {
	if e.rows == nil {
		e.rows = e.list()
	}
	return slices.Clone(e.rows)
}

func (e *Editor) list() []Row {
	var all []Row
	for _, d := range e.set.Machine.Disks {
		all = append(all, e.diskRows(d)...)
	}
	all = append(all, e.unplaced()...)
	all = append(all, e.oldStacks()...)
	all = append(all, e.newStacks()...)
	for i := range all {
		all[i].Problem = e.problemOf(all[i])
	}
	return all
}

// problemOf is what is wrong with a row.
func (e *Editor) problemOf(r Row) string {
	var lines []string
	for _, p := range e.made.Problems {
		if p.Subject != "" && slices.Contains(append(r.subjects, r.Device), p.Subject) && p.Code != layout.NoTarget {
			lines = append(lines, Words(layout.Problem{Code: p.Code, Text: p.Text}))
		}
	}
	return strings.Join(lines, "; ")
}

// diskRows are a disk, its partitions and its free room by their places, and what goes from it.
func (e *Editor) diskRows(d machine.Disk) []Row {
	at := layout.AsItIs(d)
	if i := slices.IndexFunc(e.made.Disks, func(l layout.Disk) bool { return l.Path == d.Path }); i >= 0 {
		at = e.made.Disks[i]
	}
	head := Row{ID: "disk:" + d.Path, Kind: Disk, Device: d.Path, Size: d.Size, What: diskWords(d), Refused: e.set.Refused[d.Path],
		subjects: []string{"clearpart --list=" + short(d.Path), short(d.Path)}}
	if !at.Kept {
		head.Fate, head.As = Erased, at.Table
	}
	var rows []Row
	if at.Table != "" {
		for _, v := range at.Parts {
			if !isExtended(v) {
				rows = append(rows, e.partRow(d, v))
			}
		}
		for _, r := range at.Rooms() {
			if at.Table == "dos" && r.Size < 4*mib {
				continue // beside an extended partition
			}
			rows = append(rows, Row{ID: fmt.Sprintf("free:%s:%d", d.Path, r.Start), Kind: Free, Depth: 1, Device: d.Path, Size: r.Size})
		}
	} else if i := slices.IndexFunc(e.now.Partitions, func(p config.Partition) bool { return "/dev/"+p.OnPart == d.Path }); i >= 0 {
		head.ask(e.now.Partitions[i])
	}
	starts := e.starts(at)
	slices.SortStableFunc(rows, func(x, y Row) int { return cmp.Compare(starts[x.ID], starts[y.ID]) })
	for _, p := range at.Lost {
		if p.Use() != "extended" {
			rows = append(rows, Row{ID: "part:" + p.Path, Kind: Partition, Depth: 1, Device: p.Path, Size: p.Size, What: e.partWords(p), Fate: Erased})
		}
	}
	return append([]Row{head}, rows...)
}

// starts are the places of rows on a disk, by their ID.
func (e *Editor) starts(d layout.Disk) map[string]int64 {
	at := map[string]int64{}
	for _, v := range d.Parts {
		at[partID(v)] = v.Start
	}
	for _, r := range d.Rooms() {
		at[fmt.Sprintf("free:%s:%d", d.Path, r.Start)] = r.Start
	}
	return at
}

func isExtended(v layout.Volume) bool {
	return v.Type == "0x5" || v.Type == "0xf" || v.Type == "0x85"
}

func partID(v layout.Volume) string {
	if v.Existing {
		return "part:" + cmp.Or(v.WasDevice, v.Device)
	}
	return fmt.Sprintf("new:%d", v.Order)
}

// partRow is a partition that stays or is new.
func (e *Editor) partRow(d machine.Disk, v layout.Volume) Row {
	r := Row{ID: partID(v), Kind: Partition, Depth: 1, Device: v.Device, Size: v.Size, Was: v.Was, request: v.Order}
	if v.Existing {
		r.Device = cmp.Or(v.WasDevice, v.Device)
		i := slices.IndexFunc(d.Parts, func(p machine.Part) bool { return p.Path == r.Device })
		if i >= 0 {
			r.What, r.Holds = e.partWords(d.Parts[i]), d.Parts[i].FSType
		}
		if s, ok := e.set.Machine.StackOn(r.Device); ok {
			r.stack = s
		}
	}
	switch {
	case v.Order == 0:
	case v.Order <= len(e.now.Partitions):
		r.ask(e.now.Partitions[v.Order-1])
	default: // the EFI system partition that is there is used by itself
		r.request, r.Mount, r.Fate = 0, v.Mount, Kept
	}
	return r
}

// ask notes what a request wants of a row.
func (r *Row) ask(p config.Partition) {
	r.As, r.Mount, r.Crypt = asOf(p.Mount, p.FSType), mountWords(p.Mount), p.LUKS != nil
	r.subjects = []string{p.Mount, "raid " + p.Mount}
	switch {
	case p.NoFormat:
		r.Fate, r.As = Kept, ""
	case p.OnPart != "":
		r.Fate = Formatted
	default:
		r.Fate = Made
	}
}

// unplaced are requests for partitions that have no place, since something is wrong with them.
func (e *Editor) unplaced() []Row {
	placed := map[int]bool{}
	for _, d := range e.made.Disks {
		for _, v := range d.Parts {
			placed[v.Order] = true
		}
	}
	var rows []Row
	for i, p := range e.now.Partitions {
		if placed[i+1] {
			continue
		}
		r := Row{ID: fmt.Sprintf("new:%d", i+1), Kind: Partition, Device: cmp.Or(p.OnPart, p.Disk, "?"), Size: p.SizeMiB * mib, request: i + 1}
		r.ask(p)
		r.subjects = append(r.subjects, "/dev/"+p.Disk, "/dev/"+p.OnPart)
		rows = append(rows, r)
	}
	return rows
}

func diskWords(d machine.Disk) string {
	words := strings.Join(strings.Fields(d.Model+" "+d.Transport), " ")
	switch {
	case len(d.Parts) == 0 && d.FSType != "":
		words += ", " + d.Contents()
	case d.Table == "":
		words += ", no partition table"
	default:
		words += ", " + map[string]string{"dos": "msdos"}[d.Table]
		if d.Table != "dos" {
			words += d.Table
		}
	}
	return strings.TrimPrefix(words, ", ")
}

// partWords say what is on a partition, without its size, which has a column.
func (e *Editor) partWords(p machine.Part) string {
	if s, ok := e.set.Machine.StackOn(p.Path); ok && s.Kind != "luks" && (s.Kind != "btrfs" || len(s.Members) > 1 || len(s.Volumes) > 0) {
		return p.Use() + ", part of " + strings.TrimSpace(map[string]string{"raid": "array", "vg": "group", "btrfs": "btrfs"}[s.Kind]+" "+cmp.Or(s.Name, s.Label))
	}
	switch {
	case p.FSType == "":
		return p.Use()
	case p.Label != "":
		return fmt.Sprintf("%s (%s %q)", p.Use(), p.FSType, p.Label)
	}
	return p.Use() + " (" + p.FSType + ")"
}

// mountWords are a mount point as the table shows it: words are none.
func mountWords(mount string) string {
	if strings.HasPrefix(mount, "/") {
		return mount
	}
	return ""
}

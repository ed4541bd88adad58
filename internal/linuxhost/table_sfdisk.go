package linuxhost

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// sfdiskTable is a partition table as sfdisk --json shows it, in sectors.
type sfdiskTable struct {
	Label      string
	SectorSize int64
	Partitions []sfdiskPart
}

// sfdiskPart is one entry, all of it.
type sfdiskPart struct {
	Node             string
	Start, Size      int64
	Type, UUID, Name string
	Attrs            string
	Bootable         bool
	number           int
}

// table is t in our terms.
func (t sfdiskTable) table() host.Table {
	out := host.Table{Kind: t.Label}
	for _, p := range t.Partitions {
		out.Parts = append(out.Parts, host.TablePart{
			Number: p.number, Start: p.Start * t.SectorSize, Size: p.Size * t.SectorSize, Type: p.Type, GUID: p.UUID, Name: p.Name, Active: p.Bootable,
		})
	}
	return out
}

// at is the partition that starts at an offset in bytes.
func (t sfdiskTable) at(start int64) (host.TablePart, bool) {
	parts := t.table().Parts
	i := slices.IndexFunc(parts, func(p host.TablePart) bool { return p.Start == start })
	if i < 0 {
		return host.TablePart{}, false
	}
	return parts[i], true
}

// todo is what of e isn't done yet, with the numbers that partitions have now. In a dos
// table nothing tells a new partition from an old one in the very same place: that is
// made once more.
func (t sfdiskTable) todo(e host.Edit) (host.Edit, error) {
	if t.Label != e.Kind {
		return e, fmt.Errorf("it was a %s table when the plan was made, and is %q now: start the installation again", e.Kind, t.Label)
	}
	left := host.Edit{Kind: e.Kind}
	var errs []error
	for i, p := range e.Add {
		p.Number = p.No(i)
		if is, ok := t.at(p.Start); !ok || !same(is, p) || gone(e.Delete, is) && e.Kind == "dos" {
			left.Add = append(left.Add, p)
		}
	}
	for _, p := range e.Delete {
		is, ok := t.at(p.Start)
		added := slices.ContainsFunc(e.Add, func(a host.TablePart) bool { return same(is, a) }) && (e.Kind == "gpt" || is.Size != p.Size)
		switch {
		case !ok || added:
		case is.Size != p.Size && !(isExtended(is.Type) && isExtended(p.Type)): // of which the kernel shows 1 KiB
			errs = append(errs, changed(is))
		default:
			left.Delete = append(left.Delete, is)
		}
	}
	for _, p := range e.Resize {
		is, ok := t.at(p.Start)
		if !ok {
			errs = append(errs, changed(p))
		} else if is.Size != p.Size {
			is.Size = p.Size
			left.Resize = append(left.Resize, is)
		}
	}
	// The last first: to delete a logical partition changes the numbers of those after it, and
	// with an extended one all its logical ones go.
	slices.SortFunc(left.Delete, func(x, y host.TablePart) int { return y.Number - x.Number })
	return left, errors.Join(errs...)
}

func changed(p host.TablePart) error {
	return fmt.Errorf("partition %d at %d isn't the one it was when the plan was made: start the installation again", p.Number, p.Start)
}

// gone reports whether p is among those to delete.
func gone(parts []host.TablePart, p host.TablePart) bool {
	return slices.ContainsFunc(parts, func(d host.TablePart) bool { return d.Start == p.Start && d.Size == p.Size })
}

// same reports whether is, which is there, is what want asks for.
func same(is, want host.TablePart) bool {
	return is.Start == want.Start && is.Size == want.Size && strings.EqualFold(dosType(is.Type), dosType(want.Type)) &&
		(want.GUID == "" || strings.EqualFold(is.GUID, want.GUID))
}

// dosType is a partition's type without what is optional in it.
func dosType(kind string) string {
	return strings.TrimLeft(strings.TrimPrefix(strings.ToLower(kind), "0x"), "0")
}

// verify compares the table after an edit with what it should be.
func (t sfdiskTable) verify(e host.Edit, after sfdiskTable) error {
	var errs []error
	kept := 0
	for _, old := range t.Partitions {
		start := old.Start * t.SectorSize
		if gone(e.Delete, host.TablePart{Start: start, Size: old.Size * t.SectorSize}) {
			continue
		}
		kept++
		if i := slices.IndexFunc(e.Resize, func(p host.TablePart) bool { return p.Start == start }); i >= 0 {
			old.Size = e.Resize[i].Size / t.SectorSize
		}
		if !slices.ContainsFunc(after.Partitions, func(p sfdiskPart) bool { return p.entry() == old.entry() }) {
			errs = append(errs, fmt.Errorf("%s, which was to stay, has changed", old.Node))
		}
	}
	for _, p := range e.Add {
		if is, ok := after.at(p.Start); !ok || !same(is, p) {
			errs = append(errs, fmt.Errorf("partition %d at %d with %d bytes is not there", p.Number, p.Start, p.Size))
		} else if is.Number != p.Number {
			errs = append(errs, fmt.Errorf("the partition at %d is number %d and not %d", p.Start, is.Number, p.Number))
		}
	}
	if n := len(after.Partitions); n != kept+len(e.Add) {
		errs = append(errs, fmt.Errorf("there are %d partitions and not %d", n, kept+len(e.Add)))
	}
	return errors.Join(errs...)
}

// entry is p to be compared. The names and numbers of logical partitions change
// when one before them goes.
func (p sfdiskPart) entry() sfdiskPart {
	if p.number > 4 && p.UUID == "" {
		p.Node, p.number = "", 0
	}
	return p
}

package dialog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// probe looks at the machine again. What was chosen stays, and says so when it is gone. What
// was chosen for a disk whose name another one has now is dropped.
func (s *State) probe(ctx context.Context) (*Page, error) {
	m, usable, refused, err := s.Facts.Probe(ctx)
	if err != nil {
		return nil, err
	}
	s.Facts.Machine, s.Facts.Disks, s.Facts.Refused = m, usable, refused
	d := &s.disk
	others := d.others(m)
	var lost []string
	for _, was := range others {
		if d.drop(was) {
			lost = append(lost, was.Path)
		}
	}
	if d.editor != nil {
		lost = append(lost, d.editor.Refresh(s.setup(), others...)...)
	}
	if len(lost) == 0 {
		return nil, nil
	}
	slices.Sort(lost)
	return nil, fmt.Errorf("the disk %s is not there any more; choose another one", strings.Join(slices.Compact(lost), ", "))
}

// others are the disks, as they were, whose names other disks have in m. It notes those of m.
func (d *diskDraft) others(m machine.Machine) []machine.Disk {
	var others []machine.Disk
	for _, now := range m.Disks {
		if was, ok := d.seen[now.Path]; ok && !sameDisk(was, now) {
			others = append(others, was)
		}
		d.seen[now.Path] = now
	}
	return others
}

// sameDisk goes by the number that the kernel gives to no second disk. Where it is not known,
// what a disk says of itself has to do.
func sameDisk(was, now machine.Disk) bool {
	if was.Seq != 0 && now.Seq != 0 {
		return was.Seq == now.Seq
	}
	return was.Size == now.Size && was.Serial == now.Serial && was.Model == now.Model
}

// drop takes back that a disk was chosen; false when it wasn't.
func (d *diskDraft) drop(was machine.Disk) bool {
	if slices.ContainsFunc(was.Parts, func(p machine.Part) bool { return p.Path == d.shrink }) {
		d.shrink, d.smaller = "", ""
	}
	i := slices.Index(d.disks, was.Path)
	if i < 0 {
		return false
	}
	d.disks = slices.Delete(slices.Clone(d.disks), i, i+1)
	return true
}

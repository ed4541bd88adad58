package machine

import (
	"fmt"
	"slices"
	"strings"
)

// FindAll are the disks that spec names, in the order of m.Disks. Every
// spelling of a kickstart will do: "vda", "/dev/vda", "disk/by-id/…",
// "LABEL=data", "UUID=…" (of a file system on the disk or one of its
// partitions), shell patterns of the first three, and several joined by "|".
func (m Machine) FindAll(spec string) []Disk {
	var found []Disk
	for _, d := range m.Disks {
		if slices.ContainsFunc(strings.Split(spec, "|"), d.named) {
			found = append(found, d)
		}
	}
	return found
}

// Find is the one disk that spec names. No disk, and more than one, are errors
// that say which disks there are.
func (m Machine) Find(spec string) (Disk, error) {
	found := m.FindAll(spec)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Disk{}, fmt.Errorf("there is no disk %q; this machine has %s", spec, m.names(m.Disks))
	}
	return Disk{}, fmt.Errorf("%q names more than one disk: %s", spec, m.names(found))
}

func (m Machine) names(disks []Disk) string {
	if len(disks) == 0 {
		return "none"
	}
	names := make([]string, len(disks))
	for i, d := range disks {
		names[i] = d.Name()
	}
	return strings.Join(names, ", ")
}

// Name is d's name without the "/dev/".
func (d Disk) Name() string { return strings.TrimPrefix(d.Path, "/dev/") }

// named reports whether spec is a name of d.
func (d Disk) named(spec string) bool {
	if label, ok := strings.CutPrefix(spec, "LABEL="); ok {
		return label != "" && d.holds(func(p Part) bool { return p.Label == label })
	}
	if uuid, ok := strings.CutPrefix(spec, "UUID="); ok {
		return uuid != "" && d.holds(func(p Part) bool { return strings.EqualFold(p.UUID, uuid) })
	}
	if !strings.HasPrefix(spec, "/") {
		spec = "/dev/" + spec
	}
	return slices.ContainsFunc(append([]string{d.Path}, d.Links...), func(name string) bool {
		return matchName(spec, name)
	})
}

// holds reports whether has is true of a partition, or of the disk as a whole.
func (d Disk) holds(has func(Part) bool) bool {
	return has(Part{FSType: d.FSType, Label: d.Label, UUID: d.UUID}) || slices.ContainsFunc(d.Parts, has)
}

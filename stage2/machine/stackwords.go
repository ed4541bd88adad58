package machine

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// StackOn is the stack that a device is a member of; false when it is of none.
func (m Machine) StackOn(device string) (Stack, bool) {
	i := slices.IndexFunc(m.Stacks, func(s Stack) bool { return slices.Contains(s.Members, device) })
	if i < 0 {
		return Stack{}, false
	}
	return m.Stacks[i], true
}

// Gives reports whether dev is s's own device or one of its volumes. A btrfs has none: what it
// is mounted by is a member.
func (s Stack) Gives(dev string) bool {
	switch {
	case dev == "" || s.Kind == "btrfs":
		return false
	case dev == s.Device || s.Kind == "raid" && dev == "/dev/md/"+s.Name:
		return true
	}
	return s.Kind == "vg" && slices.ContainsFunc(s.Volumes, func(v Stacked) bool {
		return dev == v.Device || dev == path.Join("/dev", s.Name, v.Name)
	})
}

// Below are the stacks that s is on, the nearest first.
func (m Machine) Below(s Stack) []Stack { return m.below(s, len(m.Stacks)) }

func (m Machine) below(s Stack, depth int) []Stack {
	var all []Stack
	for _, under := range m.Stacks {
		if depth > 0 && slices.ContainsFunc(s.Members, under.Gives) { // members can't go in circles, but a file can say so
			all = append(append(all, under), m.below(under, depth-1)...)
		}
	}
	return all
}

// Contents is d.Contents with what the partitions are part of:
// "2 partitions: EFI system (vfat, 512 MiB); LVM (475 GiB), part of volume group
// vg0 (2 volumes: root ext4 20 GiB, home xfs 300 GiB)".
func (m Machine) Contents(d Disk) string {
	if s, ok := m.worthWords(d.Path); ok && len(d.Parts) == 0 {
		return "part of " + m.chain(s)
	}
	words, stacked := make([]string, len(d.Parts)), false
	for i, p := range d.Parts {
		words[i] = p.Describe()
		if s, ok := m.worthWords(p.Path); ok {
			words[i], stacked = fmt.Sprintf("%s (%s), part of %s", p.Use(), Size(p.Size), m.chain(s)), true
		}
	}
	if !stacked {
		return d.Contents()
	}
	return fmt.Sprintf("%d %s: %s", len(words), Plural(len(words), "partition"), strings.Join(words, "; "))
}

// worthWords leaves out a stack that says no more than the partition itself.
func (m Machine) worthWords(device string) (Stack, bool) {
	s, ok := m.StackOn(device)
	if s.Kind == "btrfs" && len(s.Members) < 2 && s.Missing == 0 && len(s.Volumes) == 0 {
		return s, false
	}
	return s, ok
}

// chain is s in words, with what s itself is part of.
func (m Machine) chain(s Stack) string {
	words := s.Describe()
	for range len(m.Stacks) { // members can't go in circles, but a file can say so
		up, ok := m.StackOn(s.Device)
		if s.Device == "" || !ok {
			break
		}
		words, s = words+", part of "+up.Describe(), up
	}
	return words
}

// Describe is s in words: `volume group vg0 (2 volumes: root ext4 20 GiB, home
// xfs "home" 300 GiB; 4 GiB free)`, `RAID 1 array boot (2 devices, 1 missing, ext4, 1 GiB)`.
func (s Stack) Describe() string {
	switch s.Kind {
	case "vg":
		return named("volume group", s.Name) + s.groupWords()
	case "raid":
		return named("RAID "+s.Level+" array", s.Name) + s.inner(s.count("device"), s.FSType)
	case "luks":
		return named("encrypted volume", cmp.Or(s.Name, s.Label)) + s.inner("LUKS", s.FSType)
	case "btrfs":
		return named("btrfs", cmp.Or(s.Name, s.Label)) + s.inner(s.count("device"), s.subvolumes())
	}
	return named(s.Kind, s.Name)
}

func named(what, name string) string { return strings.TrimSpace(what + " " + printable(name)) }

// printable is a name from a disk, where anything can stand.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
}

// inner is what stands in the parentheses behind a name.
func (s Stack) inner(words ...string) string {
	if s.Size > 0 {
		words = append(words, Size(s.Size))
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return " (" + strings.Join(words, ", ") + ")"
}

func (s Stack) count(noun string) string {
	n := len(s.Members) + s.Missing
	words := fmt.Sprintf("%d %s", n, Plural(n, noun))
	if s.Missing > 0 {
		words += fmt.Sprintf(", %d missing", s.Missing)
	}
	return words
}

func (s Stack) groupWords() string {
	volumes := make([]string, len(s.Volumes))
	for i, v := range s.Volumes {
		volumes[i] = v.describe()
	}
	words := fmt.Sprintf("%d %s", len(volumes), Plural(len(volumes), "volume"))
	if len(volumes) > 0 {
		words += ": " + strings.Join(volumes, ", ")
	}
	if s.Missing > 0 {
		words += fmt.Sprintf("; %d %s missing", s.Missing, Plural(s.Missing, "device"))
	}
	if s.Free > 0 {
		words += "; " + Size(s.Free) + " free"
	}
	return " (" + words + ")"
}

// describe is a logical volume in words: `home xfs "home" 300 GiB`.
func (v Stacked) describe() string {
	words := []string{printable(v.Name)}
	switch {
	case v.FSType != "":
		words = append(words, quoted(v.FSType, v.Label))
	case v.Kind != "" && v.Kind != "linear":
		words = append(words, v.Kind)
	}
	if v.Size > 0 {
		words = append(words, Size(v.Size))
	}
	return strings.Join(words, " ")
}

func (s Stack) subvolumes() string {
	if len(s.Volumes) == 0 {
		return ""
	}
	names := make([]string, len(s.Volumes))
	for i, v := range s.Volumes {
		names[i] = printable(v.Name)
	}
	return Plural(len(names), "subvolume") + " " + strings.Join(names, ", ")
}

package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// stacks finds the arrays, groups and so on that are to be stopped since what
// they are on goes, and those that stay. One that would lose only a part is a problem.
func (m *maker) stacks() {
	for _, s := range m.upFirst() {
		going, staying := m.split(s, len(m.Machine.Stacks))
		switch {
		case len(going) == 0:
			m.stays = append(m.stays, s)
		case len(staying) == 0:
			m.stop(s)
		default:
			m.Problems.Add(StackBroken, few(m.paths(going)), "part of the %s %s, which is on %s too; give that up as well (clearpart --all --drives=…), or leave both",
				kindWord(s.Kind), s.Name, few(m.paths(staying)))
		}
	}
	m.taken()
	m.alike()
}

// split says which members of s go: those on what is cleared or gets something new, and
// what is on them. A member that nobody knows stays.
func (m *maker) split(s machine.Stack, depth int) (going, staying []string) {
	for _, dev := range s.Members {
		if m.ends(dev, depth) {
			going = append(going, dev)
		} else {
			staying = append(staying, dev)
		}
	}
	return going, staying
}

// ends reports whether dev won't be what it is.
func (m *maker) ends(dev string, depth int) bool {
	if l, ok := m.leaf(dev); ok {
		return m.gone(l)
	}
	if m.replaced(dev) {
		return true
	}
	i := slices.IndexFunc(m.Machine.Stacks, func(below machine.Stack) bool { return below.Gives(dev) })
	if i < 0 || depth == 0 {
		return false
	}
	_, staying := m.split(m.Machine.Stacks[i], depth-1)
	return len(staying) == 0
}

// paths are the partitions and disks that devices are on.
func (m *maker) paths(devices []string) []string {
	var all []string
	for _, dev := range devices {
		leaves := m.leaves([]string{dev})
		for _, l := range leaves {
			all = append(all, l.path())
		}
		if len(leaves) == 0 {
			all = append(all, dev)
		}
	}
	return all
}

// few are at most four of a list.
func few(list []string) string {
	if len(list) > 4 {
		return strings.Join(list[:3], ", ") + fmt.Sprintf(" and %d more", len(list)-3)
	}
	return strings.Join(list, ", ")
}

// replaced reports whether dev is an array or volume that stays and gets something
// new on it.
func (m *maker) replaced(dev string) bool {
	for _, a := range m.s.Arrays {
		if old, ok := m.oldStack("raid", a.Name); ok && a.Existing && !a.NoFormat && old.Gives(dev) {
			return true
		}
	}
	return slices.ContainsFunc(m.s.Logicals, func(l config.Logical) bool {
		return l.Existing && !l.NoFormat && dev == "/dev/"+l.Group+"/"+l.Name
	})
}

func (m *maker) stop(s machine.Stack) {
	m.Stop = append(m.Stop, s)
	if s.Missing > 0 {
		m.warn("the %s %s is wiped; what is missing of it is not", kindWord(s.Kind), s.Name)
	}
}

// upFirst are all stacks, each before what it is made of.
func (m *maker) upFirst() []machine.Stack {
	depth := func(s machine.Stack) int { return m.depth(s, len(m.Machine.Stacks)) }
	all := slices.Clone(m.Machine.Stacks)
	slices.SortStableFunc(all, func(x, y machine.Stack) int { return depth(y) - depth(x) })
	return all
}

// depth is how many stacks are below s.
func (m *maker) depth(s machine.Stack, limit int) int {
	deepest := 0
	for _, below := range m.Machine.Stacks {
		if limit > 0 && slices.ContainsFunc(s.Members, func(dev string) bool { return below.Gives(dev) }) {
			deepest = max(deepest, 1+m.depth(below, limit-1))
		}
	}
	return deepest
}

// taken refuses new arrays and groups with the name of one that stays.
func (m *maker) taken() {
	for _, s := range m.stays {
		for _, a := range m.s.Arrays {
			if s.Kind == "raid" && s.Name == a.Name && !a.Existing && !a.NoFormat {
				m.Problems.Add(NameTaken, "raid "+a.Name, "the %s %s stays; use another name, or --useexisting", kindWord(s.Kind), s.Name)
			}
		}
		for _, g := range m.s.Groups {
			if s.Kind == "vg" && s.Name == g.Name && !g.Existing {
				m.Problems.Add(NameTaken, "volgroup "+g.Name, "the %s %s stays; use another name, or --useexisting", kindWord(s.Kind), s.Name)
			}
		}
	}
	for _, s := range m.Stop {
		for _, g := range m.s.Groups {
			if s.Kind == "vg" && s.Name == g.Name && g.Existing {
				m.Problems.Add(BadReference, "volgroup "+g.Name, "is to be used again, and clearpart gives it up")
			}
		}
		for _, a := range m.s.Arrays {
			if s.Kind == "raid" && s.Name == a.Name && (a.Existing || a.NoFormat) {
				m.Problems.Add(BadReference, "raid "+a.Name, "is to be used again, and clearpart gives it up")
			}
		}
	}
	for _, v := range m.s.Btrfs {
		old, ok := m.oldBtrfs(v)
		if ok && slices.ContainsFunc(m.Stop, func(s machine.Stack) bool { return s.Kind == "btrfs" && s.UUID == old.UUID }) {
			m.Problems.Add(BadReference, "btrfs "+v.Mount, "%s is to be used again, and what it is on is given up", old.Describe())
		}
	}
}

// alike refuses to choose between arrays or groups of one name.
func (m *maker) alike() {
	one := func(kind, name, option string) {
		var on []string
		for _, s := range m.Machine.Stacks {
			if s.Kind == kind && s.Name == name {
				on = append(on, few(s.Members))
			}
		}
		if len(on) > 1 {
			m.Problems.Add(BadReference, option+" "+name, "there are %d of that name, on %s; give the others another name first", len(on), strings.Join(on, " and on "))
		}
	}
	for _, a := range m.s.Arrays {
		if a.Existing || a.NoFormat {
			one("raid", a.Name, "raid")
		}
	}
	for _, g := range m.s.Groups {
		if g.Existing {
			one("vg", g.Name, "volgroup")
		}
	}
	m.alikeBtrfs()
}

// alikeBtrfs refuses to choose between btrfs of one label.
func (m *maker) alikeBtrfs() {
	said := map[string]bool{}
	for _, v := range m.s.Btrfs {
		all, label := m.oldBtrfsAll(v), btrfsLabel(v)
		if len(all) < 2 || said[label] {
			continue
		}
		said[label] = true
		var on, by []string
		for _, s := range all {
			on, by = append(on, few(s.Members)), append(by, "UUID="+s.UUID)
		}
		m.Problems.Add(BadReference, "btrfs "+label, "there are %d of that label, on %s; use UUID= to say which: %s", len(all), strings.Join(on, " and on "), strings.Join(by, " or "))
	}
}

package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// stacks finds the arrays, groups and so on that are to be stopped since what
// they are on goes, and those that stay. One that would lose only a part is a problem.
func (m *maker) stacks() {
	for _, s := range m.upFirst() {
		leaves := m.leaves(s.Members)
		var going, staying []string
		for _, l := range leaves {
			if m.gone(l) {
				going = append(going, l.path())
			} else {
				staying = append(staying, l.path())
			}
		}
		switch {
		case len(going) == 0 && !m.replaced(s):
			m.stays = append(m.stays, s)
		case len(staying) == 0 || m.replaced(s):
			m.stop(s)
		default:
			m.Problems.Add(StackBroken, few(going), "part of the %s %s, which is on %s too; give that up as well (clearpart --all --drives=…), or leave both",
				kindWord(s.Kind), s.Name, few(staying))
		}
	}
	m.taken()
}

// few are at most four of a list.
func few(list []string) string {
	if len(list) > 4 {
		return strings.Join(list[:3], ", ") + fmt.Sprintf(" and %d more", len(list)-3)
	}
	return strings.Join(list, ", ")
}

// replaced reports whether s is on an array or volume that stays and gets
// something new on it.
func (m *maker) replaced(s machine.Stack) bool {
	for _, a := range m.s.Arrays {
		old, ok := m.oldStack("raid", a.Name)
		if ok && a.Existing && !a.NoFormat && slices.ContainsFunc(s.Members, func(dev string) bool { return gives(old, dev) }) {
			return true
		}
	}
	for _, l := range m.s.Logicals {
		if l.Existing && !l.NoFormat && slices.Contains(s.Members, "/dev/"+l.Group+"/"+l.Name) {
			return true
		}
	}
	return false
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
		if limit > 0 && slices.ContainsFunc(s.Members, func(dev string) bool { return gives(below, dev) }) {
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
}

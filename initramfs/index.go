package initramfs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// indexes are the text files a module loader reads: modules.dep, modules.alias,
// modules.softdep (formats: modules.dep(5), depmod(8)) and modules.builtin,
// limited to mods. The binary forms that kmod's own modprobe reads are not made.
func indexes(mods map[string]*module, plain selection, builtin map[string]bool) map[string][]byte {
	var dep, alias, soft strings.Builder
	for _, name := range slices.Sorted(maps.Keys(mods)) {
		m := mods[name]
		dep.WriteString(m.archived(plain) + ":")
		for _, d := range dependencies(m, mods) {
			dep.WriteString(" " + d.archived(plain))
		}
		dep.WriteString("\n")
		for _, a := range m.Aliases {
			fmt.Fprintf(&alias, "alias %s %s\n", a, name)
		}
		for _, s := range m.Soft {
			fmt.Fprintf(&soft, "softdep %s %s\n", name, s)
		}
	}
	var built strings.Builder
	for _, name := range slices.Sorted(maps.Keys(builtin)) {
		built.WriteString(name + ".ko\n")
	}
	return map[string][]byte{
		"modules.dep":     []byte(dep.String()),
		"modules.alias":   []byte(alias.String()),
		"modules.softdep": []byte(soft.String()),
		"modules.builtin": []byte(built.String()),
	}
}

// dependencies are all modules m needs, direct or not, in depmod's order: each
// before those it needs itself, so that a loader goes from right to left.
func dependencies(m *module, mods map[string]*module) []*module {
	var order []*module // in order of loading
	seen := map[string]bool{m.Name: true}
	var visit func(*module)
	visit = func(m *module) {
		for _, name := range m.Depends {
			d := mods[strings.ReplaceAll(name, "-", "_")]
			if d == nil || seen[d.Name] {
				continue
			}
			seen[d.Name] = true
			visit(d)
			order = append(order, d)
		}
	}
	visit(m)
	slices.Reverse(order)
	return order
}

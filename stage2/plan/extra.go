package plan

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// ExtraPackages are the packages that a system with these answers needs beside
// what was chosen, for payload.Request.Extra: the tools of its file systems and
// of what they are on, be it made or there already on m. Those of vfat are not among
// them; a system does without. A zero m has nothing on it.
func ExtraPackages(a config.Answers, m machine.Machine) []string {
	s := a.Storage
	var all []string
	add := func(wanted bool, names ...string) {
		for _, n := range names {
			if wanted && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	lvm, thin := len(s.Groups)+len(s.Logicals) > 0, false
	for _, l := range s.Logicals {
		thin = thin || l.ThinPool || l.CacheMiB > 0
	}
	if auto := s.Auto; auto != nil {
		thin = auto.Type == "thinp"
		lvm = thin || auto.Type == "lvm"
	}
	old, stacks := reused(s, m)
	has := func(kind string) bool {
		return slices.ContainsFunc(stacks, func(s machine.Stack) bool { return s.Kind == kind })
	}
	formats := append(formats(s), old...)
	type format = config.Format
	add(slices.ContainsFunc(formats, func(f format) bool { return f.FSType == "xfs" }), "xfsprogs")
	add(len(s.Btrfs) > 0 || has("btrfs") || slices.ContainsFunc(formats, func(f format) bool { return f.FSType == "btrfs" }), "btrfs-progs")
	add(has("luks") || slices.ContainsFunc(formats, func(f format) bool { return f.LUKS != nil }), "cryptsetup", "cryptsetup-initramfs")
	add(len(s.Arrays) > 0 || has("raid"), "mdadm")
	add(lvm || has("vg"), "lvm2")
	add(a.Firewall.Mode == "enabled", "nftables")
	add(true, trustPackages(a.Certificates)...)
	add(thin || slices.ContainsFunc(stacks, thinOrCached), "thin-provisioning-tools")
	return all
}

// thinOrCached reports whether what activates the group checks pools or caches first.
func thinOrCached(s machine.Stack) bool {
	return s.Kind == "vg" && slices.ContainsFunc(s.Volumes, func(v machine.Stacked) bool {
		return strings.HasPrefix(v.Kind, "thin") || strings.HasPrefix(v.Kind, "cache") || v.Kind == "writecache"
	})
}

// formats are those of all requests.
func formats(s config.Storage) []config.Format {
	var all []config.Format
	for _, p := range s.Partitions {
		all = append(all, p.Format)
	}
	for _, a := range s.Arrays {
		all = append(all, a.Format)
	}
	for _, l := range s.Logicals {
		all = append(all, l.Format)
	}
	for _, m := range s.Mounts {
		all = append(all, config.Format{FSType: m.FSType})
	}
	if auto := s.Auto; auto != nil {
		fs := auto.FSType
		if auto.Type == "btrfs" {
			fs = auto.Type
		}
		all = append(all, config.Format{FSType: fs, LUKS: auto.LUKS})
	}
	return all
}

// reused are the file systems that are there already and that the answers use, and what
// these are on.
func reused(s config.Storage, m machine.Machine) (formats []config.Format, stacks []machine.Stack) {
	for _, spec := range reusedNames(s) {
		d, err := m.FindPart(spec)
		if err != nil {
			continue // the plan says so
		}
		formats = append(formats, config.Format{FSType: d.FSType})
		if d.Stack != nil {
			stacks = append(append(stacks, *d.Stack), m.Below(*d.Stack)...)
		}
	}
	for _, old := range m.Stacks {
		if old.Kind == "vg" && slices.ContainsFunc(s.Groups, func(g config.VolumeGroup) bool { return g.Existing && g.Name == old.Name }) {
			stacks = append(append(stacks, old), m.Below(old)...)
		}
	}
	return formats, stacks
}

// reusedNames are what the answers call what is there already.
func reusedNames(s config.Storage) []string {
	var names []string
	add := func(there bool, name string) {
		if there && name != "" {
			names = append(names, name)
		}
	}
	for _, q := range s.Mounts {
		add(q.Mount != "none" || q.Reformat, q.Device)
	}
	for _, p := range s.Partitions {
		add(true, p.OnPart)
	}
	for _, a := range s.Arrays {
		add(a.Existing || a.NoFormat, "/dev/md/"+a.Name)
	}
	for _, l := range s.Logicals {
		add(l.Existing || l.NoFormat, "/dev/"+l.Group+"/"+l.Name)
	}
	return names
}

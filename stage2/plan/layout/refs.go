package layout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// checkReferences finds members that aren't there, and are used twice or never.
func (m *maker) checkReferences() {
	r := refs{m: m, there: map[string]bool{}, users: map[string]string{}, kept: map[string]bool{}}
	for _, p := range m.s.Partitions {
		r.there[p.Mount], r.kept[p.Mount] = memberKind(p.Mount) != "", p.NoFormat
	}
	for _, a := range m.s.Arrays {
		r.there[a.Mount], r.kept[a.Mount] = memberKind(a.Mount) != "", a.NoFormat
	}
	for _, l := range m.s.Logicals {
		r.there[l.Mount], r.kept[l.Mount] = memberKind(l.Mount) == "btrfs", l.NoFormat
	}
	r.arrays()
	r.groups()
	r.logicals()
	r.btrfs()
	for _, p := range m.s.Partitions {
		if memberKind(p.Mount) != "" && r.users[p.Mount] == "" && !p.NoFormat {
			m.warn("%s is made, and nothing is on it", p.Mount)
		}
	}
}

// refs is who uses which member.
type refs struct {
	m     *maker
	there map[string]bool
	users map[string]string
	kept  map[string]bool // --noformat
}

// use notes that user is made of members of a kind.
func (r refs) use(user, kind string, members []string) {
	for _, name := range members {
		switch {
		case !r.there[name]:
			r.m.Problems.Add(BadReference, user, "there is no member %s (part %s …)", name, name)
		case memberKind(name) != kind:
			r.m.Problems.Add(BadReference, user, "%s can't be a member; one is called %s.…", name, kind)
		case r.users[name] != "":
			r.m.Problems.Add(BadReference, user, "%s is a member of %s already", name, r.users[name])
		case r.kept[name]:
			r.m.Problems.Add(BadReference, user, "%s is to be kept (--noformat), and would be erased to be a member of what is made; leave out one of them", name)
		default:
			r.users[name] = user
		}
	}
}

func (r refs) arrays() {
	seen := map[string]bool{}
	for _, a := range r.m.s.Arrays {
		user := "raid " + a.Name
		if seen[a.Name] {
			r.m.Problems.Add(NameTaken, user, "is there twice")
		}
		seen[a.Name] = true
		if a.Existing || a.NoFormat {
			continue
		}
		r.use(user, "raid", a.Members)
		least := leastMembers(a.Level)
		switch active := len(a.Members) - a.Spares; {
		case a.Name == "" || strings.ContainsAny(a.Name, "/ \t\n"):
			r.m.Problems.Add(BadPartition, user, "needs a name (--device=NAME) without slashes and blanks")
		case len(a.Name) > 32:
			r.m.Problems.Add(BadPartition, user, "the name is longer than the 32 characters that md(4) keeps")
		case a.Level == "linear":
			r.m.Problems.Add(NotSupported, user, "Linux has no linear arrays since 6.8; use --level=0, or LVM over the members")
		case least == 0:
			r.m.Problems.Add(BadPartition, user, "level %q is not known; use 0, 1, 4, 5, 6, 10 or linear", a.Level)
		case active < least:
			r.m.Problems.Add(BadPartition, user, "level %s needs at least %d members%s, and has %d", a.Level, least, spareWords(a.Spares), max(0, active))
		case a.Spares > 0 && (a.Level == "0" || a.Level == "linear"):
			r.m.Problems.Add(BadPartition, user, "level %s can't have spares", a.Level)
		}
	}
}

func spareWords(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" beside its %d spares", n)
}

func (r refs) groups() {
	seen := map[string]bool{}
	for _, g := range r.m.s.Groups {
		user := "volgroup " + g.Name
		if seen[g.Name] {
			r.m.Problems.Add(NameTaken, user, "is there twice")
		}
		seen[g.Name] = true
		switch {
		case g.Existing:
			r.keptMembers(g)
			continue
		case len(g.Members) == 0:
			r.m.Problems.Add(BadReference, user, "has no members (part pv.1 … and volgroup %s pv.1)", g.Name)
		case g.ExtentKiB > 0 && g.ExtentKiB&(g.ExtentKiB-1) != 0 && g.ExtentKiB%128 != 0: // vgcreate(8)
			r.m.Problems.Add(BadPartition, user, "--pesize=%d is neither a power of two nor a multiple of 128 KiB", g.ExtentKiB)
		case !lvmName(g.Name):
			r.m.Problems.Add(BadName, user, "LVM names have letters, digits, and + _ . - but not at the beginning")
		case r.inDev(g.Name):
			r.m.Problems.Add(BadName, user, "LVM makes the directory /dev/%s, and there is something of that name; use another", g.Name)
		}
		r.use(user, "pv", g.Members)
	}
}

// keptMembers refuses new members of a group that is there already.
func (r refs) keptMembers(g config.VolumeGroup) {
	for _, p := range r.m.s.Partitions {
		if slices.Contains(g.Members, p.Mount) && !p.NoFormat {
			r.m.Problems.Add(NotSupported, "volgroup "+g.Name, "%s can't be added to a group that is there already; make a group of its own", p.Mount)
		}
	}
}

func lvmName(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '+'
		if !letter && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) < 127
}

// inDev reports whether name is taken in /dev: by a disk, or by what the kernel and the tools make there.
func (r refs) inDev(name string) bool {
	if slices.Contains([]string{"block", "bsg", "bus", "char", "core", "cpu", "disk", "dri", "fd", "input", "mapper", "md", "mem", "mqueue", "net", "null", "pts", "shm", "snd"}, name) {
		return true
	}
	return slices.ContainsFunc(r.m.Machine.Disks, func(d machine.Disk) bool {
		return d.Name() == name || slices.ContainsFunc(d.Parts, func(p machine.Part) bool { return p.Path == "/dev/"+name })
	})
}

// reserved is what of an LVM name LVM keeps for its own volumes, lvm(8); empty when there is nothing.
func reserved(name string) string {
	for _, s := range []string{"_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig"} {
		if strings.Contains(name, s) {
			return s
		}
	}
	for _, s := range []string{"snapshot", "pvmove"} {
		if strings.HasPrefix(name, s) {
			return s
		}
	}
	return ""
}

func (r refs) logicals() {
	groups := map[string]config.VolumeGroup{}
	for _, g := range r.m.s.Groups {
		groups[g.Name] = g
	}
	seen := map[string]bool{}
	for _, l := range r.m.s.Logicals {
		user := "logvol " + l.Name
		g, there := groups[l.Group]
		switch {
		case !lvmName(l.Name):
			r.m.Problems.Add(BadName, user, "LVM names have letters, digits, and + _ . - but not at the beginning; use --name=")
		case !l.Existing && !l.NoFormat && reserved(l.Name) != "":
			r.m.Problems.Add(BadName, user, "LVM keeps names with %s for itself; use another", reserved(l.Name))
		case !there:
			r.m.Problems.Add(BadReference, user, "there is no group %s (volgroup %s …)", l.Group, l.Group)
		case seen[l.Group+"/"+l.Name]:
			r.m.Problems.Add(NameTaken, user, "is there twice in the group %s", l.Group)
		case l.Pool != "" && !r.pool(l):
			r.m.Problems.Add(BadReference, user, "there is no thin pool %s in the group %s (logvol none --thinpool --name=%s …)", l.Pool, l.Group, l.Pool)
		case !l.Existing && !l.NoFormat && g.Existing && r.oldLogical(l):
			r.m.Problems.Add(NameTaken, user, "is there already in the group %s; use another name, or --useexisting", l.Group)
		case l.CacheMiB > 0 && (r.oldLogical(cacheOf(l)) || r.newLogical(cacheOf(l))):
			r.m.Problems.Add(NameTaken, user, "its cache is to be %s, and a volume of the group %s has that name; rename one of them", cacheOf(l).Name, l.Group)
		}
		seen[l.Group+"/"+l.Name] = true
		for _, pv := range l.CachePVs {
			if there && !slices.Contains(g.Members, pv) {
				r.m.Problems.Add(BadReference, user, "--cachepvs names %s, which is no member of %s", pv, l.Group)
			}
		}
	}
}

// cacheOf is the volume that LVM makes for the cache of l.
func cacheOf(l config.Logical) config.Logical {
	return config.Logical{Name: l.Name + "_cache", Group: l.Group}
}

func (r refs) newLogical(l config.Logical) bool {
	return slices.ContainsFunc(r.m.s.Logicals, func(o config.Logical) bool { return o.Name == l.Name && o.Group == l.Group })
}

// pool reports whether the pool of l is made or there already.
func (r refs) pool(l config.Logical) bool {
	made := slices.ContainsFunc(r.m.s.Logicals, func(p config.Logical) bool { return p.ThinPool && p.Name == l.Pool && p.Group == l.Group })
	return made || r.oldLogical(config.Logical{Name: l.Pool, Group: l.Group})
}

func (r refs) oldLogical(l config.Logical) bool {
	old, _ := r.m.oldStack("vg", l.Group)
	for _, v := range old.Volumes {
		if v.Name == l.Name {
			return true
		}
	}
	return false
}

func (r refs) btrfs() {
	profiles := btrfsProfiles()
	for _, v := range r.m.s.Btrfs {
		user := "btrfs " + v.Mount
		if v.Parent != "" {
			if _, old := r.m.oldBtrfs(v); !old && !r.m.newBtrfs(v.Parent) {
				r.m.Problems.Add(BadReference, user, "there is no btrfs %s", v.Parent)
			}
			continue
		}
		if v.Existing || v.NoFormat {
			if _, old := r.m.oldBtrfs(v); !old {
				r.m.Problems.Add(BadReference, user, "there is no btrfs %s to be used again%s", cmp.Or(v.Label, strings.Join(v.Members, " ")), r.m.notFound())
			}
			continue
		}
		r.use(user, "btrfs", v.Members)
		if len(v.Members) == 0 {
			r.m.Problems.Add(BadReference, user, "has no members (part btrfs.1 … and btrfs %s btrfs.1)", v.Mount)
		}
		for _, profile := range []string{v.Data, v.Metadata} {
			if least, known := profiles[profile]; !known {
				r.m.Problems.Add(BadPartition, user, "profile %q is not known; use single, dup, raid0, raid1 or raid10", profile)
			} else if len(v.Members) < least && len(v.Members) > 0 {
				r.m.Problems.Add(BadPartition, user, "profile %s needs at least %d members", profile, least)
			}
		}
	}
}

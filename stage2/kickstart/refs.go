package kickstart

import (
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// origin is a place that names something, and what stands there.
type origin struct {
	pos Pos
	by  string
}

func (o origin) String() string {
	return fmt.Sprintf("%s (line %d of %s)", o.by, o.pos.Line, o.pos.File)
}

// refs are the names by which the storage commands refer to each other. A name
// may be used before the line that makes it.
type refs struct {
	named   map[string]origin // kind and name
	members []origin          // all that can be part of others; by is the name
	later   []func()          // checks that need the whole file
	partial bool              // a command that could have named something wasn't understood
}

// lost notes that a command couldn't be applied. What it would have named is
// then not reported as missing.
func (r *refs) lost(cmd *command) {
	if slices.Contains([]string{"part", "raid", "volgroup", "logvol", "btrfs"}, cmd.names[0]) {
		r.partial = true
	}
}

// claim gives a name to the call, which must be the only one to have it.
func (b *builder) claim(c *call, kind, name, already string) {
	key := kind + " " + name
	if first, taken := b.refs.named[key]; taken {
		b.wrong(c, already+" %s", name, first)
		return
	}
	by := c.name
	if arg := c.arg(0); arg != "" {
		by += " " + arg
	}
	b.refs.named[key] = origin{c.pos, by}
}

func (b *builder) known(kind, name string) bool {
	_, ok := b.refs.named[kind+" "+name]
	return ok
}

// later does a check when everything is read.
func (b *builder) later(check func()) { b.refs.later = append(b.refs.later, check) }

// references does them, in the order of the file.
func (b *builder) references() {
	for _, check := range b.refs.later {
		check()
	}
	for _, m := range b.refs.members {
		if !b.refs.partial && !b.known("use", m.by) {
			b.warn(m.pos, "%s is part of nothing: name it in a %s command, or leave it out", m.by, memberOf(m.by))
		}
	}
}

// memberOf is the command that lists such a member.
func memberOf(name string) string {
	kind, _, _ := strings.Cut(name, ".")
	if kind == "pv" {
		return "volgroup"
	}
	return kind
}

// take claims the members that a call lists, of the kind "pv." or another.
func (b *builder) take(c *call, kind string, members []string) {
	for _, m := range members {
		if isMember(m) {
			b.claim(c, "use", m, "%s is already part of")
		}
	}
	b.later(func() { b.areThere(c, kind, members) })
}

// areThere checks that members are made somewhere.
func (b *builder) areThere(c *call, kind string, members []string) {
	var missing []string
	for _, m := range members {
		switch {
		case !b.known("member", m):
			missing = append(missing, strings.Trim(c.shown(m), `"`))
		case !strings.HasPrefix(m, kind):
			b.wrong(c, "%s can't be part of it: what %s lists is called %sNAME", m, c.name, kind)
		}
	}
	if len(missing) == 0 || b.refs.partial {
		return
	}
	b.wrong(c, "there is no part or raid command for %s%s", strings.Join(missing, ", "), hint(missing[0], "", b.memberNames(kind)))
}

func (b *builder) memberNames(kind string) []string {
	var all []string
	for _, m := range b.refs.members {
		if strings.HasPrefix(m.by, kind) {
			all = append(all, m.by)
		}
	}
	return all
}

// circle reports an array that is, by way of others, a member of itself.
func (b *builder) circle(c *call, a config.Array) {
	mount := a.Mount
	for range b.answers.Storage.Arrays {
		if slices.Contains(a.Members, mount) {
			b.wrong(c, "the array %s would be a part of itself, as %s", a.Name, mount)
			return
		}
		i := slices.IndexFunc(b.answers.Storage.Arrays, func(o config.Array) bool { return slices.Contains(o.Members, mount) })
		if i < 0 {
			return
		}
		mount = b.answers.Storage.Arrays[i].Mount
	}
}

// group finds a volume group of the file.
func (b *builder) group(name string) *config.VolumeGroup {
	for i := range b.answers.Storage.Groups {
		if g := &b.answers.Storage.Groups[i]; g.Name == name {
			return g
		}
	}
	return nil
}

// logical finds a logical volume of the file.
func (b *builder) logical(group, name string) *config.Logical {
	for i := range b.answers.Storage.Logicals {
		if l := &b.answers.Storage.Logicals[i]; l.Group == group && l.Name == name {
			return l
		}
	}
	return nil
}

// inGroup checks that the group of a logical volume is there, and in it what else it names.
func (b *builder) inGroup(c *call, l config.Logical) {
	g := b.group(l.Group)
	switch {
	case g == nil && (l.Existing || b.refs.partial):
		return
	case g == nil:
		var names []string
		for _, g := range b.answers.Storage.Groups {
			names = append(names, g.Name)
		}
		b.wrong(c, "there is no volgroup command for %s; one that is there already needs volgroup %s --useexisting%s", l.Group, l.Group, hint(l.Group, "", names))
		return
	}
	if l.Pool != "" {
		b.inPool(c, l, g)
	}
	for _, pv := range l.CachePVs {
		if !g.Existing && !slices.Contains(g.Members, pv) {
			b.wrong(c, "--cachepvs names %s, which is no member of volgroup %s%s", pv, g.Name, hint(pv, "", g.Members))
		}
	}
}

func (b *builder) inPool(c *call, l config.Logical, g *config.VolumeGroup) {
	pool := b.logical(l.Group, l.Pool)
	at := b.refs.named["volume "+l.Group+"/"+l.Pool]
	switch {
	case pool == nil && !g.Existing && !b.refs.partial:
		b.wrong(c, "there is no logvol --thinpool --name=%s in volgroup %s", l.Pool, l.Group)
	case pool != nil && !pool.ThinPool && !pool.Existing:
		b.wrong(c, "%s is no thin pool: %s has no --thinpool", l.Pool, at)
	}
}

// inVolume checks that the btrfs volume of a subvolume is there.
func (b *builder) inVolume(c *call, sub config.Btrfs) {
	label := strings.TrimPrefix(sub.Parent, "LABEL=")
	existing := false
	for _, v := range b.answers.Storage.Btrfs {
		if v.Subvolume != "" {
			continue
		}
		existing = existing || v.Existing
		if v.Label == label || slices.Contains(v.Members, sub.Parent) || slices.Contains(v.Members, label) {
			return
		}
	}
	if !existing && !sub.Existing && !b.refs.partial {
		b.wrong(c, "there is no btrfs volume %s; one that is there already needs btrfs none --useexisting %s", sub.Parent, sub.Parent)
	}
}

// snapshotOf checks that a snapshot is of a thin volume.
func (b *builder) snapshotOf(c *call, s config.Snapshot) {
	group, name, _ := strings.Cut(s.Volume, "/")
	g, l := b.group(group), b.logical(group, name)
	at := b.refs.named["volume "+s.Volume]
	switch {
	case l != nil && l.Pool == "" && !l.Existing:
		b.wrong(c, "%s is no thin volume, and there are snapshots of those alone: %s has no --thin", s.Volume, at)
	case l == nil && g != nil && !g.Existing && !b.refs.partial:
		b.wrong(c, "there is no logvol --name=%s in volgroup %s", name, group)
	}
}

package kickstart

import (
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyRaid(b *builder, c *call) {
	mount, ok := b.mountPoint(c, "swap", "none", "raid.", "pv.", "btrfs.")
	if !ok {
		b.refs.lost(c.cmd)
		return
	}
	a := config.Array{
		Mount: mount, Format: b.format(c, mount), Name: arrayName(c.str("device")), Level: strings.TrimPrefix(strings.ToLower(c.str("level")), "raid"),
		Members: words(c.args[1:]), Spares: c.num("spares"), ChunkKiB: c.num("chunksize"),
	}
	b.claim(c, "array", a.Name, "array %s is already made by")
	b.take(c, "raid.", a.Members)
	if a.Existing {
		b.noEffect(c, "on an array that is there already", "level", "spares", "chunksize")
		a.Level, a.Spares, a.ChunkKiB = "", 0, 0
	}
	switch least := leastMembers(a.Level); {
	case a.Name == "" || !only(a.Name, "_.-") || strings.HasPrefix(a.Name, "-") || strings.HasPrefix(a.Name, "."):
		b.wrong(c, "%q is no name of an array; one is md0, or root", c.str("device"))
	case a.Spares < 0:
		b.wrong(c, "--spares must be 0 or more")
	case !a.Existing && a.Spares > 0 && (a.Level == "0" || a.Level == "linear"):
		b.wrong(c, "--level=%s has no use for spares: nothing takes the place of a lost disk", a.Level)
	case !a.Existing && len(a.Members)-a.Spares < least:
		b.wrong(c, "--level=%s needs %d members beside the spares, and has %d", a.Level, least, len(a.Members)-a.Spares)
	case c.has("chunksize") && !a.Existing && (a.ChunkKiB < 4 || a.ChunkKiB&(a.ChunkKiB-1) != 0):
		b.wrong(c, "--chunksize must be a power of 2 from 4 KiB on")
	case a.ChunkKiB > 0 && a.Level == "1":
		b.noEffect(c, "on --level=1, which has no stripes", "chunksize")
		a.ChunkKiB = 0
	}
	b.answers.Storage.Arrays = append(b.answers.Storage.Arrays, a)
	b.later(func() { b.circle(c, a) })
}

// leastMembers of an array that works, by mdadm(8).
func leastMembers(level string) int {
	return map[string]int{"0": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 2, "linear": 1}[level]
}

// arrayName takes the "md" of "md0" away, which mdadm puts before a number itself.
func arrayName(device string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(device, "/dev/"), "md/")
	if n := strings.TrimPrefix(name, "md"); n != "" && strings.Trim(n, "0123456789") == "" {
		return n
	}
	return name
}

func words(args []word) []string {
	var all []string
	for _, w := range args {
		all = append(all, w.text)
	}
	return all
}

func applyVolgroup(b *builder, c *call) {
	g := config.VolumeGroup{
		Name: c.arg(0), Members: words(c.args[1:]), Existing: existing(c), ExtentKiB: int64(c.num("pesize")),
		ReservedMiB: int64(c.num("reserved-space")), ReservedPercent: c.num("reserved-percent"),
	}
	b.claim(c, "group", g.Name, "volume group %s is already made by")
	b.take(c, "pv.", g.Members)
	if g.Existing {
		b.noEffect(c, "on a volume group that is there already", "pesize")
		g.ExtentKiB = 0
	}
	switch e := g.ExtentKiB; {
	case !lvmName(g.Name):
		b.wrong(c, "%q is no name of a volume group: letters, digits, +, _, . and -", g.Name)
	case !g.Existing && c.has("pesize") && (e < 1 || e&(e-1) != 0 && e%128 != 0):
		b.wrong(c, "--pesize must be a power of 2 or a multiple of 128 KiB")
	}
	b.answers.Storage.Groups = append(b.answers.Storage.Groups, g)
}

// lvmName checks a name by lvm(8).
func lvmName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) < 128 && only(name, "+_.-") && !strings.HasPrefix(name, "-")
}

func applyLogvol(b *builder, c *call) {
	mount, ok := b.mountPoint(c, "swap", "none")
	if !ok {
		b.refs.lost(c.cmd)
		return
	}
	l := config.Logical{
		Mount: mount, Format: b.format(c, mount), Name: c.str("name"), Group: c.str("vgname"),
		SizeMiB: int64(c.num("size")), MaxSizeMiB: int64(c.num("maxsize")), Percent: c.num("percent"), Grow: c.has("grow"),
		Recommended: b.recommended(c), Hibernation: c.has("hibernation"), Resize: c.has("resize"), ThinPool: c.has("thinpool"),
		Pool: c.str("poolname"), ChunkKiB: c.num("chunksize"), MetadataMiB: int64(c.num("metadatasize")),
		CacheMiB: int64(c.num("cachesize")), CachePVs: c.items("cachepvs"), CacheMode: c.str("cachemode"),
	}
	b.claim(c, "volume", l.Group+"/"+l.Name, "logical volume %s is already made by")
	if l.Existing && !l.Resize {
		b.noEffect(c, "on a volume that is there already, without --resize", "size", "percent", "recommended", "hibernation", "grow", "maxsize")
		l.SizeMiB, l.MaxSizeMiB, l.Percent, l.Grow, l.Recommended, l.Hibernation = 0, 0, 0, false, false, false
	} else {
		b.sizes(c, mount)
	}
	if wrong := logicalWrong(c, l); wrong != "" {
		b.wrong(c, "%s", wrong)
	}
	b.answers.Storage.Logicals = append(b.answers.Storage.Logicals, l)
	b.later(func() { b.inGroup(c, l) })
}

// logicalWrong says what can't be meant, beside the size.
func logicalWrong(c *call, l config.Logical) string {
	switch {
	case !lvmName(l.Name) || !lvmName(l.Group):
		return "--name and --vgname are of letters, digits, +, _, . and -"
	case l.ThinPool && l.Mount != "none":
		return "a thin pool isn't mounted: write logvol none"
	case l.Pool != "" && !c.has("thin"):
		return "--poolname goes only with --thin"
	case c.has("thin") && l.Pool == "":
		return "--poolname is empty"
	case c.has("chunksize") && (l.ChunkKiB < 64 || l.ChunkKiB > 1<<20 || l.ChunkKiB%64 != 0):
		return "--chunksize of a thin pool is a multiple of 64 KiB, 1 GiB at most"
	case c.has("metadatasize") && l.MetadataMiB < 1 || c.has("cachesize") && l.CacheMiB < 1:
		return "--metadatasize and --cachesize are 1 MiB or more"
	case c.has("cachepvs") && len(l.CachePVs) == 0:
		return "--cachepvs names no members"
	}
	return ""
}

func applyBtrfs(b *builder, c *call) {
	mount, ok := b.cleanMount(c, c.arg(0), "none")
	if !ok {
		b.refs.lost(c.cmd)
		return
	}
	v := config.Btrfs{
		Mount: mount, Label: c.str("label"), Data: profile(c.str("data")), Metadata: profile(c.str("metadata")),
		MkfsOptions: c.str("mkfsoptions"), Existing: existing(c), NoFormat: existing(c),
	}
	if c.has("subvol") {
		b.subvolume(c, v)
		return
	}
	v.Members = words(c.args[1:])
	b.noEffect(c, "without --subvol", "name", "parent")
	if v.Existing {
		b.noEffect(c, "on a volume that is there already", "label", "data", "metadata")
		v.Label, v.Data, v.Metadata = "", "", ""
	}
	for _, m := range v.Members {
		if v.Existing && !strings.HasPrefix(m, "btrfs.") {
			b.claim(c, "use", m, "%s is already part of")
			continue
		}
		b.take(c, "btrfs.", []string{m})
	}
	for _, o := range []string{"data", "metadata"} {
		if p := profile(c.str(o)); (p == "raid1" || p == "raid10") && !v.Existing && len(v.Members) < 2 {
			b.wrong(c, "--%s=%s needs 2 members, and has %d", o, p, len(v.Members))
		}
	}
	b.answers.Storage.Btrfs = append(b.answers.Storage.Btrfs, v)
}

// subvolume is of the volume that stands where a volume has its members.
func (b *builder) subvolume(c *call, v config.Btrfs) {
	b.noEffect(c, "on a subvolume: it belongs to the volume", "label", "data", "metadata", "mkfsoptions", "parent")
	name := path.Clean("/" + c.str("name"))[1:]
	sub := config.Btrfs{Mount: v.Mount, Subvolume: name, Parent: c.arg(1), Existing: v.Existing, NoFormat: v.NoFormat}
	switch {
	case name == "":
		b.wrong(c, "--name=%s is no name of a subvolume", c.str("name"))
	case len(c.args) > 2:
		b.wrong(c, "a subvolume is in one volume, but %q follows", c.arg(2))
	}
	b.claim(c, "subvolume", sub.Parent+" "+name, "subvolume %s is already made by")
	b.answers.Storage.Btrfs = append(b.answers.Storage.Btrfs, sub)
	b.later(func() { b.inVolume(c, sub) })
}

// profile brings "RAID1" and "1" into btrfs's own form.
func profile(level string) string {
	level = strings.ToLower(level)
	if slices.Contains([]string{"0", "1", "10"}, level) {
		return "raid" + level
	}
	return level
}

func applySnapshot(b *builder, c *call) {
	s := config.Snapshot{Volume: c.arg(0), Name: c.str("name"), When: c.str("when")}
	if !lvmName(s.Name) {
		b.wrong(c, "%q is no name of a snapshot: letters, digits, +, _, . and -", s.Name)
	}
	if first, taken := b.refs.named["snapshot "+s.Name]; taken {
		b.diags.add(c.pos, Syntax, "snapshot: %s is already the name of %s", s.Name, first)
	}
	b.refs.named["snapshot "+s.Name] = origin{c.pos, "snapshot " + s.Volume}
	group, _, _ := strings.Cut(s.Volume, "/")
	b.claim(c, "volume", group+"/"+s.Name, "logical volume %s is already made by")
	b.answers.Storage.Snapshots = append(b.answers.Storage.Snapshots, s)
	if s.When == "post-install" {
		b.later(func() { b.snapshotOf(c, s) })
	}
}

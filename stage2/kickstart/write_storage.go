package kickstart

import (
	"cmp"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func (w *writer) storage(s config.Storage) {
	if len(s.Ignore) > 0 {
		w.command("ignoredisk", withList("drives", s.Ignore))
	}
	if len(s.OnlyUse) > 0 {
		w.command("ignoredisk", withList("only-use", s.OnlyUse))
	}
	if s.Zerombr {
		w.command("zerombr")
	}
	w.clear(s.Clear)
	if a := s.Auto; a != nil {
		w.command("autopart", with("type", a.Type), with("fstype", a.FSType), when(a.NoHome, "nohome"), when(a.NoBoot, "noboot"),
			when(a.NoSwap, "noswap"), when(a.Hibernation, "hibernation"), luksOptions(a.LUKS))
	}
	if s.Reqpart != nil {
		w.command("reqpart", when(s.Reqpart.AddBoot, "add-boot"))
	}
	for _, p := range s.Partitions {
		w.partition(p)
	}
	for _, a := range s.Arrays {
		w.array(a)
	}
	for _, g := range s.Groups {
		w.group(g)
	}
	for _, l := range s.Logicals {
		w.logical(l)
	}
	for _, v := range s.Btrfs {
		w.btrfs(v)
	}
	for _, m := range s.Mounts {
		w.mount(m)
	}
	for _, p := range s.Snapshots {
		w.command("snapshot", quote(p.Volume), with("name", p.Name), with("when", p.When))
	}
}

// clear writes the mode, unless it is list, which the option with the list implies.
func (w *writer) clear(c config.Clear) {
	if c.Mode == "" && len(c.Drives)+len(c.List) == 0 && !c.InitLabel && c.Label == "" {
		return
	}
	w.command("clearpart", withList("list", c.List), when(c.Mode != "" && c.Mode != "list", c.Mode), withList("drives", c.Drives),
		when(c.InitLabel, "initlabel"), with("disklabel", c.Label))
}

// join puts options into one word of a command, which leaves out empty ones.
func join(options ...string) string {
	var given []string
	for _, o := range options {
		if o != "" {
			given = append(given, o)
		}
	}
	return strings.Join(given, " ")
}

func luksOptions(l *config.LUKS) string {
	if l == nil {
		return ""
	}
	return join("--encrypted", with("passphrase", string(l.Passphrase)), with("luks-version", l.Version), with("cipher", l.Cipher),
		with("pbkdf", l.PBKDF), withInt("pbkdf-memory", l.PBKDFMemory), withInt("pbkdf-time", l.PBKDFTime),
		withInt("pbkdf-iterations", l.PBKDFRounds))
}

// formatOptions write what is there already as how, unless that follows from
// another option.
func formatOptions(f config.Format, how string) string {
	return join(with("label", f.Label), with("fsoptions", f.FSOptions), with("mkfsoptions", f.MkfsOptions),
		when(f.NoFormat, "noformat"), when(f.Existing && !f.NoFormat && how != "", how), luksOptions(f.LUKS))
}

func (w *writer) partition(p config.Partition) {
	w.command("part", quote(p.Mount), with("fstype", p.FSType), with("onpart", p.OnPart), withInt("size", p.SizeMiB), withInt("maxsize", p.MaxSizeMiB),
		when(p.Grow, "grow"), when(p.Resize, "resize"), when(p.Recommended, "recommended"), when(p.Hibernation, "hibernation"),
		with("ondisk", p.Disk), when(p.Primary, "asprimary"), formatOptions(p.Format, ""))
}

func (w *writer) array(a config.Array) {
	device := a.Name
	if strings.Trim(device, "0123456789") == "" {
		device = "md" + device
	}
	w.command("raid", quote(a.Mount), with("fstype", a.FSType), with("device", device), with("level", a.Level), withInt("spares", a.Spares),
		withInt("chunksize", a.ChunkKiB), formatOptions(a.Format, "useexisting"), quoteAll(a.Members))
}

func quoteAll(words []string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, quote(word))
	}
	return strings.Join(quoted, " ")
}

func (w *writer) group(g config.VolumeGroup) {
	w.command("volgroup", quote(g.Name), when(g.Existing, "useexisting"), withInt("pesize", g.ExtentKiB),
		withInt("reserved-space", g.ReservedMiB), withInt("reserved-percent", g.ReservedPercent), quoteAll(g.Members))
}

func (w *writer) logical(l config.Logical) {
	w.command("logvol", quote(l.Mount), with("fstype", l.FSType), with("vgname", l.Group), with("name", l.Name), withInt("size", l.SizeMiB),
		withInt("percent", l.Percent), withInt("maxsize", l.MaxSizeMiB), when(l.Grow, "grow"), when(l.Resize, "resize"),
		when(l.Recommended, "recommended"), when(l.Hibernation, "hibernation"), when(l.ThinPool, "thinpool"),
		when(l.Pool != "", "thin"), with("poolname", l.Pool), withInt("chunksize", l.ChunkKiB), withInt("metadatasize", l.MetadataMiB),
		withInt("cachesize", l.CacheMiB), withList("cachepvs", l.CachePVs), with("cachemode", l.CacheMode),
		formatOptions(l.Format, "useexisting"))
}

func (w *writer) btrfs(v config.Btrfs) {
	parent := ""
	if v.Subvolume != "" {
		parent = quote(v.Parent)
	}
	w.command("btrfs", quote(v.Mount), when(v.Subvolume != "", "subvol"), with("name", v.Subvolume), with("label", v.Label),
		with("data", v.Data), with("metadata", v.Metadata), with("mkfsoptions", v.MkfsOptions),
		when(v.Existing || v.NoFormat, "useexisting"), cmp.Or(parent, quoteAll(v.Members)))
}

func (w *writer) mount(m config.MountPoint) {
	reformat := with("reformat", m.FSType)
	if reformat == "" {
		reformat = when(m.Reformat, "reformat")
	}
	w.command("mount", quote(m.Device), quote(m.Mount), reformat, with("mkfsoptions", m.MkfsOptions), with("mountoptions", m.FSOptions))
}

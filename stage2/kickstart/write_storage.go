package kickstart

import "github.com/molt-installer/molt/stage2/config"

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
			when(a.NoSwap, "noswap"))
	}
	for _, p := range s.Partitions {
		w.partition(p)
	}
}

// clear writes the mode last, unless it is list, which an option with a value implies.
func (w *writer) clear(c config.Clear) {
	if c.Mode == "" && len(c.Drives)+len(c.List) == 0 && !c.InitLabel && c.Label == "" {
		return
	}
	w.command("clearpart", withList("list", c.List), when(c.Mode != "" && c.Mode != "list", c.Mode), withList("drives", c.Drives),
		when(c.InitLabel, "initlabel"), with("disklabel", c.Label))
}

func (w *writer) partition(p config.Partition) {
	w.command("part", quote(p.Mount), with("fstype", p.FSType), withInt("size", p.SizeMiB), withInt("maxsize", p.MaxSizeMiB),
		when(p.Grow, "grow"), when(p.Recommended, "recommended"), with("ondisk", p.Disk), with("label", p.Label),
		with("fsoptions", p.FSOptions), with("mkfsoptions", p.MkfsOptions))
}

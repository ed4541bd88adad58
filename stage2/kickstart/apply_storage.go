package kickstart

import (
	"path"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyZerombr(b *builder, _ *call) { b.answers.Storage.Zerombr = true }

func applyClearpart(b *builder, c *call) {
	clear := config.Clear{Drives: c.items("drives"), List: c.items("list"), InitLabel: c.has("initlabel"), Label: c.str("disklabel")}
	for _, name := range c.order {
		switch name {
		case "all", "linux", "none", "list":
			clear.Mode = name
		}
	}
	if c.has("list") && len(clear.List) == 0 {
		b.wrong(c, "--list names no partitions")
	}
	b.answers.Storage.Clear = clear
}

func applyIgnoredisk(b *builder, c *call) {
	s := &b.answers.Storage
	s.Ignore = append(s.Ignore, c.items("drives")...)
	s.OnlyUse = append(s.OnlyUse, c.items("only-use")...)
}

// applyAutopart takes a plain layout, which is also what no --type means here.
func applyAutopart(b *builder, c *call) {
	kind := c.str("type")
	if kind == "partition" || c.has("nolvm") {
		kind = "plain"
	}
	if kind != "" && kind != "plain" {
		b.unsupported(c.pos, "autopart --type="+kind)
	}
	b.answers.Storage.Auto = &config.Autopart{
		Type: kind, FSType: c.str("fstype"), NoSwap: c.has("noswap"), NoHome: c.has("nohome"), NoBoot: c.has("noboot"),
	}
}

func applyPart(b *builder, c *call) {
	p := config.Partition{
		Mount: c.arg(0), SizeMiB: int64(c.num("size")), MaxSizeMiB: int64(c.num("maxsize")),
		Grow: c.has("grow"), Recommended: c.has("recommended"), Disk: c.str("ondisk"),
		Format: config.Format{FSType: c.str("fstype"), Label: c.str("label"), FSOptions: c.str("fsoptions"), MkfsOptions: c.str("mkfsoptions")},
	}
	if strings.HasPrefix(p.Mount, "/") {
		p.Mount = path.Clean(p.Mount)
	}
	for _, member := range []string{"raid.", "pv.", "btrfs."} {
		if strings.HasPrefix(p.Mount, member) {
			b.unsupported(c.pos, "part "+member+"…")
			return
		}
	}
	switch {
	case !strings.HasPrefix(p.Mount, "/") && p.Mount != "swap" && p.Mount != "biosboot":
		b.wrong(c, "%q is no mount point: a path from /, or swap, or biosboot", p.Mount)
	case p.SizeMiB < 0 || p.MaxSizeMiB < 0:
		b.wrong(c, "a size must be positive")
	case p.SizeMiB == 0 && !p.Recommended:
		b.wrong(c, "%s needs --size in MiB", p.Mount)
	case p.MaxSizeMiB > 0 && !p.Grow:
		b.wrong(c, "--maxsize goes only with --grow")
	case b.mounted(p.Mount):
		b.wrong(c, "%s is already on another partition", p.Mount)
	default:
		b.answers.Storage.Partitions = append(b.answers.Storage.Partitions, p)
	}
}

// mounted reports whether a partition has the mount point already.
func (b *builder) mounted(mount string) bool {
	for _, p := range b.answers.Storage.Partitions {
		if p.Mount == mount && strings.HasPrefix(mount, "/") {
			return true
		}
	}
	return false
}

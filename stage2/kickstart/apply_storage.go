package kickstart

import (
	"slices"
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
	if c.has("disklabel") && !slices.Contains([]string{"gpt", "msdos"}, clear.Label) {
		b.wrong(c, "--disklabel=%s is no partition table of a PC: write gpt or msdos", clear.Label)
	}
	b.answers.Storage.Clear = clear
}

func applyIgnoredisk(b *builder, c *call) {
	s := &b.answers.Storage
	s.Ignore = append(s.Ignore, c.items("drives")...)
	s.OnlyUse = append(s.OnlyUse, c.items("only-use")...)
}

// applyAutopart takes no --type as plain, which is what Debian's installer makes.
func applyAutopart(b *builder, c *call) {
	kind := c.str("type")
	if kind == "partition" || c.has("nolvm") {
		kind = "plain"
	}
	if c.has("nolvm") && c.has("type") && c.str("type") != "plain" && c.str("type") != "partition" {
		b.wrong(c, "--nolvm and --type=%s exclude each other: --nolvm is --type=plain", c.str("type"))
	}
	b.answers.Storage.Auto = &config.Autopart{
		Type: kind, FSType: b.fsType(c), NoSwap: c.has("noswap"), NoHome: c.has("nohome"), NoBoot: c.has("noboot"),
		Hibernation: c.has("hibernation"), LUKS: b.luks(c),
	}
}

func applyReqpart(b *builder, c *call) {
	b.answers.Storage.Reqpart = &config.Reqpart{AddBoot: c.has("add-boot")}
}

func applyPart(b *builder, c *call) {
	mount, ok := b.mountPoint(c, "swap", "biosboot", "none", "raid.", "pv.", "btrfs.")
	if !ok {
		b.refs.lost(c.cmd)
		return
	}
	p := config.Partition{
		Mount: mount, SizeMiB: int64(c.num("size")), MaxSizeMiB: int64(c.num("maxsize")), Format: b.format(c, mount),
		Grow: c.has("grow"), Recommended: c.has("recommended"), Hibernation: c.has("hibernation"), Resize: c.has("resize"),
		Disk: c.str("ondisk"), OnPart: c.str("onpart"), Primary: c.has("asprimary"),
	}
	p.Existing = p.OnPart != ""
	if p.OnPart != "" {
		b.claim(c, "partition", strings.TrimPrefix(p.OnPart, "/dev/"), "partition %s is already used by")
		if !p.Resize {
			b.noEffect(c, "on a partition that is there already, without --resize", "size", "recommended", "hibernation")
			p.SizeMiB, p.Recommended, p.Hibernation = 0, false, false
		}
	}
	b.sizes(c, mount, p.Existing)
	switch {
	case p.OnPart != "" && (p.Grow || p.MaxSizeMiB != 0 || p.Disk != "" || p.Primary):
		b.wrong(c, "--onpart excludes --ondisk, --grow, --maxsize and --asprimary: the partition is where and what it is")
	case c.has("onpart") && p.OnPart == "":
		b.wrong(c, "--onpart names no partition")
	case p.NoFormat && p.OnPart == "":
		b.wrong(c, "--noformat needs --onpart=PARTITION, which says what is to be kept")
	case p.NoFormat && p.Mount == "biosboot":
		b.wrong(c, "--noformat has no meaning for biosboot")
	}
	b.answers.Storage.Partitions = append(b.answers.Storage.Partitions, p)
}

// sizes checks what is said of the size of a partition or a logical volume.
func (b *builder) sizes(c *call, mount string, exists bool) {
	auto := c.has("recommended") || c.has("hibernation")
	switch {
	case c.num("size") < 0 || c.num("maxsize") < 0:
		b.wrong(c, "a size must be positive")
	case c.has("recommended") && c.has("hibernation"):
		b.wrong(c, "--recommended and --hibernation exclude each other")
	case auto && mount != "swap":
		b.wrong(c, "--recommended and --hibernation are sizes of swap: %s needs --size in MiB", mount)
	case !exists && !auto && c.num("size") == 0 && c.num("percent") == 0:
		b.wrong(c, "%s needs --size in MiB; with --grow it is the least", mount)
	case c.num("maxsize") > 0 && !c.has("grow"):
		b.wrong(c, "--maxsize goes only with --grow")
	case c.num("maxsize") > 0 && c.num("maxsize") < c.num("size"):
		b.wrong(c, "--maxsize is less than --size")
	}
}

func applyMount(b *builder, c *call) {
	m := config.MountPoint{Device: c.arg(0), Reformat: c.has("reformat"), FSType: c.str("reformat"),
		FSOptions: c.str("mountoptions"), MkfsOptions: c.str("mkfsoptions")}
	b.claim(c, "partition", strings.TrimPrefix(m.Device, "/dev/"), "%s is already mounted by")
	to, ok := b.cleanMount(c, c.arg(1), "swap", "none")
	m.Mount = to
	switch {
	case !ok:
	case m.Device == "" || strings.HasPrefix(m.Device, "-"):
		b.wrong(c, "the device is empty: write /dev/…, UUID=… or LABEL=…")
	case m.Mount == "none" && !m.Reformat:
		b.wrong(c, "none without --reformat does nothing: leave the line out, or write a mount point")
	case !only(m.FSType, "._-"):
		b.wrong(c, "%q is no file system", m.FSType)
	case strings.ContainsAny(m.FSOptions, " \t"):
		b.wrong(c, "--mountoptions are separated by commas, without spaces")
	}
	b.answers.Storage.Mounts = append(b.answers.Storage.Mounts, m)
}

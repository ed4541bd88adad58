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
		case "all", "linux", "none":
			clear.Mode = name
		}
	}
	switch {
	case len(clear.List) > 0:
		b.noEffect(c, "with --list", "all", "linux", "none")
		clear.Mode = "list"
	case c.has("list"):
		b.wrong(c, "--list names no partitions")
	}
	if c.has("disklabel") && !slices.Contains([]string{"gpt", "msdos"}, clear.Label) {
		b.wrong(c, "--disklabel=%s is no partition table of a PC: write gpt or msdos", clear.Label)
	}
	b.notEmpty(c, "drives")
	b.answers.Storage.Clear = clear
	b.later(func() { b.leftAlone(c, "--drives", clear.Drives) })
}

// notEmpty refuses an option without a value, which would mean every disk: it is what is left of a
// variable that wasn't set.
func (b *builder) notEmpty(c *call, options ...string) {
	for _, o := range options {
		if c.has(o) && len(c.items(o)) == 0 {
			b.wrong(c, "--%s names no disks: name them, or leave it out", o)
		}
	}
}

// leftAlone reports disks that are to be written to and to be ignored, as far as
// they are called the same.
func (b *builder) leftAlone(c *call, option string, disks []string) {
	for _, d := range disks {
		for _, ignored := range b.answers.Storage.Ignore {
			if strings.TrimPrefix(d, "/dev/") == strings.TrimPrefix(ignored, "/dev/") && d != "" {
				at := b.seen["ignoredisk"]
				b.wrong(c, "%s names %s, which ignoredisk (line %d of %s) says is to be left alone", option, d, at.Line, at.File)
			}
		}
	}
}

func applyIgnoredisk(b *builder, c *call) {
	b.notEmpty(c, "drives", "only-use")
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
		Grow: c.has("grow"), Recommended: b.recommended(c), Hibernation: c.has("hibernation"), Resize: c.has("resize"),
		Disk: c.str("ondisk"), OnPart: c.str("onpart"), Primary: c.has("asprimary"),
	}
	p.Existing = p.OnPart != ""
	switch {
	case c.has("onpart") && p.OnPart == "":
		b.wrong(c, "--onpart names no partition")
	case p.Existing:
		b.onPart(c, &p)
	case p.NoFormat:
		b.wrong(c, "--noformat needs --onpart=PARTITION, which says what is to be kept")
	default:
		b.sizes(c, mount)
	}
	b.later(func() { b.leftAlone(c, "--ondisk", []string{p.Disk}) })
	b.answers.Storage.Partitions = append(b.answers.Storage.Partitions, p)
}

// onPart is about a partition that is there already.
func (b *builder) onPart(c *call, p *config.Partition) {
	b.claim(c, "partition", strings.TrimPrefix(p.OnPart, "/dev/"), "partition %s is already used by")
	const there = "on a partition that is there already"
	b.noEffect(c, there, "ondisk", "grow", "maxsize", "asprimary", "recommended", "hibernation")
	p.Disk, p.Grow, p.MaxSizeMiB, p.Primary, p.Recommended, p.Hibernation = "", false, 0, false, false, false
	switch {
	case !p.Resize:
		b.noEffect(c, there+", without --resize", "size")
		p.SizeMiB = 0
	case p.SizeMiB < 1:
		b.wrong(c, "a size must be positive")
	}
	if p.NoFormat && p.Mount == "biosboot" {
		b.wrong(c, "--noformat has no meaning for biosboot")
	}
}

// recommended gives way to --hibernation, as in Anaconda.
func (b *builder) recommended(c *call) bool {
	if c.has("hibernation") {
		b.noEffect(c, "with --hibernation", "recommended")
		return false
	}
	return c.has("recommended")
}

// sizes checks what is said of the size of a partition or a logical volume.
func (b *builder) sizes(c *call, mount string) {
	auto := c.has("recommended") || c.has("hibernation")
	switch {
	case c.num("size") < 0 || c.num("maxsize") < 0:
		b.wrong(c, "a size must be positive")
	case auto && mount != "swap":
		b.wrong(c, "--recommended and --hibernation are sizes of swap: %s needs --size in MiB", mount)
	case !auto && c.num("size") == 0 && c.num("percent") == 0:
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

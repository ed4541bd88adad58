package kickstart

import (
	"slices"
	"strings"
)

// volumeCommands are RAID, LVM and btrfs.
func volumeCommands() []command {
	return []command{
		{names: names("raid"), repeats: true, min: 1, max: -1, args: "a mount point and its partitions", fate: used, apply: applyRaid,
			excludes: names("autopart", "mount"),
			options: rows(luks(), all(text("device").must(), text("level"), text("fstype"), flag("noformat"), number("spares"),
				flag("useexisting"), text("fsoptions"), text("fsprofile"), text("label"), text("mkfsoptions"), number("chunksize"))),
			rules: ruleSet(luksRules(), mkfsRules(), []rule{raidRule})},
		{names: names("volgroup"), repeats: true, min: 1, max: -1, args: "a name and its partitions", excludes: names("autopart", "mount"),
			fate: used, apply: applyVolgroup,
			options: all(flag("noformat"), flag("useexisting"), number("reserved-space"), number("reserved-percent"), number("pesize")),
			rules: []rule{atMostOne("reserved-space", "reserved-percent"), between("reserved-percent", 1, 99, "between 1 and 99"),
				between("reserved-space", 1, maxInt, "more than 0"), volgroupRule}},
		{names: names("logvol"), repeats: true, min: 1, max: 1, args: "one mount point", excludes: names("autopart", "mount"),
			fate: used, apply: applyLogvol,
			options: rows(luks(), logvolOptions()),
			rules: ruleSet(luksRules(), mkfsRules(), []rule{between("percent", 0, 100, "between 0 and 100"),
				atMostOne("size", "percent"), thinRule, cacheRule, logvolSizeRule})},
		{names: names("btrfs"), repeats: true, min: 1, max: -1, args: "a mount point and its partitions",
			fate: used, apply: applyBtrfs,
			options: all(flag("noformat"), flag("useexisting"), text("label"), text("data"), text("metadata"), flag("subvol"),
				text("name"), text("parent"), text("mkfsoptions")),
			rules: []rule{existingRule, btrfsRule}},
	}
}

const maxInt = int(^uint(0) >> 1)

func logvolOptions() []option {
	return append(all(
		text("name").must(), text("vgname").must(), text("fstype"), number("size"), number("maxsize"), flag("grow"), number("percent"),
		flag("recommended"), flag("hibernation"), flag("noformat"), flag("useexisting"), flag("resize"), text("fsoptions"), text("fsprofile"),
		text("mkfsoptions"), text("label"), flag("thinpool"), flag("thin"), text("poolname"), number("chunksize"), number("metadatasize"),
		number("cachesize"), list("cachepvs"), choice("cachemode", "writeback", "writethrough"),
	), text("profile").no("profiles of LVM are files of the installed system; write --chunksize and --metadatasize"))
}

func existing(c *call) bool { return c.has("noformat") || c.has("useexisting") }

// existingRule: a btrfs that is there already is never made anew; arrays and logical
// volumes are, with --useexisting alone.
func existingRule(c *call) string {
	if existing(c) && c.has("mkfsoptions") {
		return "--mkfsoptions has no effect on what exists already"
	}
	return ""
}

func raidRule(c *call) string {
	members := len(c.args) - 1
	level := strings.TrimPrefix(strings.ToLower(c.str("level")), "raid")
	switch {
	case c.has("level") && !slices.Contains([]string{"0", "1", "4", "5", "6", "10", "linear"}, level):
		return "--level is one of 0, 1, 4, 5, 6, 10, linear"
	case existing(c) && members > 0:
		return "the members of an existing array can't be named"
	case !existing(c) && members == 0:
		return "a new array needs partitions"
	case !existing(c) && !c.has("level"):
		return "a new array needs --level"
	}
	return ""
}

func volgroupRule(c *call) string {
	members := len(c.args) - 1
	switch {
	case existing(c) && members > 0:
		return "the members of an existing volume group can't be named"
	case !existing(c) && members == 0:
		return "a new volume group needs partitions"
	}
	return ""
}

func thinRule(c *call) string {
	switch {
	case c.has("thin") && c.has("thinpool"):
		return "--thin and --thinpool exclude each other"
	case c.has("thin") && !c.has("poolname"):
		return "--thin needs --poolname"
	case (c.has("chunksize") || c.has("metadatasize")) && !c.has("thinpool"):
		return "--chunksize and --metadatasize go only with --thinpool"
	}
	return ""
}

func cacheRule(c *call) string {
	given := c.given([]string{"cachesize", "cachepvs", "cachemode"})
	switch {
	case len(given) == 0:
		return ""
	case existing(c):
		return "a cache can't be added to an existing volume"
	case c.has("thin"):
		return "a thin volume can't have a cache"
	case !c.has("cachesize") || !c.has("cachepvs"):
		return "a cache needs both --cachesize and --cachepvs"
	}
	return ""
}

func logvolSizeRule(c *call) string {
	switch {
	case c.has("resize") && !existing(c):
		return "--resize goes only with --useexisting"
	case c.has("resize") && !c.has("size"):
		return "--resize needs --size"
	case !existing(c) && len(c.given([]string{"size", "percent", "recommended", "hibernation"})) == 0:
		return "a new volume needs --size or --percent"
	}
	return ""
}

func btrfsRule(c *call) string {
	members := len(c.args) - 1
	for _, o := range []string{"data", "metadata"} {
		level := strings.TrimPrefix(strings.ToLower(c.str(o)), "raid")
		if c.has(o) && !slices.Contains([]string{"0", "1", "10", "single"}, level) {
			return "--" + o + " is one of raid0, raid1, raid10, single"
		}
	}
	switch {
	case c.has("subvol") && c.str("name") == "":
		return "a subvolume needs --name"
	case members == 0 && c.has("subvol"):
		return "a subvolume needs the volume it is in, like LABEL=data"
	case members == 0:
		return "a volume needs partitions"
	}
	return ""
}

package kickstart

import "strings"

// luks are the options of everything that can be encrypted.
func luks() []option {
	return []option{
		flag("encrypted").done(), text("passphrase").password().done(), text("cipher").done(), text("luks-version").done(),
		text("pbkdf").done(), number("pbkdf-memory").done(), number("pbkdf-time").done(), number("pbkdf-iterations").done(),
		text("escrowcert").done(),
		flag("backuppassphrase").moot("it goes with --escrowcert"),
		text("hw-passphrase").password().no("disks that encrypt by themselves are left as they are"),
	}
}

func luksRules() []rule {
	return []rule{atMostOne("pbkdf-time", "pbkdf-iterations"), func(c *call) string {
		if c.has("hw-passphrase") && !(c.has("encrypted") && strings.HasPrefix(c.str("luks-version"), "luks2-hw-opal")) {
			return "--hw-passphrase goes only with --encrypted --luks-version=luks2-hw-opal"
		}
		return ""
	}}
}

// mkfsRules are about creating a file system and not creating it.
func mkfsRules() []rule {
	return []rule{atMostOne("mkfsoptions", "fsprofile"), atMostOne("mkfsoptions", "noformat")}
}

func ruleSet(sets ...[]rule) (all []rule) {
	for _, s := range sets {
		all = append(all, s...)
	}
	return all
}

// storageCommands are disks, tables, partitions and mount points.
func storageCommands() []command {
	return []command{
		{names: names("zerombr"), fate: used, apply: applyZerombr},
		{names: names("clearpart"), fate: used, apply: applyClearpart,
			options: []option{flag("all").done(), flag("linux").done(), flag("none").done(), list("list").done(), list("drives").done(),
				flag("initlabel").done(), text("disklabel").done(), flag("cdl").moot("it is about disks of mainframes")}},
		{names: names("ignoredisk"), fate: used, apply: applyIgnoredisk,
			options: []option{list("drives").done(), list("only-use").done()},
			rules:   []rule{atLeastOne("drives", "only-use"), atMostOne("drives", "only-use")}},
		{names: names("autopart"), fate: used, apply: applyAutopart,
			excludes: names("part", "raid", "volgroup", "logvol", "reqpart", "mount"),
			options: rows(luks(), []option{choice("type", "lvm", "btrfs", "plain", "partition", "thinp").fold().done(), text("fstype").done(),
				flag("nolvm").done(), flag("nohome").done(), flag("noboot").done(), flag("noswap").done(), flag("hibernation").done()}),
			rules: ruleSet(luksRules(), []rule{atMostOne("noswap", "hibernation"), autopartRule})},
		{names: names("reqpart"), excludes: names("autopart", "mount"), fate: used, apply: applyReqpart,
			options: []option{flag("add-boot").done()}},
		{names: names("part", "partition"), repeats: true, min: 1, max: 1, args: "one mount point", fate: used, apply: applyPart,
			excludes: names("autopart", "mount"), options: rows(luks(), partOptions()), rules: ruleSet(luksRules(), mkfsRules(), []rule{partRule})},
		{names: names("mount"), repeats: true, min: 2, max: 2, args: "a device and a mount point", fate: used, apply: applyMount,
			excludes: names("autopart", "part", "raid", "volgroup", "logvol", "reqpart"),
			options:  []option{maybe("reformat").done(), text("mkfsoptions").done(), text("mountoptions").done()},
			rules:    []rule{needs("mkfsoptions", "reformat"), mountRule}},
	}
}

func partOptions() []option {
	return []option{
		text("fstype", "type").done(), number("size").done(), number("maxsize").done(), flag("grow").done(),
		flag("recommended").done(), text("ondisk", "ondrive").done(), text("label").done(), text("fsoptions").done(),
		text("mkfsoptions").done(), flag("asprimary").done(), text("onpart", "usepart").done(), flag("noformat").done(),
		flag("resize").done(), text("fsprofile").done(), flag("hibernation").done(),
		text("onbiosdisk").no("the BIOS's numbers of disks are not known here; write --ondisk"),
	}
}

func partRule(c *call) string {
	if c.has("resize") && !c.has("onpart") {
		return "--resize goes only with --onpart"
	}
	if c.has("resize") && !c.has("size") {
		return "--resize needs --size"
	}
	if c.str("fstype") == "tmpfs" && (c.has("grow") || c.has("maxsize")) {
		return "--fstype=tmpfs excludes --grow and --maxsize"
	}
	if c.str("fstype") == "tmpfs" && !c.has("size") {
		return "--fstype=tmpfs needs --size"
	}
	return ""
}

func autopartRule(c *call) string {
	if c.str("fstype") == "btrfs" {
		return "--fstype can't be btrfs: write --type=btrfs"
	}
	if c.has("fstype") && c.str("type") == "btrfs" {
		return "--fstype and --type=btrfs exclude each other"
	}
	return ""
}

func mountRule(c *call) string {
	if to := c.arg(1); !strings.HasPrefix(to, "/") && !strings.EqualFold(to, "none") && to != "swap" {
		return "a mount point is a path from /, or none, or swap"
	}
	return ""
}

func snapshotRule(c *call) string {
	vg, lv, ok := strings.Cut(c.arg(0), "/")
	if !ok || vg == "" || lv == "" || strings.Contains(lv, "/") {
		return "what is to be snapped is written VG/LV"
	}
	return ""
}

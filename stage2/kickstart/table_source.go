package kickstart

import "strings"

const sourceSlot = "source"

// sourceCommands say where the installation comes from.
func sourceCommands() []command {
	const ostree = "the system is installed from packages"
	return []command{
		{names: names("cdrom"), slot: sourceSlot, fate: used, apply: applySource},
		{names: names("nfs"), slot: sourceSlot, fate: used, apply: applySource,
			options: all(text("server").must(), text("dir").must(), text("opts"))},
		{names: names("harddrive"), slot: sourceSlot, fate: used, apply: applySource,
			options: all(text("dir").must(), text("partition").must())},
		{names: names("url"), slot: sourceSlot, fate: used, apply: applySource,
			options: rows(all(text("url")), transferOptions(), listOptions()),
			rules:   []rule{atLeastOne("url", "mirrorlist", "metalink"), atMostOne("url", "mirrorlist", "metalink")}},
		{names: names("liveimg"), slot: sourceSlot, fate: used, apply: applySource,
			options: all(text("url").must(), text("proxy"), flag("noverifyssl"), text("checksum"))},
		{names: names("ostreesetup"), excludes: names("ostreecontainer", "bootc"), slot: sourceSlot, why: ostree,
			options: []option{text("osname").must(), text("url").must(), text("ref").must(), text("remote"), flag("nogpg")}},
		{names: names("ostreecontainer"), excludes: names("ostreesetup", "bootc"), slot: sourceSlot, why: ostree,
			options: []option{text("url").must(), text("stateroot"), text("remote"), text("transport"), flag("no-signature-verification")}},
		{names: names("bootc"), excludes: names("ostreesetup", "ostreecontainer"), slot: sourceSlot, why: ostree,
			options: []option{text("source-imgref").must(), text("target-imgref"), text("stateroot"), flag("composefs")}},
		{names: names("repo"), repeats: true, fate: used, apply: applyRepo,
			options: rows(all(text("name").must(), text("baseurl"), flag("install")), transferOptions(), listOptions(), repoOptions()),
			rules:   []rule{atMostOne("baseurl", "mirrorlist", "metalink")}},
		{names: names("updates"), min: 1, max: 1, args: "one URL", fate: used, apply: applyUpdates},
		{names: names("driverdisk"), repeats: true, max: 1, args: "one partition", fate: used, apply: applyDriverdisk,
			options: []option{text("source").done(), text("biospart").no("the BIOS's numbers of disks are not known here; name the partition")},
			rules:   []rule{atMostOne("source", "biospart"), driverdiskRule}},
	}
}

func transferOptions() []option {
	return all(text("proxy"), flag("noverifyssl"), text("sslcacert"), text("sslclientcert"), text("sslclientkey"))
}

// listOptions are RPM's ways to name many servers at once.
func listOptions() []option {
	const why = "apt has no such lists; write the URL of one archive"
	return []option{text("mirrorlist").no(why), text("metalink").no(why)}
}

func repoOptions() []option {
	const why = "apt chooses by apt_preferences(5), which a script in %post can write"
	return []option{number("cost").no(why), list("excludepkgs").no(why), list("includepkgs").no(why)}
}

func driverdiskRule(c *call) string {
	from := c.given([]string{"source", "biospart"})
	switch {
	case len(c.args) > 0 && len(from) > 0:
		return "--" + from[0] + " and a partition exclude each other"
	case len(c.args) == 0 && len(from) == 0:
		return "a partition, --source or --biospart is needed"
	}
	return ""
}

// mainframeCommands are network storage and the machines of IBM.
func mainframeCommands() []command {
	const away = "it installs on the machine's own disks; attach the others once it runs"
	return []command{
		{names: names("iscsi"), repeats: true, why: away, options: []option{text("ipaddr").must(), text("target"), text("port"), text("user"),
			text("password").password(), text("reverse-user"), text("reverse-password").password(), text("iface")}},
		{names: names("iscsiname"), why: away, min: 1, max: 1, args: "one name"},
		{names: names("fcoe"), repeats: true, why: away, options: []option{text("nic").must(), flag("dcb"), flag("autovlan")}},
		{names: names("hmc"), slot: sourceSlot, why: "it is about mainframes"},
		{names: names("zfcp"), repeats: true, why: "it is about mainframes", options: []option{text("devnum").must(), text("wwpn"), text("fcplun")}, rules: []rule{zfcpRule}},
		{names: names("zipl"), fate: ignored, why: "it is about mainframes",
			options: []option{flag("secure-boot"), flag("no-secure-boot"), flag("force-secure-boot")},
			rules:   []rule{atMostOne("secure-boot", "no-secure-boot", "force-secure-boot")}},
	}
}

func zfcpRule(c *call) string {
	if c.has("wwpn") != c.has("fcplun") {
		return "--wwpn and --fcplun go together"
	}
	return ""
}

// removedCommands are those that were valid once.
func removedCommands() []command {
	var gone []command
	for _, line := range []string{
		"F35 auth authconfig", "F40 autostep", "F24 device", "F34 deviceprobe", "F34 dmraid", "F34 install", "F41 module",
		"F34 multipath", "F40 nvdimm", "F42 vnc",
	} {
		f := strings.Fields(line)
		gone = append(gone, command{names: f[1:], removed: f[0], secret: true})
	}
	return gone
}

// realmRule reads realmd's own syntax: join, options, one realm.
func realmRule(c *call) string {
	if c.arg(0) != "join" {
		return "the only command is join"
	}
	realms := 0
	for i := 1; i < len(c.args); i++ {
		name, _, has := strings.Cut(c.arg(i), "=")
		switch name {
		case "--client-software", "--server-software", "--membership-software", "--one-time-password", "--computer-ou":
			if !has {
				i++
			}
		case "--no-password":
		default:
			if strings.HasPrefix(name, "-") {
				return "it has an unknown option"
			}
			realms++
		}
	}
	if realms != 1 {
		return "exactly one realm is needed"
	}
	return ""
}

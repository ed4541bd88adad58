package kickstart

import "strings"

// generalCommands are language, time, boot loader, display and the end. The
// facts in all tables are from pykickstart's documentation of its commands.
func generalCommands() []command {
	return []command{
		{names: names("lang"), min: 1, max: 1, args: "one locale, like en_US.UTF-8", fate: used, apply: applyLang,
			options: rows([]option{list("addsupport").done()})},
		{names: names("keyboard"), max: 1, args: "one keymap", fate: used, apply: applyKeyboard,
			options: rows([]option{text("vckeymap").done(), text("xlayouts").done(), text("switch").done()}),
			rules:   []rule{argsUnless("a keymap is", "vckeymap", "xlayouts", "switch")}},
		{names: names("timezone"), max: 1, args: "one time zone, like Europe/Berlin", fate: used, apply: applyTimezone,
			options: rows([]option{flag("utc", "isUtc").done(), flag("nontp").old().done(), list("ntpservers").old().done()}),
			rules:   []rule{argsUnless("a time zone is", "utc", "nontp", "ntpservers"), atMostOne("nontp", "ntpservers")}},
		{names: names("timesource"), repeats: true, fate: used, apply: applyTimesource,
			options: rows([]option{text("ntp-server").done(), text("ntp-pool").done(), flag("ntp-disable").done(), flag("nts").done()}),
			rules: []rule{atLeastOne("ntp-server", "ntp-pool", "ntp-disable"), atMostOne("ntp-server", "ntp-pool", "ntp-disable"),
				needs("nts", "ntp-server", "ntp-pool")}},
		{names: names("bootloader"), fate: used, apply: applyBootloader, options: bootloaderOptions(),
			rules: []rule{atMostOne("extlinux", "sdboot"), bootDriveRule}},
		{names: names("services"), fate: used, apply: applyServices,
			options: rows([]option{list("enabled").done(), list("disabled").done()}),
			rules:   []rule{atLeastOne("enabled", "disabled")}},
		{names: names("text"), slot: "display", fate: used, apply: applyDisplay, options: displayOptions()},
		{names: names("cmdline"), slot: "display", fate: used, apply: applyDisplay, options: displayOptions()},
		{names: names("graphical"), slot: "display", fate: ignored, why: "this installer shows itself in text", options: displayOptions()},
		{names: names("reboot"), slot: "end", fate: used, apply: applyEnd, options: endOptions()},
		{names: names("poweroff"), slot: "end", fate: used, apply: applyEnd, options: endOptions()},
		{names: names("shutdown"), slot: "end", fate: used, apply: applyEnd, options: endOptions()},
		{names: names("halt"), slot: "end", fate: used, apply: applyEnd, options: endOptions()},
		{names: names("selinux"), fate: ignored, why: "Debian comes without SELinux",
			options: rows([]option{flag("disabled"), flag("enforcing"), flag("permissive")}),
			rules:   []rule{atMostOne("disabled", "enforcing", "permissive")}},
		{names: names("firewall"), fate: used, apply: applyFirewall, options: firewallOptions()},
		{names: names("firstboot"), fate: ignored, why: "there is no first boot assistant",
			options: rows([]option{flag("disable", "disabled"), flag("enable", "enabled"), flag("reconfig")})},
		{names: names("eula"), fate: ignored, why: "there is nothing to agree to",
			options: rows([]option{flag("agreed", "accepted", "accept")}), rules: []rule{atLeastOne("agreed")}},
		{names: names("skipx"), fate: ignored, why: "no graphical login is set up unless its package does it"},
		{names: names("xconfig"), fate: ignored, why: "X is configured by its packages",
			options: rows([]option{text("defaultdesktop"), flag("startxonboot")})},
		{names: names("logging"), fate: used, apply: applyLogging,
			options: all(text("host"), text("port")), rules: []rule{needs("port", "host")}},
		{names: names("mediacheck"), fate: ignored, why: "what is read from a disc is always checked"},
		{names: names("authselect"), raw: true, max: -1, fate: ignored, why: "Debian has no authselect"},
		{names: names("rdp"), fate: ignored, why: "this installer has no remote desktop",
			options: rows([]option{text("username"), text("password").password()})},
		{names: names("rescue"), fate: used, apply: applyRescue, options: all(flag("nomount"), flag("romount")), rules: []rule{atMostOne("nomount", "romount")}},
		{names: names("realm"), raw: true, min: 1, max: -1, args: "join and a realm", secret: true, why: "run realm(8) in %post", rules: []rule{realmRule}},
		{names: names("snapshot"), min: 1, max: 1, args: "VG/LV", repeats: true, rules: []rule{snapshotRule},
			fate: used, apply: applySnapshot,
			options: all(text("name").must(), choice("when", "post-install", "pre-install").fold().must())},
	}
}

func bootloaderOptions() []option {
	return []option{
		text("append").done(), choice("location", "mbr", "partition", "none", "boot").done(),
		number("timeout").done(), text("boot-drive").done(), flag("disabled").done(), list("driveorder").done(),
		text("password").password().done(), flag("iscrypted").done(), flag("nombr").done(), flag("leavebootorder").done(),
		text("default").moot("there is one kernel to start"),
		text("md5pass").password().no("GRUB takes only what grub-mkpasswd-pbkdf2 makes; write --iscrypted --password"),
		flag("extlinux").no("GRUB is the boot loader; leave it out"), flag("sdboot").no("GRUB is the boot loader; leave it out"),
	}
}

func bootDriveRule(c *call) string {
	if strings.Contains(c.str("boot-drive"), ",") {
		return "--boot-drive takes one disk"
	}
	return ""
}

func displayOptions() []option { return []option{flag("non-interactive").done()} }

func endOptions() []option {
	return []option{flag("eject").done(), flag("kexec").moot("the machine is booted from the start")}
}

func firewallOptions() []option {
	return all(
		flag("disable", "disabled"), flag("enable", "enabled"), flag("ftp"), flag("http"), flag("smtp"), flag("ssh"),
		list("port"), list("trust"), list("service"), list("remove-service"), flag("use-system-defaults"),
	)
}

// accountCommands are passwords, users and keys.
func accountCommands() []command {
	crypt := []option{flag("iscrypted").done(), flag("plaintext").done(), flag("lock").done()}
	return []command{
		{names: names("rootpw"), max: 1, args: "one password", secret: true, fate: used, apply: applyRootpw,
			options: rows(crypt, all(flag("allow-ssh"))),
			rules:   []rule{argsUnless("a password is", "lock")}},
		{names: names("user"), repeats: true, fate: used, apply: applyUser,
			options: rows(crypt, []option{text("name").must().done(), text("password").password().done(), list("groups").done(),
				text("homedir").done(), text("shell").done(), number("uid").done(), number("gid").done(), text("gecos").done()})},
		{names: names("group"), repeats: true, fate: used, apply: applyGroup,
			options: rows([]option{text("name").must().done(), number("gid").done()})},
		{names: names("sshkey"), repeats: true, min: 1, max: 1, args: "one key, in quotes", fate: used, apply: applySSHKey,
			options: rows([]option{text("username").must().done()})},
		{names: names("sshpw"), repeats: true, min: 1, max: -1, args: "a password", secret: true, fate: used, apply: applySSHPw,
			options: rows(crypt, []option{text("username").must().done(), flag("sshkey").done()}),
			rules:   []rule{sshpwRule}},
	}
}

func sshpwRule(c *call) string {
	if len(c.args) > 1 && !c.has("sshkey") {
		return "a single password is expected"
	}
	return ""
}

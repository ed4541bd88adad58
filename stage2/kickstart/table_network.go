package kickstart

import "strings"

// networkCommands are interfaces.
func networkCommands() []command {
	return []command{
		{names: names("network"), repeats: true, fate: used, apply: applyNetwork, options: networkOptions(), rules: []rule{
			bindtoRule, bridgeRule,
			needs("ipv4-dns-search", "device"), needs("ipv6-dns-search", "device"),
			needs("ipv4-ignore-auto-dns", "device"), needs("ipv6-ignore-auto-dns", "device"),
		}},
	}
}

func networkOptions() []option {
	const (
		active = "the installer's own network is what the boot options say"
		wifi   = "wireless networks are not set up; a script in %post can write the file for one"
		team   = "teamd is no longer maintained; write --bondslaves"
	)
	return rows(all(
		text("device"), choice("bootproto", "dhcp", "bootp", "static", "query", "ibft"), text("hostname"),
		text("ip"), text("netmask"), text("gateway"), list("nameserver"), onoff("onboot"), flag("noipv4"),
		text("ipv6"), flag("noipv6"), text("ipv6gateway"), number("mtu"), flag("nodns"), flag("nodefroute"),
		text("dhcpclass"), text("ethtool"), text("vlanid"), text("interfacename"), list("bondslaves"), text("bondopts"),
		list("bridgeslaves"), text("bridgeopts"), choice("bindto", "mac"),
		text("ipv4-dns-search"), text("ipv6-dns-search"), flag("ipv4-ignore-auto-dns"), flag("ipv6-ignore-auto-dns"),
	), []option{
		flag("activate").moot(active), flag("no-activate").moot(active),
		flag("notksdevice").moot("there is no other device than what is written"),
		text("essid").moot(wifi), text("wepkey").password().moot(wifi), text("wpakey").password().moot(wifi),
		list("teamslaves").no(team), text("teamconfig").no(team),
	})
}

func bindtoRule(c *call) string {
	if c.has("bindto") && c.has("vlanid") && !c.has("bondopts") {
		return "--bindto=mac is not for devices of this type"
	}
	return ""
}

func bridgeRule(c *call) string {
	if c.has("bridgeopts") && !c.has("bridgeslaves") {
		return "--bridgeopts goes only with --bridgeslaves"
	}
	for _, o := range c.items("bridgeopts") {
		if _, val, _ := strings.Cut(o, "="); val == "" || strings.Contains(val, "=") {
			return "--bridgeopts is a list of key=value"
		}
	}
	return ""
}

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
	return []option{
		text("device").done(), choice("bootproto", "dhcp", "bootp", "static", "query", "ibft").done(), text("hostname").done(),
		text("ip").done(), text("netmask").done(), text("gateway").done(), list("nameserver").done(), onoff("onboot").done(),
		flag("noipv4").done(),
		flag("activate").moot("the installation needs no network"),
		flag("no-activate").moot("the installation needs no network"),
		flag("notksdevice").moot("there is no other device than what is written"),
		text("ipv6").done(), flag("noipv6"), text("ipv6gateway"), number("mtu"), flag("nodns"), flag("nodefroute"),
		text("dhcpclass"), text("ethtool"), text("essid"), text("wepkey").password(), text("wpakey").password(),
		list("bondslaves"), text("bondopts"), text("vlanid"), text("interfacename"), text("teamslaves"), text("teamconfig"),
		list("bridgeslaves"), text("bridgeopts"), choice("bindto", "mac"),
		text("ipv4-dns-search"), text("ipv6-dns-search"), flag("ipv4-ignore-auto-dns"), flag("ipv6-ignore-auto-dns"),
	}
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

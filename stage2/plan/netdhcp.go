package plan

import "strings"

// dhcpcd is a stanza that runs it, for what ifupdown has no method for. When
// nothing answers in time, it is left to wait for a late router or server.
func dhcpcd(family, which string, options ...string) []stanza {
	if which != "" {
		which += " "
	}
	args := which + strings.Join(append(options, "$IFACE"), " ")
	return []stanza{{family, "manual", []string{
		"up dhcpcd " + args + " || dhcpcd -b " + args,
		"down dhcpcd " + which + "-k $IFACE || true",
	}}}
}

// both reports whether dhcpcd, being ifupdown's client, minds both families.
func (c dhcpClients) both() bool { return c.dhcpcd && !c.dhclient && !c.udhcpc }

// ask6 is what makes dhcpcd ask for an address whatever routers say.
const ask6 = "--ia_na"

// dhcpcdOptions are what it is told of how to treat the answers it gets for a family, or
// for both, see dhcpcd(8). Servers of IPv6 come by routers too: their options have
// other names, with "nd_" before them.
func dhcpcdOptions(i netInterface, v4, v6 bool) []string {
	var out []string
	if i.NoDefault {
		out = append(out, "--nogateway")
	}
	no4, no6 := v4 && i.NoDNS4, v6 && i.NoDNS6
	switch {
	case (no4 || !v4) && (no6 || !v6):
		out = append(out, "--nohook resolv.conf")
	case no4:
		out = append(out, "--nooption domain_name_servers,domain_name,domain_search")
	case no6:
		out = append(out, "--nooption dhcp6_name_servers,domain_search", "--nooption nd_rdnss,dnssl")
	}
	if v4 && i.DHCPClass != "" {
		out = append(out, "--vendorclassid='"+i.DHCPClass+"'")
	}
	return out
}

func (c dhcpClients) stanzas4(i netInterface) []stanza {
	switch {
	case i.IPv4 == "static":
		return staticStanzas(i, true)
	case i.IPv4 == "link-local" && c.dhcpcd:
		return dhcpcd("inet", "-4", "--nodhcp")
	case i.IPv4 == "link-local":
		return []stanza{{"inet", "ipv4ll", nil}}
	case i.IPv4 != "dhcp":
		return nil
	}
	which := ""
	if !c.both() || i.IPv6 == "static" || i.IPv6 == "link-local" || i.IPv6 == "off" {
		which = "-4"
	}
	options := dhcpcdOptions(i, true, which == "")
	switch {
	case c.both() && (i.IPv6 == "dhcp" || i.IPv6 == "either"):
		return dhcpcd("inet", which, append(options, ask6)...)
	case c.both() && which != "", c.dhcpcd && len(options) > 0:
		return dhcpcd("inet", which, options...)
	}
	return []stanza{{"inet", "dhcp", nil}}
}

func (c dhcpClients) stanzas6(i netInterface) []stanza {
	switch i.IPv6 {
	case "static":
		return staticStanzas(i, false)
	case "link-local":
		return []stanza{{"inet6", "manual", []string{"pre-up echo 0 >/proc/sys/net/ipv6/conf/$IFACE/accept_ra || true"}}}
	case "", "off":
		return nil
	}
	options := dhcpcdOptions(i, false, true)
	switch {
	case c.both() && i.IPv4 == "dhcp": // done already
		return nil
	case c.dhcpcd && i.IPv6 == "auto":
		return dhcpcd("inet6", "-6", options...)
	case c.dhcpcd:
		return dhcpcd("inet6", "-6", append(options, ask6)...)
	case i.IPv6 == "dhcp":
		return []stanza{{"inet6", "dhcp", []string{"autoconf 0"}}}
	}
	return []stanza{{"inet6", "auto", nil}}
}

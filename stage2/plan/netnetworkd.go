package plan

import (
	"fmt"
	"slices"
	"strings"
)

// networkdName is a file of systemd-networkd's below /etc.
func networkdName(name, kind string) string { return "systemd/network/10-" + name + "." + kind }

// networkdFiles are systemd.network(5) for each interface, and systemd.netdev(5)
// for those that have to be made.
func networkdFiles(n netConfig) []etcFile {
	var files []etcFile
	for _, i := range n.Interfaces {
		if i.Kind != "ethernet" {
			files = append(files, etcFile{name: networkdName(i.Name, "netdev"), text: netdevText(i)})
		}
		files = append(files, etcFile{name: networkdName(i.Name, "network"), text: networkText(n, i)})
	}
	return files
}

// networkdLacks says what of n systemd-networkd has no word for.
func networkdLacks(n netConfig) []string {
	var out []string
	for _, i := range n.Interfaces {
		if i.Kind != "bond" {
			continue
		}
		if _, lacks := bondSection(i.Options); len(lacks) > 0 {
			out = append(out, fmt.Sprintf("systemd-networkd does not know these options of the bond %s, which is made without them: %s", i.Name, strings.Join(lacks, ", ")))
		}
	}
	return out
}

func netdevText(i netInterface) string {
	text := "[NetDev]\nName=" + i.Name + "\nKind=" + i.Kind + "\n"
	switch i.Kind {
	case "vlan":
		text += fmt.Sprintf("\n[VLAN]\nId=%d\n", i.VLAN)
	case "bond":
		bond, _ := bondSection(i.Options)
		text += "MACAddress=none\n" + bond // the first port's
	case "bridge":
		text += "MACAddress=none\n" + bridgeSection(i.Options)
	}
	return text
}

// ini writes sections.
type ini struct{ strings.Builder }

// section writes the lines that have a value; none at all if there are none.
func (b *ini) section(name string, lines ...string) {
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasSuffix(l, "=") })
	if len(lines) == 0 {
		return
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString("[" + name + "]\n" + strings.Join(lines, "\n") + "\n")
}

// when is word where yes, for a line that is left out without a value.
func when(yes bool, word string) string {
	if yes {
		return word
	}
	return ""
}

// positive is n where there is one.
func positive(n int) string { return when(n > 0, fmt.Sprint(n)) }

// networkText is systemd.network(5). A card is known by the address that it was
// made with, which it keeps as a port of a bond and when another is set.
func networkText(n netConfig, i netInterface) string {
	var b ini
	switch {
	case i.Any:
		b.section("Match", "Name=en* eth*")
	case i.Kind == "ethernet" && i.MAC != "":
		b.section("Match", "PermanentMACAddress="+i.MAC)
	default:
		b.section("Match", "Name="+i.Name)
	}
	b.section("Link", "MACAddress="+i.SetMAC, "MTUBytes="+positive(i.MTU), "ActivationPolicy="+when(i.Manual, "manual"))
	b.section("Network", networkLines(n, i)...)
	b.routes(i)
	b.dynamic(i)
	return b.String()
}

// dynamic writes what is taken of what DHCP and routers tell.
func (b *ini) dynamic(i netInterface) {
	noGateway := "UseGateway=" + when(i.NoDefault, "no")
	if i.IPv4 == "dhcp" {
		b.section("DHCPv4", "UseDNS="+when(i.NoDNS4, "no"), "UseDomains="+when(i.AutoSearch && !i.NoDNS4, "yes"), noGateway, "VendorClassIdentifier="+i.DHCPClass)
	}
	noDNS, search := "UseDNS="+when(i.NoDNS6, "no"), "UseDomains="+when(i.AutoSearch && !i.NoDNS6, "yes")
	switch i.IPv6 {
	case "":
		if !i.idle() {
			b.section("IPv6AcceptRA", noDNS, noGateway)
		}
	case "dhcp":
		b.section("IPv6AcceptRA", "UseAutonomousPrefix=no", noDNS, search, noGateway)
		b.section("DHCPv6", "WithoutRA=solicit", noDNS, search)
	case "either":
		b.section("IPv6AcceptRA", noDNS, search, noGateway)
		b.section("DHCPv6", "WithoutRA=solicit", noDNS, search)
	case "auto":
		b.section("IPv6AcceptRA", noDNS, search, noGateway)
		b.section("DHCPv6", noDNS)
	}
}

func networkLines(n netConfig, i netInterface) []string {
	var lines []string
	switch m := n.master(i); m.Kind {
	case "bond":
		lines = append(lines, "Bond="+m.Name)
		if option(m.Options, "primary") == i.Name {
			lines = append(lines, "PrimarySlave=yes")
		}
	case "bridge":
		lines = append(lines, "Bridge="+m.Name)
	}
	for _, v := range n.above(i) {
		lines = append(lines, "VLAN="+v.Name)
	}
	lines = append(lines, methodLines(i)...)
	for _, v4 := range []bool{true, false} {
		g := static(i, v4)
		for _, a := range g.addresses {
			lines = append(lines, "Address="+a.String())
		}
		if g.gateway.IsValid() && !g.onlink {
			lines = append(lines, "Gateway="+g.gateway.String())
		}
	}
	for _, a := range i.DNS {
		lines = append(lines, "DNS="+a.String())
	}
	return append(lines, "Domains="+strings.Join(i.Search, " "))
}

// methodLines are how addresses come. A family of which nothing was said is
// left at systemd's default.
func methodLines(i netInterface) []string {
	if i.IPv4 == "" && (i.IPv6 == "" || i.IPv6 == "off") {
		return []string{"LinkLocalAddressing=no", "IPv6AcceptRA=no"}
	}
	var dhcp, local, ra string
	switch v4, v6 := i.IPv4 == "dhcp", i.IPv6 == "dhcp" || i.IPv6 == "either"; {
	case v4 && v6:
		dhcp = "yes"
	case v4:
		dhcp = "ipv4"
	case v6:
		dhcp = "ipv6"
	}
	switch {
	case i.IPv4 == "link-local" && i.IPv6 == "off":
		local = "ipv4"
	case i.IPv4 == "link-local":
		local = "yes"
	case i.IPv6 == "off":
		local = "no"
	}
	switch i.IPv6 {
	case "auto", "either", "dhcp":
		ra = "yes"
	case "static", "link-local", "off":
		ra = "no"
	}
	return []string{"DHCP=" + dhcp, "LinkLocalAddressing=" + local, "IPv6AcceptRA=" + ra}
}

// routes writes a section for each route, and for a gateway outside of the
// addresses' networks.
func (b *ini) routes(i netInterface) {
	for _, v4 := range []bool{true, false} {
		if g := static(i, v4); g.onlink {
			b.section("Route", "Gateway="+g.gateway.String(), "GatewayOnLink=yes")
		}
	}
	for _, r := range i.Routes {
		if !r.Gateway.IsValid() {
			b.section("Route", "Destination="+r.To.Masked().String(), "Scope="+when(r.To.Addr().Is4(), "link"))
			continue
		}
		b.section("Route", "Destination="+r.To.Masked().String(), "Gateway="+r.Gateway.WithZone("").String(),
			"GatewayOnLink="+when(outside(i.Addresses, r.Gateway), "yes"))
	}
}

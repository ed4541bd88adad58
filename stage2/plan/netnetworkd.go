package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// networkdName is a file of systemd-networkd's below /etc.
func networkdName(name, kind string) string { return "systemd/network/10-" + name + "." + kind }

// networkdFiles are systemd.network(5) for each interface, and systemd.netdev(5)
// for those that have to be made.
func networkdFiles(n handoff.Network) []etcFile {
	var files []etcFile
	for _, i := range n.Interfaces {
		if i.Kind != "ethernet" {
			files = append(files, etcFile{networkdName(i.Name, "netdev"), netdevText(i)})
		}
		files = append(files, etcFile{networkdName(i.Name, "network"), broughtUpText(n, i)})
	}
	return files
}

// networkdLacks says what of n systemd-networkd has no word for.
func networkdLacks(n handoff.Network) []string {
	var out []string
	for _, i := range n.Interfaces {
		if _, lacks := bondSection(i.Options); len(lacks) > 0 {
			out = append(out, fmt.Sprintf("systemd-networkd does not know these options of the bond %s, which is made without them: %s", i.Name, strings.Join(lacks, ", ")))
		}
	}
	return out
}

func netdevText(i handoff.Interface) string {
	text := "[NetDev]\nName=" + i.Name + "\nKind=" + i.Kind + "\n"
	switch i.Kind {
	case "vlan":
		text += fmt.Sprintf("\n[VLAN]\nId=%d\n", i.VLAN)
	case "bond":
		bond, _ := bondSection(i.Options)
		text += "MACAddress=none\n" + bond // the first port's
	case "bridge":
		text += "MACAddress=none\n"
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

// broughtUpText is systemd.network(5). A card is known by the address that it
// was made with, which it keeps as a port of a bond and when another is set.
func broughtUpText(n handoff.Network, i handoff.Interface) string {
	var b ini
	if i.Kind == "ethernet" && i.MAC != "" {
		b.section("Match", "PermanentMACAddress="+i.MAC)
	} else {
		b.section("Match", "Name="+i.Name)
	}
	mtu := ""
	if i.MTU > 0 {
		mtu = fmt.Sprint(i.MTU)
	}
	b.section("Link", "MACAddress="+i.SetMAC, "MTUBytes="+mtu)
	b.section("Network", networkLines(n, i)...)
	b.routes(n, i)
	useDomains := ""
	if len(i.Search) > 0 {
		useDomains = "yes"
	}
	if i.IPv4 == "dhcp" {
		b.section("DHCPv4", "UseDomains="+useDomains)
	}
	switch i.IPv6 {
	case "dhcp":
		b.section("IPv6AcceptRA", "UseAutonomousPrefix=no", "UseDomains="+useDomains)
		b.section("DHCPv6", "WithoutRA=solicit", "UseDomains="+useDomains)
	case "either":
		b.section("IPv6AcceptRA", "UseDomains="+useDomains)
		b.section("DHCPv6", "WithoutRA=solicit", "UseDomains="+useDomains)
	case "auto":
		b.section("IPv6AcceptRA", "UseDomains="+useDomains)
	}
	return b.String()
}

func networkLines(n handoff.Network, i handoff.Interface) []string {
	var lines []string
	switch m := master(n, i); m.Kind {
	case "bond":
		lines = append(lines, "Bond="+m.Name)
		if option(m.Options, "primary") == i.Name {
			lines = append(lines, "PrimarySlave=yes")
		}
	case "bridge":
		lines = append(lines, "Bridge="+m.Name)
	}
	for _, v := range above(n, i) {
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
	for _, a := range servers(n, i) {
		lines = append(lines, "DNS="+a.String())
	}
	if i.IPv4 == "static" || i.IPv6 == "static" {
		lines = append(lines, "Domains="+strings.Join(i.Search, " "))
	}
	return lines
}

// methodLines are how addresses come. A family that stage 1 was not told of is
// left at systemd's default.
func methodLines(i handoff.Interface) []string {
	if i.IPv4 == "" && i.IPv6 == "" {
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
	if i.IPv4 == "link-local" {
		local = "yes"
	}
	switch i.IPv6 {
	case "auto", "either", "dhcp":
		ra = "yes"
	case "static", "link-local":
		ra = "no"
	}
	return []string{"DHCP=" + dhcp, "LinkLocalAddressing=" + local, "IPv6AcceptRA=" + ra}
}

// routes writes a section for each route, and for a gateway outside of the
// addresses' networks.
func (b *ini) routes(n handoff.Network, i handoff.Interface) {
	for _, v4 := range []bool{true, false} {
		if g := static(i, v4); g.onlink {
			b.section("Route", "Gateway="+g.gateway.String(), "GatewayOnLink=yes")
		}
	}
	for _, r := range routes(n, i) {
		if !r.Gateway.IsValid() {
			scope := ""
			if r.To.Addr().Is4() {
				scope = "link"
			}
			b.section("Route", "Destination="+r.To.Masked().String(), "Scope="+scope)
			continue
		}
		onlink := ""
		if outside(i, r.Gateway) {
			onlink = "yes"
		}
		b.section("Route", "Destination="+r.To.Masked().String(), "Gateway="+r.Gateway.WithZone("").String(), "GatewayOnLink="+onlink)
	}
}

package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// dhcpClients are those on the target. ifupdown's method dhcp takes dhclient
// before udhcpc before dhcpcd; only dhclient does its inet6 dhcp. dhcpcd minds
// router advertisements and DHCPv6 as well, and their name servers, which the
// kernel doesn't: so it is used where it is there.
type dhcpClients struct{ dhcpcd, dhclient, udhcpc bool }

// missing is what ifupdown needs for the addresses of i, and isn't there.
func (c dhcpClients) missing(i netInterface) string {
	switch {
	case c.dhcpcd:
	case i.IPv4 == "dhcp" && !c.dhclient && !c.udhcpc:
		return "a DHCP client such as dhcpcd-base"
	case i.IPv4 == "link-local":
		return "dhcpcd-base or avahi-autoipd"
	case i.IPv6 == "dhcp" && !c.dhclient:
		return "a DHCPv6 client such as dhcpcd-base"
	}
	return ""
}

// clientless refuses answers that ask for DHCP where nothing will do it.
func (b *builder) clientless(t netTarget) {
	for _, i := range b.net.Interfaces {
		if need := t.clients.missing(i); need != "" && (i.IPv4 == "dhcp" || i.IPv6 == "dhcp") {
			b.problems.Add(NotSupported, "network --device="+i.Name, "ifupdown needs %s for it, and that is not among the packages; add dhcpcd-base to %%packages", need)
		}
	}
}

// lacks says what of n ifupdown can't do with these clients.
func (c dhcpClients) lacks(n netConfig) []string {
	var out []string
	for _, i := range n.Interfaces {
		need := c.missing(i)
		if need != "" {
			out = append(out, fmt.Sprintf("%s is to get its address as planned, for which ifupdown needs %s, and that is not installed", i.Name, need))
		}
		if words := ignored(i); need == "" && !c.dhcpcd && len(words) > 0 {
			out = append(out, fmt.Sprintf("ifupdown can't tell the DHCP client of %s this, which is not done: %s; install dhcpcd-base", i.Name, strings.Join(words, ", ")))
		}
	}
	renamed := undotted(n)
	for k, i := range n.Interfaces {
		if now := renamed.Interfaces[k].Name; i.Answered && now != i.Name {
			out = append(out, fmt.Sprintf("%s is called %s on the new system: ifupdown takes a dot for the sign of a VLAN, and would make that of a card by its name", i.Name, now))
		}
	}
	return out
}

// ignored are answers about DHCP that only dhcpcd can be told.
func ignored(i netInterface) []string {
	if i.IPv4 != "dhcp" && i.IPv6 != "dhcp" {
		return nil
	}
	var words []string
	for _, w := range []struct {
		asked bool
		word  string
	}{
		{i.NoDefault, "--nodefroute"}, {i.NoDNS4 && i.NoDNS6, "--nodns"}, {i.NoDNS4 && !i.NoDNS6, "--ipv4-ignore-auto-dns"},
		{i.NoDNS6 && !i.NoDNS4, "--ipv6-ignore-auto-dns"}, {i.DHCPClass != "", "--dhcpclass"},
	} {
		if w.asked {
			words = append(words, w.word)
		}
	}
	return words
}

const interfacesHead = "# See interfaces(5). Written by the installer.\nsource /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"

// byHand is the class of interfaces that are not brought up by the system's start.
const byHand = "manual"

// interfacesFile is interfaces(5). Bonds, bridges and VLANs are made with ip(8),
// on which ifupdown depends anyway, by those that they stand on: these alone
// know what a card is called there.
func interfacesFile(n netConfig, c dhcpClients) string {
	n = undotted(n)
	var b strings.Builder
	b.WriteString(interfacesHead)
	for number, i := range n.Interfaces {
		logical, match := i.Name, i.Name
		switch {
		case i.Any:
			logical = fmt.Sprintf("card%d", number)
			match = "/e*=" + logical // whichever there will be; none is no fault
		case i.Kind == "ethernet" && i.MAC != "":
			logical = fmt.Sprintf("card%d", number)
			match = "mac/" + i.MAC + "=" + logical
			b.WriteString("\n# " + i.Name + " while it was installed")
		}
		class := "auto"
		if i.Manual {
			class = "allow-" + byHand
			b.WriteString("\n# brought up by: ifup --allow=" + byHand + " -a")
		}
		b.WriteString("\n" + class + " " + match + "\n")
		for _, s := range stanzas(n, i, c) {
			fmt.Fprintf(&b, "iface %s %s %s\n", logical, s.family, s.method)
			for _, o := range s.options {
				b.WriteString("\t" + o + "\n")
			}
		}
	}
	return b.String()
}

// undotted is n with other names for interfaces with a dot: ifupdown takes such
// a name for a VLAN of the part before it, by its number, and makes that itself.
// Where it is right, and that part is not a card's name, the name stays.
func undotted(n netConfig) netConfig {
	names := map[string]string{"": ""}
	for _, i := range n.Interfaces {
		names[i.Name] = i.Name
	}
	for _, i := range n.Interfaces {
		below := n.named(i.Parent)
		if i.Kind == "ethernet" || below.Name != "" && below.Kind != "ethernet" && i.Name == i.Parent+"."+strconv.Itoa(i.VLAN) {
			continue
		}
		names[i.Name] = strings.ReplaceAll(i.Name, ".", "-")
	}
	out := n
	out.Interfaces = slices.Clone(n.Interfaces)
	for k, i := range out.Interfaces {
		i.Name, i.Parent, i.Master, i.Ports = names[i.Name], names[i.Parent], names[i.Master], slices.Clone(i.Ports)
		for p := range i.Ports {
			i.Ports[p] = names[i.Ports[p]]
		}
		out.Interfaces[k] = i
	}
	return out
}

// stanza is an iface of interfaces(5) with its options.
type stanza struct {
	family, method string
	options        []string
}

func stanzas(n netConfig, i netInterface, c dhcpClients) []stanza {
	all := append(c.stanzas4(i), c.stanzas6(i)...)
	if len(all) == 0 {
		all = []stanza{{family: "inet", method: "manual"}}
	}
	options := makers(n, i)
	if len(i.DNS) > 0 {
		words := make([]string, len(i.DNS))
		for k, a := range i.DNS {
			words[k] = a.String()
		}
		options = append(options, "dns-nameservers "+strings.Join(words, " "))
	}
	if len(i.Search) > 0 {
		options = append(options, "dns-search "+strings.Join(i.Search, " "))
	}
	all[0].options = append(options, all[0].options...)
	for _, r := range i.Routes {
		at := len(all) - 1
		if r.To.Addr().Is4() {
			at = 0
		}
		all[at].options = append(all[at].options, routeOption(i, r))
	}
	return all
}

func routeOption(i netInterface, r handoff.Route) string {
	family, by := "", ""
	if !r.To.Addr().Is4() {
		family = "-6 "
	}
	if r.Gateway.IsValid() {
		by = " via " + r.Gateway.WithZone("").String()
	}
	onlink := ""
	if r.Gateway.IsValid() && outside(i.Addresses, r.Gateway) {
		onlink = " onlink"
	}
	return "up ip " + family + "route replace " + r.To.Masked().String() + by + " dev $IFACE" + onlink + " || true"
}

// makers are the commands that give an interface what it needs before it is up,
// and make what stands on it.
func makers(n netConfig, i netInterface) []string {
	var out []string
	if i.Kind == "bond" || i.Kind == "bridge" {
		out = append(out, makeDevice(i)...) // no port may be there
	}
	out = append(out, kernelOptions6(i)...)
	if i.SetMAC != "" {
		out = append(out, "pre-up ip link set dev $IFACE address "+i.SetMAC)
		if i.Kind == "ethernet" && i.MAC != "" {
			out = append(out, "post-down ip link set dev $IFACE address "+i.MAC+" || true") // by which it is found again
		}
	}
	if i.MTU > 0 {
		out = append(out, fmt.Sprintf("pre-up ip link set dev $IFACE mtu %d", i.MTU))
	}
	if m := n.master(i); m.Name != "" {
		out = append(out, makeDevice(m)...)
		if m.Kind == "bond" {
			out = append(out, "pre-up ip link set dev $IFACE down")
		}
		out = append(out, "pre-up ip link set dev $IFACE master "+m.Name)
		if option(m.Options, "primary") == i.Name {
			out = append(out, "pre-up ip link set dev "+m.Name+" type bond primary $IFACE")
		}
		out = append(out, "post-down ip link set dev $IFACE nomaster || true")
	}
	for _, v := range n.above(i) {
		out = append(out, fmt.Sprintf("pre-up ip link show dev %s >/dev/null 2>&1 || ip link add link $IFACE name %[1]s type vlan id %d", v.Name, v.VLAN),
			"post-down ip link del dev "+v.Name+" 2>/dev/null || true")
	}
	return out
}

// makeDevice makes a bond or bridge. The bonding module can make a bond0 of its
// own, with other options, if it isn't told not to.
func makeDevice(i netInterface) []string {
	options := map[string]func([]string) string{"bond": bondWords, "bridge": bridgeWords}[i.Kind](i.Options)
	words := strings.TrimSpace("type " + i.Kind + " " + options)
	out := []string{fmt.Sprintf("pre-up ip link show dev %s >/dev/null 2>&1 || ip link add %[1]s %s", i.Name, words)}
	if i.Kind == "bond" {
		out = slices.Insert(out, 0, "pre-up modprobe -q bonding max_bonds=0 || true")
	}
	return out
}

func staticStanzas(i netInterface, v4 bool) []stanza {
	var all []stanza
	g := static(i, v4)
	for k, a := range g.addresses {
		s := stanza{family: "inet6", method: "static", options: []string{"address " + a.String()}}
		if v4 {
			s.family = "inet"
		}
		if k == 0 && g.gateway.IsValid() { // ifupdown takes it to be on the link, wherever it is
			s.options = append(s.options, "gateway "+g.gateway.String())
		}
		if !v4 {
			s.options = append(s.options, "accept_ra 0")
		}
		all = append(all, s)
	}
	return all
}

// kernelOptions6 are what the kernel is told of IPv6 before the interface is up.
func kernelOptions6(i netInterface) []string {
	set := func(name, value string) string {
		return "pre-up echo " + value + " >/proc/sys/net/ipv6/conf/$IFACE/" + name + " || true"
	}
	switch {
	case i.IPv6 == "off":
		return []string{set("disable_ipv6", "1")}
	case i.NoDefault && i.IPv6 != "static" && i.IPv6 != "link-local":
		return []string{set("accept_ra_defrtr", "0")}
	}
	return nil
}

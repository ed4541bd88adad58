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

// lacks says what of n ifupdown can't do with these clients.
func (c dhcpClients) lacks(n handoff.Network) []string {
	var out []string
	for _, i := range n.Interfaces {
		need := ""
		switch {
		case c.dhcpcd:
		case i.IPv4 == "dhcp" && !c.dhclient && !c.udhcpc:
			need = "a DHCP client such as dhcpcd-base"
		case i.IPv4 == "link-local":
			need = "dhcpcd-base or avahi-autoipd"
		case i.IPv6 == "dhcp" && !c.dhclient:
			need = "a DHCPv6 client such as dhcpcd-base"
		}
		if need != "" {
			out = append(out, fmt.Sprintf("%s is to get its address as during the installation, for which ifupdown needs %s, and that is not installed", i.Name, need))
		}
	}
	return out
}

// stanza is an iface of interfaces(5) with its options.
type stanza struct {
	family, method string
	options        []string
}

// interfacesFile is interfaces(5). Bonds, bridges and VLANs are made with ip(8),
// on which ifupdown depends anyway, by those that they stand on: these alone
// know what a card is called there.
func interfacesFile(n handoff.Network, c dhcpClients) string {
	n = undotted(n)
	var b strings.Builder
	b.WriteString(interfacesHead)
	for number, i := range n.Interfaces {
		logical, match := i.Name, i.Name
		if i.Kind == "ethernet" && i.MAC != "" {
			logical = fmt.Sprintf("card%d", number)
			match = "mac/" + i.MAC + "=" + logical
		}
		if match != logical {
			b.WriteString("\n# " + i.Name + " while it was installed")
		}
		b.WriteString("\nauto " + match + "\n")
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
func undotted(n handoff.Network) handoff.Network {
	names := map[string]string{"": ""}
	for _, i := range n.Interfaces {
		names[i.Name] = i.Name
	}
	for _, i := range n.Interfaces {
		below := slices.IndexFunc(n.Interfaces, func(o handoff.Interface) bool { return o.Name == i.Parent && o.Kind != "ethernet" })
		if i.Kind == "ethernet" || below >= 0 && i.Name == i.Parent+"."+strconv.Itoa(i.VLAN) {
			continue
		}
		names[i.Name] = strings.ReplaceAll(i.Name, ".", "-")
	}
	out := n
	out.Interfaces, out.Routes = slices.Clone(n.Interfaces), slices.Clone(n.Routes)
	for k, i := range out.Interfaces {
		i.Name, i.Parent, i.Master, i.Ports = names[i.Name], names[i.Parent], names[i.Master], slices.Clone(i.Ports)
		for p := range i.Ports {
			i.Ports[p] = names[i.Ports[p]]
		}
		out.Interfaces[k] = i
	}
	for k, r := range out.Routes {
		out.Routes[k].Interface = names[r.Interface]
	}
	return out
}

func stanzas(n handoff.Network, i handoff.Interface, c dhcpClients) []stanza {
	all := append(c.stanzas4(i), c.stanzas6(i)...)
	if len(all) == 0 {
		all = []stanza{{family: "inet", method: "manual"}}
	}
	options := makers(n, i)
	if dns := servers(n, i); len(dns) > 0 {
		words := make([]string, len(dns))
		for k, a := range dns {
			words[k] = a.String()
		}
		options = append(options, "dns-nameservers "+strings.Join(words, " "))
	}
	if (i.IPv4 == "static" || i.IPv6 == "static") && len(i.Search) > 0 {
		options = append(options, "dns-search "+strings.Join(i.Search, " "))
	}
	all[0].options = append(options, all[0].options...)
	for _, r := range routes(n, i) {
		at := len(all) - 1
		if r.To.Addr().Is4() {
			at = 0
		}
		all[at].options = append(all[at].options, routeOption(i, r))
	}
	return all
}

func routeOption(i handoff.Interface, r handoff.Route) string {
	family, by := "", ""
	if !r.To.Addr().Is4() {
		family = "-6 "
	}
	if r.Gateway.IsValid() {
		by = " via " + r.Gateway.WithZone("").String()
	}
	onlink := ""
	if r.Gateway.IsValid() && outside(i, r.Gateway) {
		onlink = " onlink"
	}
	return "up ip " + family + "route replace " + r.To.Masked().String() + by + " dev $IFACE" + onlink + " || true"
}

// makers are the commands that give an interface what it needs before it is up,
// and make what stands on it.
func makers(n handoff.Network, i handoff.Interface) []string {
	var out []string
	if i.Kind == "bond" || i.Kind == "bridge" {
		out = append(out, makeDevice(i)...) // no port may be there
	}
	if i.SetMAC != "" {
		out = append(out, "pre-up ip link set dev $IFACE address "+i.SetMAC)
		if i.Kind == "ethernet" && i.MAC != "" {
			out = append(out, "post-down ip link set dev $IFACE address "+i.MAC+" || true") // by which it is found again
		}
	}
	if i.MTU > 0 {
		out = append(out, fmt.Sprintf("pre-up ip link set dev $IFACE mtu %d", i.MTU))
	}
	if m := master(n, i); m.Name != "" {
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
	for _, v := range above(n, i) {
		out = append(out, fmt.Sprintf("pre-up ip link show dev %s >/dev/null 2>&1 || ip link add link $IFACE name %[1]s type vlan id %d", v.Name, v.VLAN),
			"post-down ip link del dev "+v.Name+" 2>/dev/null || true")
	}
	return out
}

// makeDevice makes a bond or bridge. The bonding module can make a bond0 of its
// own, with other options, if it isn't told not to.
func makeDevice(i handoff.Interface) []string {
	words := strings.TrimSpace("type " + i.Kind + " " + bondWords(i.Options))
	out := []string{fmt.Sprintf("pre-up ip link show dev %s >/dev/null 2>&1 || ip link add %[1]s %s", i.Name, words)}
	if i.Kind == "bond" {
		out = slices.Insert(out, 0, "pre-up modprobe -q bonding max_bonds=0 || true")
	}
	return out
}

func staticStanzas(i handoff.Interface, v4 bool) []stanza {
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

// dhcpcd is a stanza that runs it, for what ifupdown has no method for. When
// nothing answers in time, it is left to wait for a late router or server.
func dhcpcd(family, options, which string) []stanza {
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	args := which + " " + options + " $IFACE"
	return []stanza{{family, "manual", []string{
		words("up dhcpcd " + args + " || dhcpcd -b " + args),
		words("down dhcpcd " + which + " -k $IFACE || true"),
	}}}
}

// both reports whether dhcpcd, being ifupdown's client, minds both families.
func (c dhcpClients) both() bool { return c.dhcpcd && !c.dhclient && !c.udhcpc }

// ask6 is what makes dhcpcd ask for an address whatever routers say.
const ask6 = "--ia_na"

func (c dhcpClients) stanzas4(i handoff.Interface) []stanza {
	switch {
	case i.IPv4 == "static":
		return staticStanzas(i, true)
	case i.IPv4 == "link-local" && c.dhcpcd:
		return dhcpcd("inet", "--nodhcp", "-4")
	case i.IPv4 == "link-local":
		return []stanza{{"inet", "ipv4ll", nil}}
	case i.IPv4 != "dhcp":
		return nil
	case c.both() && (i.IPv6 == "dhcp" || i.IPv6 == "either"):
		return dhcpcd("inet", ask6, "")
	case c.both() && (i.IPv6 == "static" || i.IPv6 == "link-local"):
		return dhcpcd("inet", "", "-4")
	}
	return []stanza{{"inet", "dhcp", nil}}
}

func (c dhcpClients) stanzas6(i handoff.Interface) []stanza {
	switch i.IPv6 {
	case "static":
		return staticStanzas(i, false)
	case "link-local":
		return []stanza{{"inet6", "manual", []string{"pre-up echo 0 >/proc/sys/net/ipv6/conf/$IFACE/accept_ra || true"}}}
	case "":
		return nil
	}
	switch {
	case c.both() && i.IPv4 == "dhcp": // done already
		return nil
	case c.dhcpcd && i.IPv6 == "auto":
		return dhcpcd("inet6", "", "-6")
	case c.dhcpcd:
		return dhcpcd("inet6", ask6, "-6")
	case i.IPv6 == "dhcp":
		return []stanza{{"inet6", "dhcp", []string{"autoconf 0"}}}
	}
	return []stanza{{"inet6", "auto", nil}}
}

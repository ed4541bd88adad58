package kickstart

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// anyDevice is the interface that a network command without --device is about.
const anyDevice = "link"

func applyNetwork(b *builder, c *call) {
	if c.has("hostname") {
		b.hostname(c, c.str("hostname"))
	}
	if len(c.order) == 1 && c.has("hostname") {
		return
	}
	n := config.Network{
		Device: c.str("device"), Method: "dhcp", Gateway: c.str("gateway"), Nameservers: c.items("nameserver"), OnBoot: true,
		Gateway6: c.str("ipv6gateway"), MTU: c.num("mtu"), NoDNS: c.has("nodns"), NoDefaultRoute: c.has("nodefroute"),
		DHCPClass: c.str("dhcpclass"), Ethtool: c.str("ethtool"), ForceMAC: c.has("bindto"),
		IgnoreAutoDNS: c.has("ipv4-ignore-auto-dns"), IgnoreAutoDNS6: c.has("ipv6-ignore-auto-dns"), Search: b.search(c),
	}
	if n.Device == "" {
		n.Device = anyDevice
	}
	if v, ok := c.values["onboot"]; ok {
		n.OnBoot = v.on
	}
	b.method(c, &n)
	b.ipv6(c, &n)
	b.made(c, &n)
	switch {
	case !only(n.Device, ".:_-@/") || strings.HasPrefix(n.Device, "-"):
		b.wrong(c, "%q is no name of an interface", n.Device)
		return
	case c.has("mtu") && (n.MTU < 68 || n.MTU > 65535):
		b.wrong(c, "--mtu must be between 68 and 65535")
	case n.NoDNS && len(n.Nameservers) > 0:
		b.wrong(c, "--nodns and --nameserver exclude each other")
	}
	b.addresses(c, append([]string{n.Gateway}, n.Nameservers...))
	b.interfaceOnce(c, n)
}

// interfaceOnce keeps the last of several commands for one interface.
func (b *builder) interfaceOnce(c *call, n config.Network) {
	all := &b.answers.Network
	key := fmt.Sprintf("network %s %d", n.Device, vlanID(n))
	if first, twice := b.refs.named[key]; twice {
		b.warn(c.pos, "network --device=%s replaces what line %d of %s said", n.Device, first.pos.Line, first.pos.File)
		*all = slices.DeleteFunc(*all, func(o config.Network) bool { return o.Device == n.Device && vlanID(o) == vlanID(n) })
	}
	b.refs.named[key] = origin{c.pos, c.name}
	*all = append(*all, n)
}

func vlanID(n config.Network) int {
	if n.VLAN == nil {
		return 0
	}
	return n.VLAN.ID
}

func (b *builder) hostname(c *call, name string) {
	if !only(name, ".-") || name == "" || len(name) > 253 || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") {
		b.wrong(c, "%q is no host name: letters, digits, - and dots", name)
		return
	}
	b.answers.Hostname = name
}

// search joins the domains of IPv4 and IPv6: the resolver has one list.
func (b *builder) search(c *call) []string {
	var all []string
	for _, d := range append(c.items("ipv4-dns-search"), c.items("ipv6-dns-search")...) {
		if !only(d, ".-") || strings.HasPrefix(d, "-") {
			b.wrong(c, "%q is no domain", d)
		}
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// method reads how the interface gets its IPv4 address.
func (b *builder) method(c *call, n *config.Network) {
	switch c.str("bootproto") {
	case "bootp", "query":
		b.warn(c.pos, "--bootproto=%s of network is read as dhcp", c.str("bootproto"))
	case "ibft":
		b.unsupported(c.pos, "--bootproto=ibft of network", "there is no iSCSI here; write the address with --bootproto=static")
	case "static":
		n.Method = "static"
	case "":
		if c.has("ip") {
			n.Method = "static"
		}
	}
	switch {
	case c.has("noipv4"):
		n.Method = ""
	case n.Method == "static" && !c.has("ip") && !c.has("netmask") && strings.Contains(c.str("ipv6"), ":"):
		n.Method = "" // as Anaconda reads --bootproto=static with an IPv6 address alone
	case n.Method == "static":
		n.Address = b.address(c)
	case c.has("ip") || c.has("netmask"):
		b.wrong(c, "--ip and --netmask go only with --bootproto=static")
	}
}

// address joins --ip and --netmask to "192.0.2.5/24".
func (b *builder) address(c *call) string {
	ip, err := netip.ParseAddr(c.str("ip"))
	if err != nil || !ip.Is4() {
		b.wrong(c, "--bootproto=static needs --ip=ADDRESS, like 192.0.2.5")
		return ""
	}
	mask := net.ParseIP(c.str("netmask")).To4()
	ones, bits := net.IPMask(mask).Size()
	if mask == nil || bits == 0 {
		b.wrong(c, "--bootproto=static needs --netmask=MASK, like 255.255.255.0")
		return ""
	}
	return netip.PrefixFrom(ip, ones).String()
}

// ipv6 reads how the interface gets its IPv6 address.
func (b *builder) ipv6(c *call, n *config.Network) {
	text := c.str("ipv6")
	switch {
	case c.has("noipv6") && (c.has("ipv6") || c.has("ipv6gateway")):
		b.wrong(c, "--noipv6 excludes --ipv6 and --ipv6gateway")
	case c.has("noipv6"):
		n.IPv6 = "off"
	case text == "" || text == "auto" || text == "dhcp":
		n.IPv6 = text
	default:
		n.IPv6 = b.address6(c, text)
	}
	if gw, err := netip.ParseAddr(n.Gateway6); n.Gateway6 != "" && (err != nil || !gw.Is6()) {
		b.wrong(c, "--ipv6gateway=%s is no IPv6 address", n.Gateway6)
	}
}

// address6 reads an address, whose network is of 64 bits when it doesn't say.
func (b *builder) address6(c *call, text string) string {
	if !strings.Contains(text, "/") {
		text += "/64"
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is6() || prefix.Addr().Is4In6() {
		b.wrong(c, "--ipv6 is auto, dhcp or an address like 2001:db8::5/64")
		return ""
	}
	return prefix.String()
}

func (b *builder) addresses(c *call, all []string) {
	for _, a := range all {
		if _, err := netip.ParseAddr(a); a != "" && err != nil {
			b.wrong(c, "%q is no IP address", a)
		}
	}
}

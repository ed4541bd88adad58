package kickstart

import (
	"net"
	"net/netip"
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
	n := config.Network{Device: c.str("device"), Method: "dhcp", Gateway: c.str("gateway"), Nameservers: c.items("nameserver"), OnBoot: true}
	if n.Device == "" {
		n.Device = anyDevice
	}
	if v, ok := c.values["onboot"]; ok {
		n.OnBoot = v.on
	}
	b.method(c, &n)
	b.ipv6(c)
	if !only(n.Device, ".:_-@/") || strings.HasPrefix(n.Device, "-") {
		b.wrong(c, "%q is no name of an interface", n.Device)
		return
	}
	b.addresses(c, append([]string{n.Gateway}, n.Nameservers...))
	b.answers.Network = append(b.answers.Network, n)
}

func (b *builder) hostname(c *call, name string) {
	if !only(name, ".-") || name == "" || len(name) > 253 || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") {
		b.wrong(c, "%q is no host name: letters, digits, - and dots", name)
		return
	}
	b.answers.Hostname = name
}

// method reads how the interface gets its IPv4 address.
func (b *builder) method(c *call, n *config.Network) {
	switch c.str("bootproto") {
	case "bootp", "query":
		b.warn(c.pos, "--bootproto=%s of network is read as dhcp", c.str("bootproto"))
	case "ibft":
		b.unsupported(c.pos, "--bootproto=ibft of network")
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

func (b *builder) ipv6(c *call) {
	switch c.str("ipv6") {
	case "", "auto":
	default:
		b.unsupported(c.pos, "--ipv6 of network with another value than auto")
	}
}

func (b *builder) addresses(c *call, all []string) {
	for _, a := range all {
		if _, err := netip.ParseAddr(a); a != "" && err != nil {
			b.wrong(c, "%q is no IP address", a)
		}
	}
}

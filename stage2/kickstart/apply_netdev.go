package kickstart

import (
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// made reads what is to be made of other interfaces: a bond, a bridge, a VLAN.
func (b *builder) made(c *call, n *config.Network) {
	n.Bond = b.ports(c, n.Device, "bondslaves", "bondopts")
	n.Bridge = b.ports(c, n.Device, "bridgeslaves", "bridgeopts")
	if n.Bond != nil && n.Bridge != nil {
		b.wrong(c, "--bondslaves and --bridgeslaves exclude each other: make the bond, and a bridge with it as a port")
	}
	if (n.Bond != nil || n.Bridge != nil) && (!c.has("device") || !interfaceName(n.Device)) {
		b.wrong(c, "a bond or a bridge needs --device=NAME, like bond0, of 15 characters at most")
	}
	switch {
	case c.has("vlanid"):
		n.VLAN = b.vlan(c)
		if !c.has("device") {
			b.wrong(c, "--vlanid needs --device=NAME: the interface that the VLAN is on")
		}
	case c.has("interfacename"):
		b.wrong(c, "--interfacename names a VLAN, and goes only with --vlanid")
	}
}

func (b *builder) vlan(c *call) *config.VLAN {
	id, err := strconv.Atoi(strings.TrimSpace(c.str("vlanid")))
	if err != nil || id < 1 || id > 4094 {
		b.wrong(c, "--vlanid must be between 1 and 4094")
		return nil
	}
	v := &config.VLAN{ID: id, Name: c.str("interfacename")}
	if c.has("interfacename") && !interfaceName(v.Name) {
		b.wrong(c, "%q is no name of an interface: 15 letters, digits, _, - and . at most", v.Name)
	}
	return v
}

// interfaceName checks a name that is given to an interface, by the kernel's dev_valid_name.
func interfaceName(name string) bool {
	return name != "" && len(name) <= 15 && only(name, "_.-") && strings.Trim(name, ".") != "" && !strings.HasPrefix(name, "-")
}

// ports reads the parts of a bond or a bridge, and its options.
func (b *builder) ports(c *call, device, slaves, options string) *config.Ports {
	p := &config.Ports{Devices: c.items(slaves), Options: portOptions(c.str(options))}
	if len(p.Devices) == 0 {
		if c.has(slaves) || c.has(options) {
			b.wrong(c, "--%s=PORT,PORT names the interfaces", slaves)
		}
		return nil
	}
	for i, d := range p.Devices {
		if !only(d, ".:_-") || strings.HasPrefix(d, "-") || slices.Contains(p.Devices[:i], d) {
			b.wrong(c, "%q can't be a port", d)
		}
		b.port(c, device, d)
	}
	for _, o := range p.Options {
		if key, val, ok := strings.Cut(o, "="); !ok || key == "" || val == "" || !only(key, "_-") || strings.ContainsAny(val, " \t;") {
			b.wrong(c, "--%s: %q is no option; one is mode=active-backup of a bond, stp=off of a bridge", options, o)
		}
	}
	return p
}

// port notes whose port an interface is. A bond may be named again, for another VLAN on it.
func (b *builder) port(c *call, device, name string) {
	key, mine := "port "+name, "network --device="+device
	if first, taken := b.refs.named[key]; taken && first.by != mine {
		b.wrong(c, "interface %s is already a port of %s", name, first)
	} else if !taken {
		b.refs.named[key] = origin{c.pos, mine}
	}
}

// portOptions are separated by commas, or by semicolons when one has a comma in it.
func portOptions(text string) []string {
	if !strings.Contains(text, ";") {
		return splitList(text)
	}
	var all []string
	for _, o := range strings.Split(text, ";") {
		if o = strings.TrimSpace(o); o != "" {
			all = append(all, o)
		}
	}
	return all
}

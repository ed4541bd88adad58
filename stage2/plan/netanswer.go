package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// network works out what the network is to be: as it is answered, or else as
// stage 1 brought it up.
func (b *builder) network() {
	if len(b.Answers.Network) > 0 {
		b.net = b.answeredNetwork()
	} else {
		b.takeNetwork()
	}
	b.plan.Network = describeNetwork(b.net)
	if t := b.plannedTarget(); t.kind != nothing {
		b.lacks = t.lacks(b.net)
		b.plan.Warnings = append(b.plan.Warnings, b.lacks...)
		if t.kind == ifupdown && len(b.Answers.Network) > 0 {
			b.clientless(t)
		}
	}
}

// answeredNetwork reads the answers. A port, a parent and a card can be said in
// several ways and in any order, so what is made comes first.
func (b *builder) answeredNetwork() netConfig {
	a := answered{b: b, at: map[string]int{}, lines: map[string]config.Network{}}
	for _, n := range b.Answers.Network {
		a.declare(n)
	}
	inner, outer := a.nested()
	for _, n := range append(inner, outer...) {
		a.fill(n)
	}
	a.belowOthers()
	a.checkAll()
	return a.config()
}

// nested are the answers apart from VLANs on what is neither a card nor made
// yet: these can only be VLANs on VLANs.
func (a *answered) nested() (inner, outer []config.Network) {
	for _, n := range a.b.Answers.Network {
		_, made := a.at[n.Device]
		if _, card := findNIC(n.Device, a.b.Machine.NICs); n.VLAN != nil && !made && !card {
			outer = append(outer, n)
		} else {
			inner = append(inner, n)
		}
	}
	return inner, outer
}

// answered are the interfaces of the answers.
type answered struct {
	b     *builder
	all   []netInterface
	at    map[string]int            // in all, by name
	lines map[string]config.Network // what is answered of an interface, by its name
}

func (a *answered) wrong(subject, format string, args ...any) {
	a.b.problems.Add(BadNetwork, "network --device="+cmp.Or(subject, "link"), format, args...)
}

func (a *answered) warn(subject, format string, args ...any) {
	a.b.plan.Warnings = append(a.b.plan.Warnings, "network --device="+cmp.Or(subject, "link")+": "+fmt.Sprintf(format, args...))
}

// declare notes the bond, the bridge or the VLAN that n makes.
func (a *answered) declare(n config.Network) {
	for _, made := range []struct {
		kind  string
		ports *config.Ports
	}{{"bond", n.Bond}, {"bridge", n.Bridge}} {
		if made.ports == nil {
			continue
		}
		if old, there := a.at[n.Device]; there {
			if n.VLAN == nil || a.all[old].Kind != made.kind || !slices.Equal(a.all[old].Ports, made.ports.Devices) {
				a.wrong(n.Device, "is made twice, of different parts")
			}
			continue
		}
		if len(made.ports.Devices) == 0 {
			a.wrong(n.Device, "a %s needs ports: --%[1]sslaves=PORT,PORT", made.kind)
		}
		if a.isName(n.Device, n.Device) {
			a.add(netInterface{Name: n.Device, Kind: made.kind, Ports: made.ports.Devices, Options: made.ports.Options, Manual: !n.OnBoot})
		}
	}
}

func (a *answered) add(i netInterface) {
	i.Answered = true
	a.at[i.Name] = len(a.all)
	a.all = append(a.all, i)
}

// isName reports whether name can be that of an interface that is made: by the
// kernel, ifupdown's patterns and systemd, which wants no mere number.
func (a *answered) isName(subject, name string) bool {
	reserved := slices.Contains([]string{"lo", "all", "default", "link", "bootif", "any"}, name)
	_, err := strconv.Atoi(name)
	if isInterfaceName(name) && !reserved && err != nil {
		return true
	}
	a.wrong(subject, "%q can't be the name of an interface: letters, digits, _, - and dots, at most 15, not digits alone and not a word like all", name)
	return false
}

// fill says what n says of its interface.
func (a *answered) fill(n config.Network) {
	if _, made := a.at[n.Device]; !made && (n.Bond != nil || n.Bridge != nil) {
		return // which has been told
	}
	name, ok := a.find(n.Device, n.Device)
	if !ok {
		return
	}
	below := name
	if n.VLAN != nil {
		if name, ok = a.addVLAN(n, below); !ok {
			return
		}
	}
	if _, twice := a.lines[name]; twice {
		a.wrong(n.Device, "%s is configured by another line as well; write one, or name the interface that each is about", name)
		return
	}
	a.lines[name] = n
	i := &a.all[a.at[name]]
	i.Manual, i.MTU = !n.OnBoot, n.MTU
	a.methods(n, i)
	a.names(n, i)
	a.card(n, i)
	if n.VLAN != nil && (n.Bond != nil || n.Bridge != nil) {
		made := &a.all[a.at[below]]
		made.MTU = max(made.MTU, n.MTU)
		made.Manual = made.Manual && !n.OnBoot
	}
}

func (a *answered) addVLAN(n config.Network, parent string) (string, bool) {
	name := cmp.Or(n.VLAN.Name, fmt.Sprintf("%s.%d", parent, n.VLAN.ID))
	switch _, taken := a.at[name]; {
	case !a.isName(n.Device, name):
		return "", false
	case taken:
		a.wrong(n.Device, "%s is the name of another interface", name)
		return "", false
	case n.VLAN.ID < 1 || n.VLAN.ID > 4094:
		a.wrong(n.Device, "--vlanid=%d: the number of a VLAN is between 1 and 4094", n.VLAN.ID)
	}
	a.add(netInterface{Name: name, Kind: "vlan", Parent: parent, VLAN: n.VLAN.ID})
	return name, true
}

// find is the interface that device means: one that is made, or a card, which
// it notes. Cards are called by the kernel here, and mostly otherwise by udev there.
func (a *answered) find(subject, device string) (string, bool) {
	if _, there := a.at[device]; there {
		return device, true
	}
	if device == "bootif" {
		opts, _ := bootargs.Parse(a.b.Handoff.CommandLine)
		if device = opts.BootIF; device == "" {
			a.wrong(subject, "bootif is the card that BOOTIF= on the boot line names, and it is not there")
			return "", false
		}
	}
	if nic, ok := findNIC(device, a.b.Machine.NICs); ok {
		if _, there := a.at[nic.Name]; !there {
			a.add(netInterface{Name: nic.Name, Kind: "ethernet", MAC: hardware(nic.MAC)})
		}
		return nic.Name, true
	}
	switch udev := regexp.MustCompile(`^(en|ib|sl|wl|ww)[a-z0-9]*[0-9][a-z0-9]*$`); {
	case device == "" || device == "link":
		if _, there := a.at["any"]; !there {
			a.add(netInterface{Name: "any", Kind: "ethernet", Any: true})
		}
		return "any", true
	case udev.MatchString(device) && len(device) <= 15:
		a.warn(subject, "this installer has no interface %s (it has %s); it is configured by that name, which udev may give it on the new system", device, a.cards())
		a.add(netInterface{Name: device, Kind: "ethernet"})
		return device, true
	}
	a.wrong(subject, "there is no interface %q; this machine has %s", device, a.cards())
	return "", false
}

func (a *answered) cards() string {
	var words []string
	for _, n := range a.b.Machine.NICs {
		words = append(words, strings.TrimSpace(n.Name+" "+n.MAC))
	}
	return cmp.Or(strings.Join(words, ", "), "no network card")
}

// findNIC is kickstart's --device: a name, an address, or "link" for the first
// one with a link; when none has one, for the first that a cable can be plugged into.
func findNIC(device string, nics []machine.Interface) (machine.Interface, bool) {
	for _, n := range nics {
		if mac := hardware(device); n.Name == device || mac != "" && hardware(n.MAC) == mac {
			return n, true
		}
	}
	if device != "link" && device != "" || len(nics) == 0 {
		return machine.Interface{}, false
	}
	for _, fits := range []func(machine.Interface) bool{
		func(n machine.Interface) bool { return n.Carrier },
		func(n machine.Interface) bool { return !n.Wireless && !strings.HasPrefix(n.Name, "wl") },
	} {
		if k := slices.IndexFunc(nics, fits); k >= 0 {
			return nics[k], true
		}
	}
	return nics[0], true
}

// methods are how i gets its addresses.
func (a *answered) methods(n config.Network, i *netInterface) {
	i.IPv4, i.IPv6, i.NoDefault, i.DHCPClass = n.Method, n.IPv6, n.NoDefaultRoute, n.DHCPClass
	switch n.Method {
	case "", "dhcp":
	case "static":
		a.address(n, i, n.Address, true)
	default:
		a.wrong(n.Device, "%q is not a way to get an address; use dhcp or static", n.Method)
	}
	switch n.IPv6 {
	case "":
		if n.Method == "" {
			i.IPv6 = "auto" // or it would have none
		}
	case "auto", "dhcp", "off":
	default:
		i.IPv6 = "static"
		a.address(n, i, n.IPv6, false)
	}
	if i.Any && i.hasStatic() {
		a.warn(n.Device, "this installer sees no network card; the address is given to whichever there is on the new system")
	}
	a.gateway(n, i, n.Gateway, true)
	a.gateway(n, i, n.Gateway6, false)
	if class := regexp.MustCompile(`^[A-Za-z0-9 _.,:;/@+()-]{1,255}$`); n.DHCPClass != "" && !class.MatchString(n.DHCPClass) {
		a.wrong(n.Device, "--dhcpclass=%q has signs that can't be written; use letters, digits, spaces and _.,:;/@+()-", n.DHCPClass)
	}
	if n.DHCPClass != "" && n.Method != "dhcp" {
		a.warn(n.Device, "--dhcpclass counts only with --bootproto=dhcp")
	}
}

// address adds one that is given, with its network's length.
func (a *answered) address(n config.Network, i *netInterface, text string, v4 bool) {
	p, err := netip.ParsePrefix(text)
	ip := p.Addr()
	like := map[bool]string{true: "192.0.2.5/24", false: "2001:db8::5/64"}[v4]
	switch {
	case err != nil || ip.Is4() != v4 || ip.Is4In6() || ip.Zone() != "":
		a.wrong(n.Device, "%q is not an address with a prefix length, as %s", text, like)
	case p.Bits() == 0 || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLoopback():
		a.wrong(n.Device, "%s can't be the address of an interface, as %s can", text, like)
	case v4 && p.Bits() < 31 && (ip == p.Masked().Addr() || !p.Contains(ip.Next())):
		a.wrong(n.Device, "%s is the network's own address or its broadcast address, not one of a machine", text)
	default:
		i.Addresses = append(i.Addresses, p)
	}
}

// gateway adds the one of a family that has a given address.
func (a *answered) gateway(n config.Network, i *netInterface, text string, v4 bool) {
	option, method := "--ipv6gateway", i.IPv6
	if v4 {
		option, method = "--gateway", i.IPv4
	}
	if text == "" {
		return
	}
	gw, err := netip.ParseAddr(text)
	switch {
	case err != nil || gw.Is4() != v4 || gw.Is4In6() || gw.IsUnspecified() || gw.IsMulticast():
		a.wrong(n.Device, "%s=%s is not an address of IPv%d", option, text, map[bool]int{true: 4, false: 6}[v4])
	case method != "static":
		a.warn(n.Device, "%s counts only where an address is given, and is left out", option)
	case n.NoDefaultRoute:
		a.warn(n.Device, "%s has no use with --nodefroute, and is left out", option)
	case slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == gw }):
		a.wrong(n.Device, "%s=%s is the interface's own address", option, text)
	default:
		if outside(i.Addresses, gw) && len(i.Addresses) > 0 {
			a.warn(n.Device, "the gateway %s is in no network of the interface; it is taken to be on the same link", gw)
		}
		i.Gateways = append(i.Gateways, gw.WithZone(""))
	}
}

// names are the name servers and domains of i.
func (a *answered) names(n config.Network, i *netInterface) {
	for _, text := range n.Nameservers {
		ip, err := netip.ParseAddr(text)
		switch {
		case err != nil || ip.IsUnspecified() || ip.IsMulticast():
			a.wrong(n.Device, "%q is not an address of a name server", text)
		case slices.Contains(i.DNS, ip):
			a.wrong(n.Device, "the name server %s is there twice", ip)
		default:
			i.DNS = append(i.DNS, ip.WithZone(""))
		}
	}
	if n.NoDNS && len(n.Nameservers) > 0 {
		a.wrong(n.Device, "--nodns and --nameserver exclude each other")
	}
	if i.Search = domains(n.Search); len(i.Search) != len(n.Search) {
		a.wrong(n.Device, "%q are not domains to look names up in", strings.Join(n.Search, ","))
	}
	i.NoDNS4, i.NoDNS6 = n.NoDNS || n.IgnoreAutoDNS, n.NoDNS || n.IgnoreAutoDNS6
	i.AutoSearch = i.told()
}

// card is what only a card has.
func (a *answered) card(n config.Network, i *netInterface) {
	real := i.Kind == "ethernet" && i.MAC != ""
	if n.Ethtool != "" {
		lines, wrong := linkSettings(n.Ethtool)
		for _, w := range wrong {
			a.wrong(n.Device, "%s", w)
		}
		if i.Link = lines; !real {
			a.wrong(n.Device, "--ethtool is for a card, and of those only for one that this machine has: it is known by its address")
		}
	}
	if n.ForceMAC && !real && n.Bond == nil && n.Bridge == nil {
		a.wrong(n.Device, "--bindto=mac: the address of %s is not known; only cards that this machine has can be bound to", i.Name)
	}
	switch {
	case n.MTU != 0 && (n.MTU < 68 || n.MTU > 65535):
		a.wrong(n.Device, "--mtu=%d: it is between 68 and 65535", n.MTU)
	case n.MTU != 0 && n.MTU < 1280 && i.IPv6 != "off":
		a.warn(n.Device, "an MTU of %d is too small for IPv6, which then does not work there (RFC 8200, section 5); write --noipv6", n.MTU)
	}
}

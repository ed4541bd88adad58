package plan

import (
	"net/netip"
	"slices"

	"github.com/molt-installer/molt/internal/handoff"
)

// netConfig is what the network of the new system is to be: as it was answered,
// or else as stage 1 brought it up. Whatever is written for one of ifupdown,
// NetworkManager and systemd-networkd is written from this alone.
type netConfig struct {
	Interfaces []netInterface // what another stands on comes first
	DNS        []netip.Addr   // of all interfaces, for resolv.conf(5)
	Search     []string
}

// netInterface is one of them.
type netInterface struct {
	Name     string
	Kind     string   // "ethernet", "bond", "bridge", "vlan"
	Answered bool     // by name, which is then to stay
	Any      bool     // whichever cards there will be: this machine shows none
	MAC      string   // of the card itself, by which it is known when its name is another there
	SetMAC   string   // to be set instead
	Parent   string   // of a VLAN
	VLAN     int      // its id
	Master   string   // the bond or bridge that this is a port of
	Ports    []string // of a bond or bridge
	Options  []string // of a bond or bridge, in the words of bondTable and bridgeTable
	MTU      int      // 0: the kernel's own
	Link     []string // what ethtool(8) would set, as lines of systemd.link(5)
	Manual   bool     // a person brings it up, not the start of the system

	IPv4       string // "dhcp", "static", "link-local"; empty: none
	IPv6       string // "auto", "either", "dhcp", "static", "link-local", "off"; empty: the system's default
	Addresses  []netip.Prefix
	Gateways   []netip.Addr // one of each family at most
	Routes     []handoff.Route
	DNS        []netip.Addr // to be set, besides those that DHCP and routers tell
	Search     []string     // likewise
	AutoSearch bool         // domains are taken from DHCP and routers as well
	NoDNS4     bool         // name servers are not taken from DHCP
	NoDNS6     bool         // nor from DHCPv6 and routers
	NoDefault  bool         // it never has the default route
	DHCPClass  string       // the vendor class that DHCP is asked with
}

// given is what is to be set of one family; nothing when it comes by DHCP or
// router advertisements.
type given struct {
	addresses []netip.Prefix
	gateway   netip.Addr
	onlink    bool // the gateway is outside of the addresses' networks
}

func static(i netInterface, v4 bool) given {
	var g given
	if method := map[bool]string{true: i.IPv4, false: i.IPv6}[v4]; method != "static" {
		return g
	}
	for _, p := range i.Addresses {
		if p.Addr().Is4() == v4 {
			g.addresses = append(g.addresses, p)
		}
	}
	for _, a := range i.Gateways {
		if a.Is4() == v4 {
			g.gateway, g.onlink = a, outside(i.Addresses, a)
		}
	}
	return g
}

// outside reports whether a can't be reached by these addresses.
func outside(addresses []netip.Prefix, a netip.Addr) bool {
	return !(a.Is6() && a.IsLinkLocalUnicast()) && !slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Contains(a) })
}

// told reports whether addresses of either family come from elsewhere.
func (i netInterface) told() bool {
	own := []string{"", "static", "link-local", "off"}
	return !slices.Contains(own, i.IPv4) || !slices.Contains(own, i.IPv6)
}

// hasStatic reports whether an address of either family is given.
func (i netInterface) hasStatic() bool { return i.IPv4 == "static" || i.IPv6 == "static" }

// idle reports whether the interface gets no address at all.
func (i netInterface) idle() bool { return i.IPv4 == "" && i.IPv6 == "" }

// above are the VLANs on i.
func (n netConfig) above(i netInterface) []netInterface {
	return slices.DeleteFunc(slices.Clone(n.Interfaces), func(o netInterface) bool { return o.Kind != "vlan" || o.Parent != i.Name })
}

// named is the interface of that name; the zero value if there is none.
func (n netConfig) named(name string) netInterface {
	for _, o := range n.Interfaces {
		if name != "" && o.Name == name {
			return o
		}
	}
	return netInterface{}
}

// master is the bond or bridge that i is a port of.
func (n netConfig) master(i netInterface) netInterface { return n.named(i.Master) }

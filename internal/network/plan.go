package network

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/molt-installer/molt/internal/bootargs"
)

// Link is a network interface that is there.
type Link struct {
	Name    string
	MAC     string // of the card itself
	Kind    string // empty for a card; "bond", "bridge", "vlan", …
	Carrier bool
	Master  bool // it is a port of something
}

// Plan is what is to be set up. It can be made again when interfaces have come,
// and then only has more in it.
type Plan struct {
	Off        bool             `json:"off,omitempty"` // ip=off: no network at all
	Renames    []Rename         `json:"renames,omitempty"`
	Devices    []Device         `json:"devices,omitempty"` // to make; what another stands on comes first
	Interfaces []Interface      `json:"interfaces,omitempty"`
	Routes     []bootargs.Route `json:"routes,omitempty"`
	DNS        []netip.Addr     `json:"dns,omitempty"` // before what interfaces bring
	Hostname   string           `json:"hostname,omitempty"`
	Missing    []string         `json:"missing,omitempty"`  // interfaces that the options name and that are not there
	Problems   []string         `json:"problems,omitempty"` // options that can't be followed
}

// Rename gives a card another name.
type Rename struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Device is a bond, a bridge or a VLAN.
type Device struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Parent  string   `json:"parent,omitempty"`  // of a VLAN
	ID      int      `json:"id,omitempty"`      // of a VLAN
	Ports   []string `json:"ports,omitempty"`   // those that are there
	Options []string `json:"options,omitempty"` // of a bond
	MTU     int      `json:"mtu,omitempty"`
}

// Method is how an interface gets its addresses of one family. Empty: not at all.
type Method string

// The methods.
const (
	DHCP      Method = "dhcp"
	Static    Method = "static"
	Auto      Method = "auto"   // router advertisements, and DHCPv6 if they say so
	Either    Method = "either" // Auto, and DHCPv6 if that brings no address
	LinkLocal Method = "link-local"
)

// Interface is one that gets addresses.
type Interface struct {
	Name   string       `json:"name"`
	IPv4   Method       `json:"ipv4,omitempty"`
	IPv6   Method       `json:"ipv6,omitempty"`
	Static []Address    `json:"static,omitempty"`
	DNS    []netip.Addr `json:"dns,omitempty"`
	MTU    int          `json:"mtu,omitempty"`
	MAC    string       `json:"mac,omitempty"` // to set
	Any    bool         `json:"any,omitempty"` // no option names it: the first usable one of these wins
}

// Address is one that is given.
type Address struct {
	Prefix  netip.Prefix `json:"prefix"`
	Peer    netip.Addr   `json:"peer,omitzero"`
	Gateway netip.Addr   `json:"gateway,omitzero"` // can be outside of Prefix
}

// Build makes the plan for the options on a machine with these links, which are
// in the order of the kernel's index.
func Build(o bootargs.Options, links []Link) Plan {
	b := builder{opts: o, links: slices.Clone(links)}
	b.plan.Routes, b.plan.DNS = o.Routes, o.Nameservers
	b.rename()
	b.devices()
	b.interfaces()
	slices.Sort(b.plan.Missing)
	b.plan.Missing = slices.Compact(b.plan.Missing)
	return b.plan
}

type builder struct {
	opts  bootargs.Options
	links []Link
	plan  Plan
}

// rename follows ifname=.
func (b *builder) rename() {
	for _, n := range b.opts.Names {
		i := slices.IndexFunc(b.links, func(l Link) bool { return l.Kind == "" && l.MAC == n.MAC })
		switch {
		case i < 0:
			b.plan.Missing = append(b.plan.Missing, n.Name+" ("+n.MAC+")")
		case b.links[i].Name != n.Name:
			b.plan.Renames = append(b.plan.Renames, Rename{b.links[i].Name, n.Name})
			b.links[i].Name = n.Name
		}
	}
}

// there reports whether the interface is there or will be made.
func (b *builder) there(name string) bool {
	return slices.ContainsFunc(b.links, func(l Link) bool { return l.Name == name }) ||
		slices.ContainsFunc(b.plan.Devices, func(d Device) bool { return d.Name == name })
}

// interfaces follows ip= and BOOTIF=.
func (b *builder) interfaces() {
	var any *Interface
	off := false
	for _, ip := range b.opts.IP {
		b.plan.Hostname = cmp.Or(b.plan.Hostname, ip.Hostname)
		if ip.Method == "ibft" {
			b.plan.Problems = append(b.plan.Problems, "ip=ibft: the firmware's iBFT is not read; say ip=dhcp or the addresses")
			continue
		}
		if ip.Interface == "" && !ip.Address.IsValid() && (ip.Method == "off" || ip.Method == "none") {
			off = true
			continue
		}
		if ip.Interface == "" {
			any = merge(any, ip)
			continue
		}
		b.named(ip)
	}
	b.plan.Off = off && any == nil && len(b.plan.Interfaces) == 0
	// An interface that is named and not there may still come: no other is taken for it.
	named := slices.ContainsFunc(b.opts.IP, func(ip bootargs.IP) bool {
		v4, v6 := methods(ip.Method)
		return ip.Interface != "" && (v4 != "" || v6 != "" || ip.Address.IsValid())
	})
	if any == nil && !off && !named {
		any = &Interface{IPv4: DHCP, IPv6: Auto}
	}
	if any != nil {
		b.others(*any)
	}
}

// named adds an ip= with an interface.
func (b *builder) named(ip bootargs.IP) {
	i := slices.IndexFunc(b.plan.Interfaces, func(i Interface) bool { return i.Name == ip.Interface })
	if i >= 0 {
		b.plan.Interfaces[i] = *merge(&b.plan.Interfaces[i], ip)
		return
	}
	if !b.there(ip.Interface) {
		if slices.ContainsFunc(b.opts.Names, func(n bootargs.IfName) bool { return n.Name == ip.Interface }) {
			return // said already, with its MAC address
		}
		b.plan.Missing = append(b.plan.Missing, ip.Interface)
		return
	}
	b.plan.Interfaces = append(b.plan.Interfaces, *merge(&Interface{Name: ip.Interface}, ip))
}

// others adds like for all interfaces that it may mean.
func (b *builder) others(like Interface) {
	names := b.candidates()
	like.Any = len(names) != 1 || b.opts.BootIF == "" && len(b.plan.Devices) == 0
	for _, name := range names {
		if !slices.ContainsFunc(b.plan.Interfaces, func(i Interface) bool { return i.Name == name }) {
			like.Name = name
			b.plan.Interfaces = append(b.plan.Interfaces, like)
		}
	}
}

// candidates are the interfaces an option without a name can mean: the card
// that was booted from; or what was asked to be made; or all cards.
func (b *builder) candidates() []string {
	var cards []string
	for _, l := range b.links {
		if l.Kind == "" && !l.Master && (b.opts.BootIF == "" || l.MAC == b.opts.BootIF) {
			cards = append(cards, l.Name)
		}
	}
	if b.opts.BootIF != "" && !slices.ContainsFunc(b.links, func(l Link) bool { return l.MAC == b.opts.BootIF }) {
		b.plan.Missing = append(b.plan.Missing, "BOOTIF ("+b.opts.BootIF+")")
	}
	if len(b.asked()) > 0 {
		return b.tops()
	}
	return cards
}

// merge adds what ip says to i; nil is an interface of which nothing is known.
func merge(i *Interface, ip bootargs.IP) *Interface {
	if i == nil {
		i = &Interface{}
	}
	v4, v6 := methods(ip.Method)
	i.IPv4, i.IPv6 = cmp.Or(v4, i.IPv4), cmp.Or(v6, i.IPv6)
	i.MTU, i.MAC = cmp.Or(ip.MTU, i.MTU), cmp.Or(ip.MAC, i.MAC)
	i.DNS = append(i.DNS, ip.DNS...)
	if ip.Address.IsValid() {
		i.Static = append(i.Static, Address{ip.Address, ip.Peer, ip.Gateway})
		if ip.Address.Addr().Is4() {
			i.IPv4 = cmp.Or(i.IPv4, Static)
		} else {
			i.IPv6 = cmp.Or(i.IPv6, Static)
		}
	}
	return i
}

// methods are what an ip= method means for IPv4 and IPv6.
func methods(name string) (v4, v6 Method) {
	switch name {
	case "dhcp", "single-dhcp":
		return DHCP, ""
	case "on", "any":
		return DHCP, Auto
	case "dhcp6":
		return "", DHCP
	case "auto6":
		return "", Auto
	case "either6":
		return "", Either
	case "link6":
		return "", LinkLocal
	case "link-local":
		return LinkLocal, ""
	}
	return "", ""
}

package handoff

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// ResolvConfPath is the file with the name servers, in the form of resolv.conf(5).
// /etc/resolv.conf is a link to it in stage 1's root and in stage 2's, so that
// what a renewed lease brings is seen by both.
const ResolvConfPath = "/run/molt/resolv.conf"

// Network is how the network was brought up: what worked, in enough detail to
// set it up again on the installed system.
type Network struct {
	Interfaces []Interface  `json:"interfaces"`         // those it took; what another stands on comes first
	Hostname   string       `json:"hostname,omitempty"` // as given by ip=, or else by DHCP
	DNS        []netip.Addr `json:"dns,omitempty"`      // of all interfaces, as in ResolvConfPath
	Search     []string     `json:"search,omitempty"`   // domains to look names up in
	Routes     []Route      `json:"routes,omitempty"`   // rd.route=, besides those of interfaces
}

// Cards are the headers that name the network cards to a server, those in use first, as
// Anaconda sends them with inst.ks.sendmac for a kickstart and what that includes.
func (n *Network) Cards() http.Header {
	h := http.Header{}
	if n == nil {
		return h
	}
	list := slices.Clone(n.Interfaces)
	slices.SortStableFunc(list, func(a, b Interface) int {
		switch {
		case a.Usable == b.Usable:
			return 0
		case a.Usable:
			return -1
		}
		return 1
	})
	i := 0
	for _, card := range list {
		if card.MAC != "" {
			h.Set(fmt.Sprintf("X-RHN-Provisioning-MAC-%d", i), card.Name+" "+card.MAC)
			i++
		}
	}
	return h
}

// Interface is one of them.
type Interface struct {
	Name    string   `json:"name"`
	MAC     string   `json:"mac,omitempty"`     // of the card itself, also when another is set
	SetMAC  string   `json:"set_mac,omitempty"` // the one that was asked for instead
	Kind    string   `json:"kind"`              // "ethernet", "bond", "bridge", "vlan"
	Parent  string   `json:"parent,omitempty"`  // of a VLAN
	VLAN    int      `json:"vlan,omitempty"`    // its id
	Master  string   `json:"master,omitempty"`  // the bond or bridge that this is a port of
	Ports   []string `json:"ports,omitempty"`   // of a bond or bridge
	Options []string `json:"options,omitempty"` // of a bond: "mode=active-backup"
	MTU     int      `json:"mtu,omitempty"`     // 0: the kernel's own

	IPv4      string         `json:"ipv4,omitempty"` // "dhcp", "static", "link-local"; empty: none
	IPv6      string         `json:"ipv6,omitempty"` // "auto", "either", "dhcp", "static", "link-local"; empty: none
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Gateways  []netip.Addr   `json:"gateways,omitempty"` // one of each family at most
	DNS       []netip.Addr   `json:"dns,omitempty"`
	Search    []string       `json:"search,omitempty"`
	Usable    bool           `json:"usable,omitempty"` // the source was reached while this had the default route
}

// Route is one more route.
type Route struct {
	To        netip.Prefix `json:"to"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	Interface string       `json:"interface,omitempty"`
}

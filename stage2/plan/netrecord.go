package plan

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
)

// takeNetwork takes over what stage 1 brought up. Names can come from a DHCP server, which nobody has to
// trust, and end up in files and command lines: what isn't one is left out.
func (b *builder) takeNetwork() {
	n := b.Handoff.Network
	if n == nil {
		return
	}
	for _, i := range n.Interfaces {
		if !isInterfaceName(i.Name) {
			b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf("the new system's network is not configured: %q can't be the name of an interface there", i.Name))
			return
		}
	}
	kept := *n
	var left []string
	kept.Interfaces, left = worked(n.Interfaces)
	for _, name := range left {
		b.plan.Warnings = append(b.plan.Warnings, name+" got no address, so it is not configured on the new system")
	}
	kept.DNS, kept.Search = withoutZones(n.DNS), domains(n.Search)
	b.net = recordedNetwork(kept)
}

// KnownHostname is the name that stage 1 was given for the machine, or DHCP
// told; empty if there is none that can be one.
func KnownHostname(r handoff.Record) string {
	if r.Network == nil || !config.IsHostname(r.Network.Hostname) || r.Network.Hostname == "localhost" {
		return ""
	}
	return r.Network.Hostname
}

// worked are the interfaces that have got addresses, and those that stand below
// or above one; left are the others.
func worked(all []handoff.Interface) (kept []handoff.Interface, left []string) {
	keep := map[string]bool{}
	for _, i := range all {
		keep[i.Name] = i.Usable || len(i.Addresses) > 0
	}
	for range all { // as far as one can stand from another
		for _, i := range all {
			for _, other := range append([]string{i.Parent, i.Master}, i.Ports...) {
				if _, there := keep[other]; there && keep[i.Name] != keep[other] {
					keep[i.Name], keep[other] = true, true
				}
			}
		}
	}
	for _, i := range all {
		if keep[i.Name] {
			kept = append(kept, cleaned(i, keep))
		} else {
			left = append(left, i.Name)
		}
	}
	return kept, left
}

// cleaned is i without what is not there or can't be written.
func cleaned(i handoff.Interface, there map[string]bool) handoff.Interface {
	i.MAC, i.SetMAC = hardware(i.MAC), hardware(i.SetMAC)
	i.Ports = slices.DeleteFunc(slices.Clone(i.Ports), func(p string) bool { return !there[p] })
	i.Options = bondOptions(i.Options)
	i.Gateways, i.DNS, i.Search = withoutZones(i.Gateways), withoutZones(i.DNS), domains(i.Search)
	return i
}

// hardware is an address in the spelling of the kernel; empty if it is none.
func hardware(s string) string {
	mac, err := net.ParseMAC(s)
	if err != nil {
		return ""
	}
	return mac.String()
}

func withoutZones(list []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, a.WithZone(""))
	}
	return out
}

func isInterfaceName(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`).MatchString(name)
}

// domains are those of names that are ones.
func domains(names []string) []string {
	var out []string
	for _, n := range names {
		if n = strings.TrimSuffix(n, "."); regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`).MatchString(n) {
			out = append(out, n)
		}
	}
	return out
}

// recordedNetwork is what is to be written of a record. What DHCP told is left
// to DHCP.
func recordedNetwork(n handoff.Network) netConfig {
	c := netConfig{DNS: n.DNS, Search: n.Search}
	for _, i := range n.Interfaces {
		to := netInterface{
			Name: i.Name, Kind: i.Kind, MAC: i.MAC, SetMAC: i.SetMAC, Parent: i.Parent, VLAN: i.VLAN, Master: i.Master, Ports: i.Ports,
			Options: i.Options, MTU: i.MTU, IPv4: i.IPv4, IPv6: i.IPv6, Addresses: i.Addresses, Gateways: i.Gateways,
			Routes: recordedRoutes(n, i), DNS: recordedServers(n, i), AutoSearch: len(i.Search) > 0,
		}
		if to.hasStatic() {
			to.Search = i.Search
		}
		c.Interfaces = append(c.Interfaces, to)
	}
	return c
}

// recordedServers are the name servers to set for an interface: those of one
// with given addresses, and with the usable one those that no interface brought
// (nameserver=).
func recordedServers(n handoff.Network, i handoff.Interface) []netip.Addr {
	var out []netip.Addr
	if i.IPv4 == "static" || i.IPv6 == "static" {
		out = append(out, i.DNS...)
	}
	if i.Name != chosen(n).Name {
		return out
	}
	for _, a := range n.DNS {
		told := func(i handoff.Interface) bool { return slices.Contains(i.DNS, a) }
		if !slices.ContainsFunc(n.Interfaces, told) {
			out = append(out, a)
		}
	}
	return out
}

// chosen is the interface that the source was reached by.
func chosen(n handoff.Network) handoff.Interface {
	if u := slices.IndexFunc(n.Interfaces, func(i handoff.Interface) bool { return i.Usable }); u >= 0 {
		return n.Interfaces[u]
	}
	return n.Interfaces[len(n.Interfaces)-1]
}

// recordedRoutes are those over i: as named, or by whom the gateway is reached.
func recordedRoutes(n handoff.Network, i handoff.Interface) []handoff.Route {
	var out []handoff.Route
	for _, r := range n.Routes {
		over := r.Interface
		for _, other := range n.Interfaces {
			if over == "" && r.Gateway.IsValid() && !(r.Gateway.Is6() && r.Gateway.IsLinkLocalUnicast()) && !outside(other.Addresses, r.Gateway) {
				over = other.Name
			}
		}
		if cmp.Or(over, chosen(n).Name) == i.Name {
			out = append(out, r)
		}
	}
	return out
}

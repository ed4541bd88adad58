package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// takeNetwork takes over what stage 1 brought up, unless the answers say what
// the network is to be. Names can come from a DHCP server, which nobody has to
// trust, and end up in files and command lines: what isn't one is left out.
func (b *builder) takeNetwork() {
	n := b.Handoff.Network
	if n == nil {
		return
	}
	b.brought.Hostname = KnownHostname(b.Handoff)
	if len(b.Answers.Network) > 0 {
		return
	}
	for _, i := range n.Interfaces {
		if !isInterfaceName(i.Name) {
			b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf("the new system's network is not configured: %q can't be the name of an interface there", i.Name))
			return
		}
	}
	var left []string
	b.brought.Interfaces, left = worked(n.Interfaces)
	for _, name := range left {
		b.plan.Warnings = append(b.plan.Warnings, name+" got no address, so it is not configured on the new system")
	}
	b.brought.DNS, b.brought.Search = withoutZones(n.DNS), domains(n.Search)
	b.brought.Routes = n.Routes
	b.plan.Network = describeNetwork(b.brought)
}

// KnownHostname is the name that stage 1 was given for the machine, or DHCP
// told; empty if there is none that can be one.
func KnownHostname(r handoff.Record) string {
	if r.Network == nil || !isHostname(r.Network.Hostname) || r.Network.Hostname == "localhost" {
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
	hardware := func(s string) string {
		mac, err := net.ParseMAC(s)
		if err != nil {
			return ""
		}
		return mac.String()
	}
	i.MAC, i.SetMAC = hardware(i.MAC), hardware(i.SetMAC)
	i.Ports = slices.DeleteFunc(slices.Clone(i.Ports), func(p string) bool { return !there[p] })
	i.Options = bondOptions(i.Options)
	i.Gateways, i.DNS, i.Search = withoutZones(i.Gateways), withoutZones(i.DNS), domains(i.Search)
	return i
}

func withoutZones(list []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, a.WithZone(""))
	}
	return out
}

// isHostname follows RFC 1123.
func isHostname(name string) bool {
	label := `[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
	return len(name) <= 64 && regexp.MustCompile(`^`+label+`(\.`+label+`)*$`).MatchString(name)
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

// broughtUp configures the new system's network as stage 1 brought it up, for
// whichever of ifupdown and systemd-networkd the target has.
type broughtUp struct {
	base
	net handoff.Network
}

func (s broughtUp) Run(ctx context.Context, env *Env) error {
	var files []etcFile
	switch {
	case hasProgram(env, "ifup"):
		c := dhcpClients{dhcpcd: hasProgram(env, "dhcpcd"), dhclient: hasProgram(env, "dhclient"), udhcpc: hasProgram(env, "udhcpc")}
		for _, w := range c.lacks(s.net) {
			warn(env, w)
		}
		files = append(linkFiles(undotted(s.net)), etcFile{"network/interfaces", interfacesFile(s.net, c)})
		if text := ownServers(s.net); c.dhcpcd && text != "" {
			files = append(files, etcFile{"resolv.conf.head", text}) // dhcpcd writes resolv.conf anew, and this at its beginning
		}
	case hasNetworkd(env):
		for _, w := range networkdLacks(s.net) {
			warn(env, w)
		}
		files = append(linkFiles(s.net), networkdFiles(s.net)...)
		enableNetworkd(ctx, env)
	default:
		warn(env, noNetwork)
		return nil
	}
	if text := resolvConf(s.net); text != "" && !exists(env, Target+"/usr/lib/systemd/systemd-resolved") {
		files = append(files, etcFile{"resolv.conf", text})
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, etc(env, f.name, f.text))
	}
	return errors.Join(errs...)
}

// etcFile is a file below /etc.
type etcFile struct{ name, text string }

// resolvConf is resolv.conf(5), for where nothing on the new system writes it,
// and until something does.
func resolvConf(n handoff.Network) string {
	var b strings.Builder
	if len(n.Search) > 0 {
		b.WriteString("search " + strings.Join(n.Search, " ") + "\n")
	}
	for _, a := range n.DNS {
		b.WriteString("nameserver " + a.String() + "\n")
	}
	return b.String()
}

// ownServers are the name servers of resolv.conf(5) that DHCP doesn't tell, if
// anything comes by DHCP at all.
func ownServers(n handoff.Network) string {
	var b strings.Builder
	dynamic := false
	for _, i := range n.Interfaces {
		dynamic = dynamic || !slices.Contains([]string{"", "static", "link-local"}, i.IPv4) || !slices.Contains([]string{"", "static", "link-local"}, i.IPv6)
		for _, a := range servers(n, i) {
			b.WriteString("nameserver " + a.String() + "\n")
		}
	}
	if !dynamic {
		return ""
	}
	return b.String()
}

// linkFiles are systemd.link(5), which udev goes by whatever sets the network
// up: it would give bonds and bridges an address of its own instead of a card's,
// and a DHCP server would not know them again.
func linkFiles(n handoff.Network) []etcFile {
	var files []etcFile
	for _, i := range n.Interfaces {
		if i.Kind == "bond" || i.Kind == "bridge" {
			files = append(files, etcFile{networkdName(i.Name, "link"), "[Match]\nOriginalName=" + i.Name + "\n\n[Link]\nMACAddressPolicy=none\n"})
		}
	}
	return files
}

// given is what is to be set of one family; nothing when it comes by DHCP or
// router advertisements.
type given struct {
	addresses []netip.Prefix
	gateway   netip.Addr
	onlink    bool // the gateway is outside of the addresses' networks
}

func static(i handoff.Interface, v4 bool) given {
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
			g.gateway, g.onlink = a, outside(i, a)
		}
	}
	return g
}

// outside reports whether a can't be reached by the interface's addresses.
func outside(i handoff.Interface, a netip.Addr) bool {
	return !(a.Is6() && a.IsLinkLocalUnicast()) && !slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
}

// servers are the name servers to set for each interface: those of one with
// given addresses, and with the usable one those that no interface brought
// (nameserver=). What DHCP told is left to DHCP.
func servers(n handoff.Network, i handoff.Interface) []netip.Addr {
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

// routes are those over i: as named, or by whom the gateway is reached.
func routes(n handoff.Network, i handoff.Interface) []handoff.Route {
	var out []handoff.Route
	for _, r := range n.Routes {
		over := r.Interface
		for _, other := range n.Interfaces {
			if over == "" && r.Gateway.IsValid() && !(r.Gateway.Is6() && r.Gateway.IsLinkLocalUnicast()) && !outside(other, r.Gateway) {
				over = other.Name
			}
		}
		if cmp.Or(over, chosen(n).Name) == i.Name {
			out = append(out, r)
		}
	}
	return out
}

// above are the VLANs on i.
func above(n handoff.Network, i handoff.Interface) []handoff.Interface {
	return slices.DeleteFunc(slices.Clone(n.Interfaces), func(o handoff.Interface) bool { return o.Kind != "vlan" || o.Parent != i.Name })
}

// master is the bond or bridge that i is a port of.
func master(n handoff.Network, i handoff.Interface) handoff.Interface {
	for _, o := range n.Interfaces {
		if i.Master != "" && o.Name == i.Master {
			return o
		}
	}
	return handoff.Interface{}
}

package plan

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// belowOthers finds the ports of bonds and bridges, which needn't have a line of
// their own, and puts options into one spelling.
func (a *answered) belowOthers() {
	for k := 0; k < len(a.all); k++ { // it grows by the cards that are ports
		i := a.all[k]
		if i.Kind != "bond" && i.Kind != "bridge" {
			continue
		}
		var ports []string
		for _, p := range i.Ports {
			name, ok := a.find(i.Name, p)
			switch {
			case !ok:
				continue
			case slices.Contains(ports, name):
				a.wrong(i.Name, "the port %s is there twice", name)
				continue
			}
			ports = append(ports, name)
			a.port(&a.all[a.at[name]], i)
		}
		a.all[k].Ports = ports
		a.all[k].Options = a.options(i, ports)
	}
	for k := range a.all {
		a.all[k].Manual = a.manual(a.all[k], 0)
	}
}

// port makes p a port of i.
func (a *answered) port(p *netInterface, i netInterface) {
	line, has := a.lines[p.Name]
	switch {
	case p.Name == i.Name:
		a.wrong(i.Name, "it can't be a port of itself")
		return
	case p.Master != "" && p.Master != i.Name:
		a.wrong(i.Name, "%s is already a port of %s", p.Name, p.Master)
		return
	case p.Any:
		a.wrong(i.Name, "a port has to be named: link is none, on a machine without a network card")
		return
	case p.Kind == "bridge", p.Kind == "bond" && i.Kind == "bond":
		a.wrong(i.Name, "the %s %s can't be a port of a %s", p.Kind, p.Name, i.Kind)
		return
	case a.bound(i.Name) && p.Kind == "ethernet" && p.MAC == "":
		a.wrong(i.Name, "--bindto=mac: the address of %s is not known; only cards that this machine has can be bound to", p.Name)
		return
	case has && (line.Method != "" || line.IPv6 != "" && line.IPv6 != "off"):
		a.wrong(i.Name, "its port %s is also given an address (--bootproto=%s --ipv6=%s): write --noipv4 --noipv6 for it, or leave its line out", p.Name, line.Method, line.IPv6)
		return
	}
	p.Master, p.IPv4, p.IPv6, p.AutoSearch = i.Name, "", "", false
}

// bound reports whether --bindto=mac is said of a bond or bridge.
func (a *answered) bound(name string) bool {
	return slices.ContainsFunc(a.b.Answers.Network, func(n config.Network) bool { return n.Device == name && n.ForceMAC })
}

// options are those of i in one spelling.
func (a *answered) options(i netInterface, ports []string) []string {
	if i.Kind == "bridge" {
		options, wrong := bridgeOptions(i.Options)
		for _, w := range wrong {
			a.wrong(i.Name, "%s", w)
		}
		return options
	}
	options := bondOptions(i.Options)
	for _, w := range bondWrongs(i.Options, options) {
		a.wrong(i.Name, "%s", w)
	}
	if primary := option(options, "primary"); primary != "" {
		name, ok := a.find(i.Name, primary)
		if ok && !slices.Contains(ports, name) {
			a.wrong(i.Name, "its primary port %s is not among its ports %s", primary, strings.Join(ports, ", "))
		}
		options[slices.Index(options, "primary="+primary)] = "primary=" + name
	}
	return watched(options)
}

// manual reports whether a person brings i up. An interface of which no line
// says so goes with those that stand on it.
func (a *answered) manual(i netInterface, depth int) bool {
	if _, said := a.lines[i.Name]; said && i.Master == "" || depth > len(a.all) {
		return i.Manual
	}
	if m, there := a.at[i.Master]; there {
		return a.manual(a.all[m], depth+1)
	}
	above := netConfig{Interfaces: a.all}.above(i)
	if len(above) == 0 {
		return i.Manual
	}
	return !slices.ContainsFunc(above, func(v netInterface) bool { return !a.manual(v, depth+1) })
}

// checkAll is what interfaces say of each other.
func (a *answered) checkAll() {
	n := netConfig{Interfaces: a.all}
	owner := map[netip.Addr]string{}
	vlans := map[string]string{}
	for _, i := range a.all {
		for _, p := range i.Addresses {
			if other, twice := owner[p.Addr()]; twice {
				a.wrong(i.Name, "the address %s is given to %s as well", p.Addr(), other)
			}
			owner[p.Addr()] = i.Name
		}
		for _, below := range append([]string{i.Parent}, i.Ports...) {
			if !i.Manual && n.named(below).Manual {
				a.warn(i.Name, "it is brought up at boot, and %s, on which it stands, is not (--onboot=off)", below)
			}
		}
		if i.Kind != "vlan" {
			continue
		}
		key := i.Parent + " " + positive(i.VLAN)
		if other, twice := vlans[key]; twice {
			a.wrong(i.Name, "%s has a VLAN %d already, %s", i.Parent, i.VLAN, other)
		}
		vlans[key] = i.Name
		parent := n.named(i.Parent)
		switch {
		case parent.Any:
			a.wrong(i.Name, "a VLAN needs --device=NAME: this machine shows no network card")
		case i.MTU > max(parent.MTU, 1500) || i.MTU > parent.MTU && parent.MTU > 0:
			a.wrong(i.Name, "the MTU %d is more than that of %s, which the VLAN is on; give that --mtu=%d too", i.MTU, parent.Name, i.MTU)
		}
	}
	a.oneDefault(true)
	a.oneDefault(false)
}

// oneDefault refuses two default routes: which counts would be chance.
func (a *answered) oneDefault(v4 bool) {
	var with []string
	for _, i := range a.all {
		if static(i, v4).gateway.IsValid() {
			with = append(with, i.Name)
		}
	}
	if len(with) > 1 {
		a.wrong(with[1], "%s have a gateway each, and there is one default route; write --nodefroute for all but one", strings.Join(with, " and "))
	}
}

// config is the whole, what another stands on first.
func (a *answered) config() netConfig {
	var c netConfig
	state := map[string]int{} // 1: its parts are being put in; 2: it is in
	var put func(name string)
	put = func(name string) {
		at, there := a.at[name]
		if !there || state[name] == 2 {
			return
		}
		if state[name] == 1 {
			a.wrong(name, "it stands on itself: a port or a parent of it is made of it")
			return
		}
		state[name] = 1
		i := a.all[at]
		for _, below := range append([]string{i.Parent}, i.Ports...) {
			put(below)
		}
		state[name] = 2
		c.Interfaces = append(c.Interfaces, i)
	}
	for _, i := range a.all {
		put(i.Name)
	}
	for _, i := range c.Interfaces {
		c.DNS = union(c.DNS, i.DNS)
		c.Search = union(c.Search, i.Search)
	}
	return c
}

// union is all with what of more isn't in it.
func union[T comparable](all, more []T) []T {
	for _, m := range more {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

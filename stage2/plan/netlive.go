package plan

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// NetworkReview is the answers about the network, judged without the rest of a plan.
type NetworkReview struct {
	Lines    []string // what each interface of the new system will be
	Warnings []string // none of them stops the plan
	Problems Problems
}

// ReviewNetwork judges answers about the network as Build does. Without any it is what
// stage 1 brought up that the new system gets.
func ReviewNetwork(answers []config.Network, m machine.Machine, r handoff.Record) NetworkReview {
	b := networkBuilder(answers, m, r)
	return NetworkReview{Lines: b.plan.Network, Warnings: b.plan.Warnings, Problems: b.problems}
}

func networkBuilder(answers []config.Network, m machine.Machine, r handoff.Record) *builder {
	b := &builder{Input: Input{Answers: config.Answers{Network: answers}, Machine: m, Handoff: r}}
	b.network()
	return b
}

// LiveNetwork is what the answers ask for in the words of boot options, with which
// internal/network brings the same up in the running installer. Interfaces in kept, and what
// is made of them, are left out: somebody else has them, and only VLANs can be added on them.
// Problems are the error.
func LiveNetwork(answers []config.Network, m machine.Machine, r handoff.Record, kept []string) (bootargs.Options, error) {
	b := networkBuilder(answers, m, r)
	if len(b.problems) > 0 {
		return bootargs.Options{}, b.problems
	}
	var o bootargs.Options
	for _, i := range b.net.Interfaces {
		switch {
		case slices.Contains(kept, i.Name):
			continue
		case slices.ContainsFunc(i.Ports, func(p string) bool { return slices.Contains(kept, p) }):
			return o, errors.New(i.Name + " can't be made while the installer is running: its port is the network that the installer itself was started with")
		case i.Kind == "vlan":
			o.VLANs = append(o.VLANs, bootargs.VLAN{Name: i.Name, Parent: i.Parent, ID: i.VLAN})
		case i.Kind == "bond":
			o.Bonds = append(o.Bonds, bootargs.Bond{Name: i.Name, Ports: i.Ports, Options: i.Options, MTU: i.MTU})
		case i.Kind == "bridge":
			o.Bridges = append(o.Bridges, bootargs.Bridge{Name: i.Name, Ports: i.Ports})
		}
		o.IP = append(o.IP, liveAddresses(i)...)
	}
	return o, nil
}

// liveAddresses are the ip= of an interface; none for one that only others stand on.
func liveAddresses(i netInterface) []bootargs.IP {
	if i.Master != "" {
		return nil
	}
	name := i.Name
	if i.Any {
		name = ""
	}
	var all []bootargs.IP
	for _, v4 := range []bool{true, false} {
		g := static(i, v4)
		for k, a := range g.addresses {
			ip := bootargs.IP{Method: "none", Address: a}
			if k == 0 && !i.NoDefault {
				ip.Gateway = g.gateway
			}
			all = append(all, ip)
		}
	}
	for _, method := range []string{
		map[string]string{"dhcp": "dhcp", "link-local": "link-local"}[i.IPv4],
		map[string]string{"auto": "auto6", "either": "either6", "dhcp": "dhcp6", "link-local": "link6"}[i.IPv6],
	} {
		if method != "" {
			all = append(all, bootargs.IP{Method: method})
		}
	}
	if i.IPv6 == "" && i.IPv4 != "" { // the system's own default
		all = append(all, bootargs.IP{Method: "auto6"})
	}
	for k := range all {
		all[k].Interface = name
	}
	if len(all) > 0 {
		all[0].MTU, all[0].MAC, all[0].DNS = i.MTU, i.SetMAC, i.DNS
	}
	return all
}

// TakenNetwork is what stage 1 brought up, as the answers that make the same of it. Routes and MAC
// addresses that the boot options set are not among what answers can say.
func TakenNetwork(m machine.Machine, r handoff.Record) []config.Network {
	b := networkBuilder(nil, m, r)
	var all []config.Network
	for _, i := range b.net.Interfaces {
		if i.Master != "" || i.idle() && i.Kind == "ethernet" {
			continue // whose line is that of what stands on it
		}
		all = append(all, takenInterface(i))
	}
	return all
}

func takenInterface(i netInterface) config.Network {
	n := config.Network{Device: i.Name, OnBoot: true, MTU: i.MTU, Search: i.Search}
	switch i.Kind {
	case "vlan":
		n.Device, n.VLAN = i.Parent, &config.VLAN{ID: i.VLAN, Name: i.Name}
	case "bond":
		n.Bond = &config.Ports{Devices: i.Ports, Options: i.Options}
	case "bridge":
		n.Bridge = &config.Ports{Devices: i.Ports, Options: i.Options}
	}
	if i.IPv4 == "dhcp" || i.IPv4 == "static" {
		n.Method = i.IPv4
	}
	n.IPv6 = map[string]string{"auto": "auto", "either": "auto", "dhcp": "dhcp", "link-local": "off", "off": "off"}[i.IPv6]
	if i.idle() {
		n.IPv6 = "off" // or answers would have it ask routers
	}
	if g := static(i, true); len(g.addresses) > 0 {
		n.Address, n.Gateway = g.addresses[0].String(), text(g.gateway)
	}
	if g := static(i, false); len(g.addresses) > 0 {
		n.IPv6, n.Gateway6 = g.addresses[0].String(), text(g.gateway)
	}
	for _, a := range i.DNS {
		n.Nameservers = append(n.Nameservers, a.String())
	}
	return n
}

// text is an address; empty if there is none.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

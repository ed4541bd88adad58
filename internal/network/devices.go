package network

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/molt-installer/molt/internal/bootargs"
)

// devices follows bond=, bridge= and vlan=. Any can stand on any other, so what
// can be made is added until nothing more can.
func (b *builder) devices() {
	waiting := b.asked()
	for progress := true; progress && len(waiting) > 0; {
		progress = false
		waiting = slices.DeleteFunc(waiting, func(d Device) bool {
			if !b.ready(d, waiting) {
				return false
			}
			d.Ports = slices.DeleteFunc(slices.Clone(d.Ports), func(p string) bool { return !b.there(p) })
			b.plan.Devices = append(b.plan.Devices, d)
			progress = true
			return true
		})
	}
	for _, d := range waiting {
		if d.Parent != "" {
			b.plan.Missing = append(b.plan.Missing, d.Parent)
		}
	}
	for _, d := range b.asked() {
		for _, p := range d.Ports {
			if !b.there(p) {
				b.plan.Missing = append(b.plan.Missing, p)
			}
		}
	}
}

// ready reports whether all that d stands on is there. A bond or a bridge needs
// one port only: the others are added when they come.
func (b *builder) ready(d Device, waiting []Device) bool {
	if d.Kind == "vlan" {
		return b.there(d.Parent)
	}
	for _, p := range d.Ports {
		made := slices.ContainsFunc(waiting, func(w Device) bool { return w.Name == p && w.Name != d.Name })
		if made {
			return false
		}
	}
	return slices.ContainsFunc(d.Ports, b.there)
}

// asked are the devices that the options name, with the defaults of dracut.cmdline(7).
func (b *builder) asked() []Device {
	var list []Device
	for _, o := range b.opts.Bonds {
		d := Device{Name: o.Name, Kind: "bond", Ports: o.Ports, Options: o.Options, MTU: o.MTU}
		if len(d.Ports) == 0 {
			d.Ports = []string{"eth0", "eth1"}
		}
		if len(d.Options) == 0 {
			d.Options = []string{"mode=balance-rr"}
		}
		list = append(list, d)
	}
	for _, o := range b.opts.Bridges {
		list = append(list, Device{Name: o.Name, Kind: "bridge", Ports: o.Ports})
	}
	for _, o := range b.opts.VLANs {
		id, err := vlanID(o)
		if err != nil {
			b.problem(err.Error())
			continue
		}
		list = append(list, Device{Name: o.Name, Kind: "vlan", Parent: o.Parent, ID: id})
	}
	return list
}

func (b *builder) problem(s string) {
	if !slices.Contains(b.plan.Problems, s) {
		b.plan.Problems = append(b.plan.Problems, s)
	}
}

// tops are the devices that no other stands on.
func (b *builder) tops() []string {
	under := map[string]bool{}
	for _, d := range b.plan.Devices {
		under[d.Parent] = true
		for _, p := range d.Ports {
			under[p] = true
		}
	}
	var names []string
	for _, d := range b.plan.Devices {
		if !under[d.Name] {
			names = append(names, d.Name)
		}
	}
	return names
}

var lastDigits = regexp.MustCompile(`[0-9]+$`)

// vlanID is what is said, or else the number at the end of a VLAN's name, which can be any of "vlan5",
// "vlan0005", "eth0.5" and "eth0.0005" (dracut.cmdline(7)).
func vlanID(v bootargs.VLAN) (int, error) {
	if v.ID > 0 {
		return v.ID, nil
	}
	id, err := strconv.Atoi(cmp.Or(lastDigits.FindString(v.Name), "0"))
	if err != nil || id < 1 || id > 4094 {
		return 0, fmt.Errorf("vlan=%s:%s: the name must end in a number from 1 to 4094, the VLAN's", v.Name, v.Parent)
	}
	return id, nil
}

package network

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// rename gives a card its name. One that is up refuses.
func rename(r Rename) error {
	l, err := netlink.LinkByName(r.From)
	if err == nil {
		_ = netlink.LinkSetDown(l)
		err = netlink.LinkSetName(l, r.To)
	}
	if err != nil {
		return fmt.Errorf("rename the interface %s to %s: %w", r.From, r.To, err)
	}
	return nil
}

// make makes d, or adds the ports to it that have come since. It reports
// whether the device is new.
func (d Device) make() (bool, error) {
	l, err := netlink.LinkByName(d.Name)
	made := err != nil
	if made {
		if l, err = d.create(); err != nil {
			return false, fmt.Errorf("%s %s %w: %w", d.Kind, d.Name, ErrNotMade, err)
		}
	}
	for _, name := range d.Ports {
		if err := d.addPort(l, name); err != nil {
			return made, fmt.Errorf("add the port %s to %s: %w", name, d.Name, err)
		}
	}
	return made, nil
}

func (d Device) create() (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = d.Name, d.MTU
	var l netlink.Link
	switch d.Kind {
	case "vlan":
		parent, err := netlink.LinkByName(d.Parent)
		if err != nil {
			return nil, err
		}
		if err := netlink.LinkSetUp(parent); err != nil {
			return nil, err
		}
		attrs.ParentIndex = parent.Attrs().Index
		l = &netlink.Vlan{LinkAttrs: attrs, VlanId: d.ID}
	case "bridge":
		l = &netlink.Bridge{LinkAttrs: attrs}
	default:
		l = &netlink.GenericLink{LinkAttrs: attrs, LinkType: d.Kind}
	}
	// The module makes a bond0 of its own when it is loaded.
	if err := netlink.LinkAdd(l); err != nil && !(errors.Is(err, unix.EEXIST) && d.Kind == "bond") {
		return nil, err
	}
	if d.Kind == "bond" {
		if err := d.setOptions("/sys/class/net"); err != nil {
			return nil, err
		}
	}
	return netlink.LinkByName(d.Name)
}

// setOptions sets a bond's options, the mode first, since others depend on it
// (Documentation/networking/bonding.rst).
func (d Device) setOptions(sys string) error {
	options := slices.Clone(d.Options)
	slices.SortStableFunc(options, func(a, b string) int { return rank(a) - rank(b) })
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		name = cmp.Or(map[string]string{"num_unsol_na": "num_grat_arp", "all_ports_active": "all_slaves_active"}[name], name)
		values := []string{value}
		if name == "arp_ip_target" {
			values = nil
			for _, v := range strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == '+' }) {
				values = append(values, "+"+v)
			}
		}
		for _, v := range values {
			if err := os.WriteFile(filepath.Join(sys, d.Name, "bonding", filepath.Base(name)), []byte(v), 0); err != nil {
				return fmt.Errorf("option %s: %w", o, err)
			}
		}
	}
	return nil
}

func rank(option string) int {
	if strings.HasPrefix(option, "mode=") {
		return 0
	}
	return 1
}

// addPort puts the port under l. A bond takes only ports that are down, and
// brings them up itself.
func (d Device) addPort(l netlink.Link, name string) error {
	port, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if port.Attrs().MasterIndex == l.Attrs().Index {
		return nil
	}
	if d.Kind == "bond" {
		err = netlink.LinkSetDown(port)
	}
	if err == nil {
		err = netlink.LinkSetMaster(port, l)
	}
	if err == nil {
		err = netlink.LinkSetUp(port)
	}
	return err
}

// original is how an interface was before.
type original struct {
	mtu int
	mac net.HardwareAddr
}

// prepare sets what must be set before the interface is up, and brings it up.
func prepare(l netlink.Link, i Interface) (original, error) {
	a := l.Attrs()
	before := original{a.MTU, a.HardwareAddr}
	if err := setLink(l, i.MTU, i.MAC); err != nil {
		return before, err
	}
	for setting, value := range settings(i.IPv6) {
		if err := sysctl(a.Name, setting, value); err != nil {
			return before, fmt.Errorf("set up IPv6 on %s: %w", a.Name, err)
		}
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return before, fmt.Errorf("bring %s up: %w", a.Name, err)
	}
	return before, nil
}

// setLink sets MTU and MAC address, 0 and "" being left alone.
func setLink(l netlink.Link, mtu int, mac string) error {
	a := l.Attrs()
	if mac != "" && a.HardwareAddr.String() != mac {
		hw, err := net.ParseMAC(mac)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetHardwareAddr(l, hw); err != nil { // many cards can only while they are down
			_ = netlink.LinkSetDown(l)
			if err := netlink.LinkSetHardwareAddr(l, hw); err != nil {
				return fmt.Errorf("give %s the MAC address %s: %w", a.Name, mac, err)
			}
		}
	}
	if mtu != 0 && a.MTU != mtu {
		if err := netlink.LinkSetMTU(l, mtu); err != nil {
			return fmt.Errorf("set the MTU of %s to %d: %w", a.Name, mtu, err)
		}
	}
	return nil
}

// settings are the kernel's for an IPv6 method: whether it takes router
// advertisements, and makes addresses of them. Temporary ones (RFC 8981) would
// change while an installation runs.
func settings(m Method) map[string]string {
	s := map[string]string{"accept_ra": "0", "autoconf": "0", "use_tempaddr": "0", "accept_ra_defrtr": "1"}
	switch m {
	case Auto, Either:
		s["accept_ra"], s["autoconf"] = "1", "1"
	case DHCP:
		s["accept_ra"] = "1"
	}
	if m != "" {
		s["disable_ipv6"] = "0"
	}
	return s
}

// Wake brings cards up, so that it is seen which have a link. They get no addresses by it.
func Wake(names []string) error {
	var errs []error
	for _, name := range names {
		l, err := netlink.LinkByName(name)
		if err == nil && l.Attrs().Flags&net.FlagUp == 0 {
			_, err = prepare(l, Interface{})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

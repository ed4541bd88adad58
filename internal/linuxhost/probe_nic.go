package linuxhost

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/molt-installer/molt/stage2/machine"
)

// NICs are the network cards of the running machine as they are now.
func NICs() []machine.Interface { return prober{root: "/"}.nics() }

// nics leaves out the loopback and other interfaces without hardware.
func (p prober) nics() []machine.Interface {
	nics := []machine.Interface{}
	for _, name := range p.list("sys/class/net") {
		if _, err := os.Stat(p.path("sys/class/net/" + name + "/device")); err == nil {
			nics = append(nics, p.nic(name))
		}
	}
	return nics
}

func (p prober) nic(name string) machine.Interface {
	dir := "sys/class/net/" + name
	n := machine.Interface{
		Name: name, MAC: p.text(dir + "/address"), Carrier: p.text(dir+"/carrier") == "1",
		State: p.text(dir + "/operstate"), Wireless: p.has(dir+"/wireless") || p.has(dir+"/phy80211"),
	}
	if driver, err := os.Readlink(p.path(dir + "/device/driver")); err == nil {
		n.Driver = filepath.Base(driver)
	}
	if speed := p.number(dir + "/speed"); n.Carrier && speed > 0 { // -1 where nobody knows, Documentation/ABI/testing/sysfs-class-net
		n.Speed = int(speed)
	}
	if p.root == "/" { // addresses are not in /sys
		n.Addresses = addressesOf(name)
	}
	return n
}

func (p prober) has(name string) bool {
	_, err := os.Stat(p.path(name))
	return err == nil
}

// addressesOf are those by which others than its neighbours know the interface.
func addressesOf(name string) []string {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	list, _ := i.Addrs() // none of an interface that is gone
	var all []string
	for _, a := range list {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && !p.Addr().IsLinkLocalUnicast() {
			all = append(all, p.String())
		}
	}
	return all
}

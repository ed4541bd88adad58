package vm

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// NIC is a network card, and what its cable leads to.
type NIC struct {
	Backend string // QEMU's -netdev without an id: "tap,ifname=tap0,script=no,downscript=no"
	MAC     string // QEMU's choice if empty
	Boot    Boot   // the firmware boots from it before all else
}

// Boot is how a firmware boots from a card. With BIOS it is by the card's own
// iPXE in any case, which knows both ways.
type Boot string

// The ways to boot from a card.
const (
	PXE  Boot = "pxe"  // DHCP and TFTP
	HTTP Boot = "http" // UEFI's HTTP boot
)

// HostAddress is the host's loopback, for a guest with Config.Network.
const HostAddress = "10.0.2.2"

// network is the command line for the cards.
func (c Config) network() []string {
	if !c.Network && len(c.NICs) == 0 {
		return []string{"-nic", "none"}
	}
	var a []string
	if c.Network {
		nic := "user,model=virtio-net-pci"
		if c.Restrict {
			nic += ",restrict=on"
		}
		a = append(a, "-nic", nic)
	}
	for i, n := range c.NICs {
		backend, rest, more := strings.Cut(n.Backend, ",")
		netdev := fmt.Sprintf("%s,id=net%d", backend, i)
		if more {
			netdev += "," + rest
		}
		dev := fmt.Sprintf("virtio-net-pci,id=%s,netdev=net%d", NICID(i), i)
		if n.MAC != "" {
			dev += ",mac=" + n.MAC
		}
		a = append(a, "-netdev", netdev, "-device", dev+c.boot(n.Boot))
		if n.Boot == HTTP && c.Firmware == UEFI { // OVMF would try all kinds of PXE first, a minute each
			a = append(a, "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n", "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n")
		}
	}
	return a
}

// boot are the properties of a card to boot from. OVMF has a driver for it, and no
// HTTP boot through the one in the card's ROM.
func (c Config) boot(b Boot) string {
	switch {
	case b == "":
		return ""
	case c.Firmware == UEFI:
		return ",bootindex=0,romfile="
	}
	return ",bootindex=0"
}

// NICID is the id of the i-th of Config.NICs, from 0: "nic0".
func NICID(i int) string { return "nic" + strconv.Itoa(i) }

// SetLink plugs the cable of card i in, or out.
func (g *Guest) SetLink(ctx context.Context, i int, up bool) error {
	return g.Execute(ctx, "set_link", struct {
		Name string `json:"name"`
		Up   bool   `json:"up"`
	}{NICID(i), up}, nil)
}

// Forward is a Backend that leads to QEMU's own DHCP server and nothing else; a port of the
// guest is one of the host's loopback: see Forwarded. The host chooses which, so that no two ask for the same.
func Forward(port int) string {
	return fmt.Sprintf("user,restrict=on,hostfwd=tcp:127.0.0.1:0-:%d", port)
}

// Forwarded is the host's address for a port of the guest that Forward leads to.
func (g *Guest) Forwarded(ctx context.Context, port int) (string, error) {
	var table string
	// Only the monitor for people knows: slirp_connection_info of libslirp.
	err := g.Execute(ctx, "human-monitor-command", map[string]string{"command-line": "info usernet"}, &table)
	if err != nil {
		return "", err
	}
	line := regexp.MustCompile(`TCP\[HOST_FORWARD\] +\d+ +(\S+) +(\d+) +\S+ +` + strconv.Itoa(port) + ` `).FindStringSubmatch(table)
	if line == nil {
		return "", fmt.Errorf("%s: port %d is not forwarded: %s", g.cfg.Name, port, table)
	}
	return line[1] + ":" + line[2], nil
}

package plan

import (
	"fmt"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// describeNetwork says for a person what the new system's network will be, a
// line for each interface.
func describeNetwork(n handoff.Network) []string {
	var lines []string
	for _, i := range n.Interfaces {
		lines = append(lines, describeInterface(n, i))
	}
	return lines
}

func describeInterface(n handoff.Network, i handoff.Interface) string {
	text := i.Name
	switch {
	case i.Kind == "vlan":
		text += fmt.Sprintf(", VLAN %d on %s", i.VLAN, i.Parent)
	case i.Kind == "bond" || i.Kind == "bridge":
		text += ", " + i.Kind + " of " + strings.Join(i.Ports, " and ")
	case i.MAC != "":
		text += " (" + i.MAC + ")"
	}
	parts := append(append([]string{}, i.Options...), methodWords(i)...)
	if i.SetMAC != "" {
		parts = append(parts, "with the MAC address "+i.SetMAC)
	}
	if i.MTU > 0 {
		parts = append(parts, fmt.Sprintf("MTU %d", i.MTU))
	}
	for _, a := range servers(n, i) {
		parts = append(parts, "name server "+a.String())
	}
	for _, r := range routes(n, i) {
		word := "route to " + r.To.Masked().String()
		if r.Gateway.IsValid() {
			word += " by " + r.Gateway.String()
		}
		parts = append(parts, word)
	}
	return text + ": " + strings.Join(parts, ", ")
}

// methodWords are how the interface gets its addresses.
func methodWords(i handoff.Interface) []string {
	var words []string
	if w := map[string]string{"dhcp": "DHCP", "link-local": "IPv4 link-local"}[i.IPv4]; w != "" {
		words = append(words, w)
	}
	if w := map[string]string{
		"auto": "IPv6 by router advertisements", "either": "IPv6 by router advertisements or DHCP",
		"dhcp": "IPv6 by DHCP", "link-local": "IPv6 link-local",
	}[i.IPv6]; w != "" {
		words = append(words, w)
	}
	for _, v4 := range []bool{true, false} {
		g := static(i, v4)
		for _, a := range g.addresses {
			words = append(words, a.String())
		}
		if g.gateway.IsValid() {
			words = append(words, "gateway "+g.gateway.String())
		}
	}
	switch {
	case len(words) > 0:
	case i.Master != "":
		words = []string{"port of " + i.Master}
	default:
		words = []string{"no address"}
	}
	return words
}

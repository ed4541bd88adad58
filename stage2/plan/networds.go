package plan

import (
	"fmt"
	"strings"
)

// describeNetwork says for a person what the new system's network will be, a
// line for each interface.
func describeNetwork(n netConfig) []string {
	var lines []string
	for _, i := range n.Interfaces {
		lines = append(lines, describeInterface(i))
	}
	return lines
}

func describeInterface(i netInterface) string {
	text := i.Name
	switch {
	case i.Any:
		text = "any card"
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
	for _, a := range i.DNS {
		parts = append(parts, "name server "+a.String())
	}
	for _, r := range i.Routes {
		word := "route to " + r.To.Masked().String()
		if r.Gateway.IsValid() {
			word += " by " + r.Gateway.String()
		}
		parts = append(parts, word)
	}
	return text + ": " + strings.Join(append(parts, otherWords(i)...), ", ")
}

// otherWords are what is not as usual.
func otherWords(i netInterface) []string {
	var words []string
	if len(i.Search) > 0 && !i.idle() {
		words = append(words, "searching "+strings.Join(i.Search, " "))
	}
	for _, w := range []struct {
		yes  bool
		word string
	}{
		{i.NoDefault, "never the default route"}, {i.NoDNS4 && i.NoDNS6, "no name servers by DHCP"},
		{i.NoDNS4 && !i.NoDNS6, "no name servers by DHCPv4"}, {i.NoDNS6 && !i.NoDNS4, "no name servers by DHCPv6"},
		{i.DHCPClass != "", "DHCP class " + i.DHCPClass}, {len(i.Link) > 0, strings.Join(i.Link, " ")},
		{i.Manual, "not at boot"},
	} {
		if w.yes {
			words = append(words, w.word)
		}
	}
	return words
}

// methodWords are how the interface gets its addresses.
func methodWords(i netInterface) []string {
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
	case len(words) > 0 && i.IPv6 == "off":
		words = append(words, "no IPv6")
	case len(words) > 0:
	case i.Master != "":
		words = []string{"port of " + i.Master}
	default:
		words = []string{"no address"}
	}
	return words
}

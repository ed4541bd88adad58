package bootargs

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

type addr = netip.Addr

// IP is one ip=, in any of the forms of dracut.cmdline(7).
type IP struct {
	Interface string       `json:"interface,omitempty"` // empty: any
	Method    string       `json:"method,omitempty"`    // "dhcp", "dhcp6", "auto6", "on", "off", "none", …
	Address   netip.Prefix `json:"address,omitzero"`    // static only
	Peer      netip.Addr   `json:"peer,omitzero"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	Hostname  string       `json:"hostname,omitempty"`
	DNS       []netip.Addr `json:"dns,omitempty"`
	MTU       int          `json:"mtu,omitempty"`
	MAC       string       `json:"mac,omitempty"` // to set on the card
}

// IfName is ifname=NAME:MAC: the card with that address gets that name.
type IfName struct {
	Name string `json:"name"`
	MAC  string `json:"mac"`
}

// VLAN is vlan=NAME:PARENT.
type VLAN struct {
	Name   string `json:"name"`
	Parent string `json:"parent"`
	ID     int    `json:"id,omitempty"` // 0, as in every vlan=: the number at the end of the name
}

// Bond is bond=NAME[:PORTS[:OPTIONS[:MTU]]].
type Bond struct {
	Name    string   `json:"name"`
	Ports   []string `json:"ports,omitempty"`
	Options []string `json:"options,omitempty"` // "mode=active-backup"
	MTU     int      `json:"mtu,omitempty"`
}

// Bridge is bridge=NAME:PORTS.
type Bridge struct {
	Name  string   `json:"name"`
	Ports []string `json:"ports,omitempty"`
}

// Route is rd.route=NET/BITS:GATEWAY[:INTERFACE].
type Route struct {
	To        netip.Prefix `json:"to"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	Interface string       `json:"interface,omitempty"`
}

// fields splits at colons outside of [brackets], into n parts at most.
func fields(s string, n int) []string {
	var parts []string
	start, depth := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ':':
			if depth <= 0 && len(parts) < n-1 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, s[start:])
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is no IP address (IPv6 goes in [brackets])", s)
	}
	return a, nil
}

func optionalAddr(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	return parseAddr(s)
}

// parsePrefix reads an address with its netmask: "255.255.255.0", "24" or "64".
func parsePrefix(address, mask string) (netip.Prefix, error) {
	address, bits, both := strings.Cut(address, "/")
	if both {
		mask = bits
	}
	a, err := parseAddr(address)
	if err != nil {
		return netip.Prefix{}, err
	}
	n, err := maskBits(mask, a.BitLen())
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.WithZone(""), n), nil
}

func maskBits(mask string, width int) (int, error) {
	if n, err := strconv.Atoi(mask); err == nil && n >= 0 && n <= width {
		return n, nil
	}
	if m := net.ParseIP(mask).To4(); m != nil && width == 32 {
		if ones, size := net.IPMask(m).Size(); size == 32 {
			return ones, nil
		}
	}
	return 0, fmt.Errorf("%q is no netmask", mask)
}

func parseMTU(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 68 || n > 65535 {
		return 0, fmt.Errorf("%q is no MTU", s)
	}
	return n, nil
}

func parseMAC(s string) (string, error) {
	m, err := net.ParseMAC(s)
	if err != nil || len(m) != 6 {
		return "", fmt.Errorf("%q is no MAC address", s)
	}
	return m.String(), nil
}

// parseBootIF reads pxelinux's form too, "01-aa-bb-cc-dd-ee-ff", which starts
// with the hardware type.
func parseBootIF(s string) (string, error) {
	if len(s) == 20 {
		s = s[3:]
	}
	return parseMAC(s)
}

func parseMethod(s string) (string, error) {
	known := []string{"dhcp", "single-dhcp", "dhcp6", "auto6", "either6", "link6", "link-local", "on", "any", "off", "none", "ibft"}
	if !slices.Contains(known, s) {
		return "", fmt.Errorf("%q is none of %s", s, strings.Join(known, ", "))
	}
	return s, nil
}

// parseIP tells the three forms of ip= apart: METHOD, INTERFACE:METHOD… and
// ADDRESS:…, where the address can be left out.
func parseIP(s string) (IP, error) {
	parts := fields(s, 100)
	if len(parts) == 1 {
		method, err := parseMethod(s)
		return IP{Method: method}, err
	}
	_, _, err := net.ParseCIDR(parts[0])
	if _, e := parseAddr(parts[0]); e == nil || err == nil || parts[0] == "" {
		return parseStatic(s)
	}
	return parseDynamic(s)
}

// parseDynamic reads INTERFACE:METHOD[:[MTU][:MAC]].
func parseDynamic(s string) (ip IP, err error) {
	p := append(fields(s, 4), "", "")
	ip.Interface = p[0]
	if ip.Method, err = parseMethod(p[1]); err != nil {
		return IP{}, err
	}
	return withLink(ip, p[2], p[3])
}

func withLink(ip IP, mtu, mac string) (_ IP, err error) {
	if ip.MTU, err = parseMTU(mtu); err != nil {
		return IP{}, err
	}
	if mac != "" {
		if ip.MAC, err = parseMAC(mac); err != nil {
			return IP{}, err
		}
	}
	return ip, nil
}

// parseStatic reads ADDRESS:PEER:GATEWAY:MASK:HOSTNAME:INTERFACE:METHOD, and
// after that either :MTU:MAC or :DNS1:DNS2.
func parseStatic(s string) (ip IP, err error) {
	p := fields(s, 9)
	if len(p) < 6 {
		return IP{}, errors.New("must be ADDRESS:PEER:GATEWAY:NETMASK:HOSTNAME:INTERFACE:METHOD")
	}
	p = append(p, "", "", "")
	ip.Hostname, ip.Interface = p[4], p[5]
	if p[0] != "" {
		if ip.Address, err = parsePrefix(p[0], p[3]); err != nil {
			return IP{}, err
		}
	}
	if ip.Peer, err = optionalAddr(p[1]); err != nil {
		return IP{}, err
	}
	if ip.Gateway, err = optionalAddr(p[2]); err != nil {
		return IP{}, err
	}
	if ip.Method, err = parseMethod(cmp.Or(p[6], "none")); err != nil {
		return IP{}, err
	}
	return withTail(ip, p[7], p[8])
}

func withTail(ip IP, first, second string) (IP, error) {
	if _, err := parseAddr(first); err != nil {
		return withLink(ip, first, second)
	}
	for _, s := range []string{first, second} {
		a, err := optionalAddr(s)
		if err != nil {
			return IP{}, err
		}
		if a.IsValid() {
			ip.DNS = append(ip.DNS, a)
		}
	}
	return ip, nil
}

func parseIfName(s string) (IfName, error) {
	name, mac, _ := strings.Cut(s, ":")
	mac, err := parseMAC(mac)
	if err != nil || name == "" {
		return IfName{}, errors.New("must be NAME:MAC")
	}
	return IfName{Name: name, MAC: mac}, nil
}

func parseVLAN(s string) (VLAN, error) {
	name, parent, _ := strings.Cut(s, ":")
	if name == "" || parent == "" {
		return VLAN{}, errors.New("must be NAME:INTERFACE")
	}
	return VLAN{Name: name, Parent: parent}, nil
}

func parseBond(s string) (Bond, error) {
	p := append(fields(s, 4), "", "", "")
	mtu, err := parseMTU(p[3])
	if err != nil || p[0] == "" {
		return Bond{}, errors.New("must be NAME[:PORT,PORT…[:OPTION,…[:MTU]]]")
	}
	return Bond{Name: p[0], Ports: commas(p[1]), Options: commas(p[2]), MTU: mtu}, nil
}

func parseBridge(s string) (Bridge, error) {
	name, ports, ok := strings.Cut(s, ":")
	if !ok || name == "" || ports == "" {
		return Bridge{}, errors.New("must be NAME:PORT,PORT…")
	}
	return Bridge{Name: name, Ports: commas(ports)}, nil
}

func parseRoute(s string) (Route, error) {
	p := append(fields(s, 3), "", "")
	to, err := parsePrefix(unbracket(p[0]), "")
	if err != nil {
		return Route{}, errors.New("must be NETWORK/BITS:GATEWAY[:INTERFACE]")
	}
	gateway, err := optionalAddr(p[1])
	if err != nil {
		return Route{}, err
	}
	return Route{To: to, Gateway: gateway, Interface: p[2]}, nil
}

// unbracket takes the brackets off "[2001:db8::/32]"; those of
// "[2001:db8::]/32" are parseAddr's.
func unbracket(s string) string {
	if strings.HasSuffix(s, "]") {
		return strings.Trim(s, "[]")
	}
	return s
}

func commas(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

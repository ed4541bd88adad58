package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// keyfiles are nm-settings-keyfile(5), one for each interface. NetworkManager
// makes up what else a connection has, from the file's name.
func keyfiles(n netConfig) []etcFile {
	var files []etcFile
	for _, i := range n.Interfaces {
		name := "NetworkManager/system-connections/" + i.Name + ".nmconnection"
		files = append(files, etcFile{name, keyfileText(n, i), 0o600}) // it takes no file that others can read
	}
	return files
}

// keyfileLacks says what of n NetworkManager has no word for.
func keyfileLacks(n netConfig) []string {
	var out []string
	for _, i := range n.Interfaces {
		if port := n.named(option(i.Options, "primary")); port.MAC != "" {
			out = append(out, fmt.Sprintf("%s is made without its primary port: NetworkManager knows that by name alone, and %s is known by its address", i.Name, port.Name))
		}
		for _, a := range i.DNS {
			if section4, section6 := families(i); a.Is4() && !section4 || a.Is6() && !section6 {
				out = append(out, fmt.Sprintf("the name server %s is not set for %s: NetworkManager takes none of a family that is switched off", a, i.Name))
			}
		}
	}
	return out
}

// families are those that i has addresses of.
func families(i netInterface) (v4, v6 bool) { return i.IPv4 != "", method6(i) != "disabled" }

func keyfileText(n netConfig, i netInterface) string {
	var b ini
	m := n.master(i)
	name, mac := i.Name, ""
	if i.Kind == "ethernet" && (i.MAC != "" || i.Any) {
		name, mac = "", i.MAC
	}
	b.section("connection", "id="+i.Name, "type="+i.Kind, "interface-name="+name, "master="+m.Name, "slave-type="+m.Kind,
		"autoconnect="+when(i.Manual, "false"), "multi-connect="+when(i.Any, "3"))
	parent := i.Parent
	if below := n.named(parent); below.Kind == "ethernet" && below.MAC != "" {
		parent, mac = "", below.MAC
	}
	b.section("ethernet", "mac-address="+mac, "cloned-mac-address="+i.SetMAC, "mtu="+positive(i.MTU))
	switch i.Kind {
	case "vlan":
		b.section("vlan", "id="+positive(i.VLAN), "parent="+parent, "flags=1")
	case "bond":
		b.section("bond", keyfileBond(n, i)...)
	case "bridge":
		b.section("bridge", keyfileBridge(i)...)
	}
	if m.Name == "" {
		b.section("ipv4", keyfileFamily(i, true)...)
		b.section("ipv6", keyfileFamily(i, false)...)
	}
	return b.String()
}

// keyfileBond are the options in nm-settings' words, which are the kernel's.
func keyfileBond(n netConfig, i netInterface) []string {
	var lines []string
	for _, o := range i.Options {
		name, value, _ := strings.Cut(o, "=")
		switch {
		case name == "primary" && n.named(value).MAC != "", name == "arp_ip_target" && option(i.Options, "arp_interval") == "":
			continue // it would refuse the whole file
		case name == "arp_ip_target":
			value = strings.Join(targets(value), ",")
		}
		lines = append(lines, name+"="+value)
	}
	if len(lines) == 0 {
		return []string{"mode=balance-rr"}
	}
	return lines
}

// keyfileBridge are the options; what is not said would be switched on.
func keyfileBridge(i netInterface) []string {
	var lines []string
	for _, o := range i.Options {
		name, value, _ := strings.Cut(o, "=")
		lines = append(lines, name+"="+map[string]string{"on": "true", "off": "false"}[value])
		if _, err := strconv.Atoi(value); err == nil {
			lines[len(lines)-1] += value
		}
	}
	if option(i.Options, "stp") == "" {
		lines = append(lines, "stp=false")
	}
	return lines
}

func method4(i netInterface) string {
	return map[string]string{"dhcp": "auto", "static": "manual", "link-local": "link-local", "": "disabled"}[i.IPv4]
}

func method6(i netInterface) string {
	if i.idle() {
		return "disabled"
	}
	return map[string]string{"static": "manual", "link-local": "link-local", "dhcp": "dhcp", "off": "disabled", "auto": "auto", "either": "auto", "": "auto"}[i.IPv6]
}

// keyfileFamily is [ipv4] or [ipv6].
func keyfileFamily(i netInterface, v4 bool) []string {
	method, noDNS, class := method6(i), i.NoDNS6, ""
	if v4 {
		method, noDNS, class = method4(i), i.NoDNS4, i.DHCPClass
	}
	lines := []string{"method=" + method}
	if method == "disabled" {
		return lines
	}
	g := static(i, v4)
	for k, a := range g.addresses {
		lines = append(lines, fmt.Sprintf("address%d=%s", k+1, a))
	}
	if g.gateway.IsValid() {
		lines = append(lines, "gateway="+g.gateway.String())
	}
	number := 0
	for _, r := range i.Routes {
		if r.To.Addr().Is4() != v4 {
			continue
		}
		number++
		by := ""
		if r.Gateway.IsValid() {
			by = "," + r.Gateway.WithZone("").String()
		}
		lines = append(lines, fmt.Sprintf("route%d=%s%s", number, r.To.Masked(), by))
		if by != "" && outside(i.Addresses, r.Gateway) {
			lines = append(lines, fmt.Sprintf("route%d_options=onlink=true", number))
		}
	}
	search := ""
	if v4 || i.IPv4 == "" {
		search = list(i.Search)
	}
	return append(lines, "dns="+list(ofFamily(i.DNS, v4)), "dns-search="+search, "ignore-auto-dns="+when(noDNS, "true"),
		"never-default="+when(i.NoDefault, "true"), "dhcp-vendor-class-identifier="+class)
}

// list ends each with a semicolon, as GKeyFile has it.
func list(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ";") + ";"
}

func ofFamily(all []netip.Addr, v4 bool) []string {
	var words []string
	for _, a := range slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool { return a.Is4() != v4 }) {
		words = append(words, a.String())
	}
	return words
}

package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// network configures the new system's network, for whichever of NetworkManager,
// ifupdown and systemd-networkd the target has.
type network struct {
	base
	net  netConfig
	said []string // of what that lacks: it is in the plan already
}

func (s network) Run(ctx context.Context, env *Env) error {
	t := installedTarget(env)
	for _, w := range t.lacks(s.net) {
		if !slices.Contains(s.said, w) {
			warn(env, w)
		}
	}
	if t.kind == networkd {
		enableNetworkd(ctx, env)
	}
	files := t.files(s.net)
	if text := resolvConf(s.net); text != "" && t.kind != nothing && !hasResolved(env) {
		files = append(files, etcFile{name: "resolv.conf", text: text})
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, f.write(env))
	}
	return errors.Join(errs...)
}

func enableNetworkd(ctx context.Context, env *Env) {
	if err := inTarget(ctx, env, "systemctl", "enable", "systemd-networkd.service"); err != nil {
		warn(env, "systemd-networkd could not be enabled: "+err.Error())
	}
}

// What sets the network up on a target.
const (
	nothing        = ""
	networkManager = "NetworkManager"
	ifupdown       = "ifupdown"
	networkd       = "systemd-networkd"
)

// netTarget is what sets the network up.
type netTarget struct {
	kind     string
	clients  dhcpClients // of ifupdown
	resolved bool        // systemd-resolved, which has systemd-networkd's name servers
}

const noNetwork = "the new system has neither ifupdown nor NetworkManager nor systemd-networkd: its network is not configured"

// installedTarget is what the new system has. systemd-networkd comes with
// systemd, so it counts last; who has NetworkManager wants it.
func installedTarget(env *Env) netTarget {
	switch {
	case hasProgram(env, "NetworkManager"):
		return netTarget{kind: networkManager}
	case hasProgram(env, "ifup"):
		return netTarget{kind: ifupdown, clients: dhcpClients{hasProgram(env, "dhcpcd"), hasProgram(env, "dhclient"), hasProgram(env, "udhcpc")}}
	case exists(env, Target+"/usr/lib/systemd/systemd-networkd"), exists(env, Target+"/lib/systemd/systemd-networkd"):
		return netTarget{kind: networkd, resolved: hasResolved(env)}
	}
	return netTarget{}
}

func hasResolved(env *Env) bool { return exists(env, Target+"/usr/lib/systemd/systemd-resolved") }

// unresolved says which name servers nothing will ask: systemd-networkd writes no resolv.conf(5)
// of what DHCP tells it, and gives that to systemd-resolved alone.
func (t netTarget) unresolved(n netConfig) []string {
	told := func(i netInterface) bool { return i.told() && !(i.NoDNS4 && i.NoDNS6) }
	at := slices.IndexFunc(n.Interfaces, told)
	if t.resolved || at < 0 || len(n.DNS) > 0 {
		return nil
	}
	return []string{"the new system will find no names: systemd-networkd gives the name servers that " + n.Interfaces[at].Name +
		" is told of to systemd-resolved, and that is not installed; add systemd-resolved to %packages, or give --nameserver"}
}

// plannedTarget is the same by the packages that will be installed, as Debian
// names them.
func (b *builder) plannedTarget() netTarget {
	has := func(names ...string) bool {
		if b.Selection == nil {
			return false
		}
		for _, p := range b.Selection.Packages {
			if slices.Contains(names, p.Name) {
				return true
			}
		}
		return false
	}
	switch {
	case has("network-manager"):
		return netTarget{kind: networkManager}
	case has("ifupdown"):
		return netTarget{kind: ifupdown, clients: dhcpClients{has("dhcpcd-base", "dhcpcd"), has("isc-dhcp-client"), has("udhcpc")}}
	case has("systemd"):
		return netTarget{kind: networkd, resolved: has("systemd-resolved")}
	}
	return netTarget{} // not by packages, then, or of another distribution: the step will see
}

// lacks says what of n can't be written for t.
func (t netTarget) lacks(n netConfig) []string {
	switch t.kind {
	case networkManager:
		return keyfileLacks(n)
	case ifupdown:
		return t.clients.lacks(n)
	case networkd:
		return append(networkdLacks(n), t.unresolved(n)...)
	}
	return []string{noNetwork}
}

// files are what is written for t.
func (t netTarget) files(n netConfig) []etcFile {
	switch t.kind {
	case networkManager:
		return append(linkFiles(n), keyfiles(n)...)
	case networkd:
		return append(linkFiles(n), networkdFiles(n)...)
	case ifupdown:
		files := append(linkFiles(undotted(n)), etcFile{name: "network/interfaces", text: interfacesFile(n, t.clients)})
		for _, f := range []etcFile{{name: "resolv.conf.head", text: ownServers(n)}, {name: "resolv.conf.tail", text: ownSearch(n)}} {
			if t.clients.dhcpcd && f.text != "" {
				files = append(files, f) // dhcpcd writes resolv.conf anew, and these around it
			}
		}
		return files
	}
	return nil
}

// etcFile is a file below /etc.
type etcFile struct {
	name, text string
	perm       fs.FileMode // 0: 0644
}

func (f etcFile) write(env *Env) error {
	path := Target + "/etc/" + f.name
	if err := env.Host.WriteFile(path, []byte(f.text), cmp.Or(f.perm, 0o644)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// resolvConf is resolv.conf(5), for where nothing on the new system writes it,
// and until something does.
func resolvConf(n netConfig) string {
	var b strings.Builder
	if len(n.Search) > 0 {
		b.WriteString("search " + strings.Join(n.Search, " ") + "\n")
	}
	for _, a := range n.DNS {
		b.WriteString("nameserver " + a.String() + "\n")
	}
	return b.String()
}

// ownServers are the name servers of resolv.conf(5) that DHCP doesn't tell, if
// anything comes by DHCP at all.
func ownServers(n netConfig) string {
	var b strings.Builder
	for _, i := range n.Interfaces {
		for _, a := range i.DNS {
			b.WriteString("nameserver " + a.String() + "\n")
		}
	}
	if !slices.ContainsFunc(n.Interfaces, netInterface.told) {
		return ""
	}
	return b.String()
}

// ownSearch are the domains likewise: the last list in the file counts.
func ownSearch(n netConfig) string {
	var all []string
	for _, i := range n.Interfaces {
		all = append(all, i.Search...)
	}
	if len(all) == 0 || !slices.ContainsFunc(n.Interfaces, netInterface.told) {
		return ""
	}
	return "search " + strings.Join(all, " ") + "\n"
}

// linkFiles are systemd.link(5), which udev goes by whatever sets the network
// up: it would give bonds and bridges an address of its own instead of a card's,
// and a DHCP server would not know them again. What ethtool(8) would set is said
// here too; such a file stands in for systemd's 99-default.link, so it says the same.
func linkFiles(n netConfig) []etcFile {
	var files []etcFile
	for _, i := range n.Interfaces {
		var b ini
		switch {
		case i.Kind == "bond" || i.Kind == "bridge":
			b.section("Match", "OriginalName="+i.Name)
			b.section("Link", "MACAddressPolicy=none")
		case len(i.Link) > 0:
			b.section("Match", "PermanentMACAddress="+i.MAC)
			b.section("Link", append([]string{
				"NamePolicy=keep kernel database onboard slot path", "AlternativeNamesPolicy=database onboard slot path", "MACAddressPolicy=persistent",
			}, i.Link...)...)
		default:
			continue
		}
		files = append(files, etcFile{name: networkdName(i.Name, "link"), text: b.String()})
	}
	return files
}

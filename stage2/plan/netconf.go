package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// link is an interface with its configuration. The installed system may name
// it differently, so it is known by its address where there is one.
type link struct {
	config.Network
	name, mac string
}

// links finds out which interfaces the answers mean.
func links(answers []config.Network, m machine.Machine) []link {
	var out []link
	for _, n := range answers {
		if n.Method == "" {
			continue
		}
		l := link{Network: n, name: n.Device}
		if nic, ok := findNIC(n.Device, m.NICs); ok {
			l.name, l.mac = nic.Name, nic.MAC
		}
		out = append(out, l)
	}
	return out
}

// findNIC is kickstart's --device: a name, an address, or "link" for the first
// one with a link.
func findNIC(device string, nics []machine.Interface) (machine.Interface, bool) {
	for _, n := range nics {
		if n.Name == device || strings.EqualFold(n.MAC, device) {
			return n, true
		}
	}
	if device != "link" && device != "" {
		return machine.Interface{}, false
	}
	for _, n := range nics {
		if n.Carrier {
			return n, true
		}
	}
	if len(nics) > 0 {
		return nics[0], true
	}
	return machine.Interface{}, false
}

// network writes the configuration of whichever of ifupdown and
// systemd-networkd the target has.
type network struct {
	base
	links []link
}

func (s network) Run(ctx context.Context, env *Env) error {
	switch {
	case hasProgram(env, "ifup"):
		return errors.Join(etc(env, "network/interfaces", interfacesText(s.links)), resolver(env, s.links))
	case hasNetworkd(env):
		return s.networkd(ctx, env)
	}
	warn(env, noNetwork)
	return nil
}

const noNetwork = "the new system has neither ifupdown nor systemd-networkd: its network is not configured"

func hasNetworkd(env *Env) bool {
	return exists(env, Target+"/usr/lib/systemd/systemd-networkd") || exists(env, Target+"/lib/systemd/systemd-networkd")
}

func enableNetworkd(ctx context.Context, env *Env) {
	if err := inTarget(ctx, env, "systemctl", "enable", "systemd-networkd.service"); err != nil {
		warn(env, "systemd-networkd could not be enabled: "+err.Error())
	}
}

func (s network) networkd(ctx context.Context, env *Env) error {
	var errs []error
	for i, l := range s.links {
		name := fmt.Sprintf("systemd/network/%d0-installer.network", i+1)
		errs = append(errs, etc(env, name, networkdText(l)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	enableNetworkd(ctx, env)
	return resolver(env, s.links)
}

// resolver names the name servers where nothing else on the target does.
func resolver(env *Env, links []link) error {
	var b strings.Builder
	for _, l := range links {
		for _, a := range l.Nameservers {
			b.WriteString("nameserver " + a + "\n")
		}
	}
	if b.Len() == 0 || exists(env, Target+"/usr/lib/systemd/systemd-resolved") {
		return nil
	}
	return etc(env, "resolv.conf", b.String())
}

// networkdText is systemd.network(5).
func networkdText(l link) string {
	var b strings.Builder
	b.WriteString("[Match]\n")
	switch {
	case l.mac != "":
		b.WriteString("MACAddress=" + l.mac + "\n")
	case l.name == "" || l.name == "link":
		b.WriteString("Name=en* eth*\n")
	default:
		b.WriteString("Name=" + l.name + "\n")
	}
	if !l.OnBoot {
		b.WriteString("\n[Link]\nActivationPolicy=manual\n")
	}
	b.WriteString("\n[Network]\n")
	if l.Method == "dhcp" {
		b.WriteString("DHCP=yes\n")
	} else {
		b.WriteString("Address=" + l.Address + "\n")
		if l.Gateway != "" {
			b.WriteString("Gateway=" + l.Gateway + "\n")
		}
	}
	for _, a := range l.Nameservers {
		b.WriteString("DNS=" + a + "\n")
	}
	return b.String()
}

const interfacesHead = "# See interfaces(5). Written by the installer.\nsource /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"

// interfacesText is interfaces(5). Its patterns can match an address.
func interfacesText(links []link) string {
	var b strings.Builder
	b.WriteString(interfacesHead)
	for i, l := range links {
		logical, match := l.name, l.name
		switch {
		case l.mac != "":
			logical = fmt.Sprintf("net%d", i)
			match = "mac/" + l.mac + "=" + logical
		case l.name == "" || l.name == "link":
			logical = fmt.Sprintf("net%d", i)
			match = "/e*=" + logical // whichever there will be; none is no fault
		}
		b.WriteString("\n")
		if l.OnBoot {
			b.WriteString("auto " + match + "\n")
		}
		family := "inet"
		if strings.Contains(l.Address, ":") {
			family = "inet6"
		}
		fmt.Fprintf(&b, "iface %s %s %s\n", logical, family, l.Method)
		if l.Method == "static" {
			fmt.Fprintf(&b, "\taddress %s\n", l.Address)
			if l.Gateway != "" {
				fmt.Fprintf(&b, "\tgateway %s\n", l.Gateway)
			}
		}
		if len(l.Nameservers) > 0 {
			fmt.Fprintf(&b, "\tdns-nameservers %s\n", strings.Join(l.Nameservers, " "))
		}
	}
	return b.String()
}

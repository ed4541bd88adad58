package kickstart

import (
	"net"
	"net/netip"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func (w *writer) network(n config.Network) {
	proto, ip, mask := "", "", ""
	if n.Method == "static" || n.Method == "dhcp" {
		proto = n.Method
	}
	if prefix, err := netip.ParsePrefix(n.Address); err == nil {
		ip = prefix.Addr().String()
		mask = net.IP(net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())).String()
	}
	ipv6 := with("ipv6", n.IPv6)
	if n.IPv6 == "off" {
		ipv6 = "--noipv6"
	}
	onboot := "on"
	if !n.OnBoot {
		onboot = "off"
	}
	w.command("network", with("device", n.Device), with("bootproto", proto), when(n.Method == "", "noipv4"), with("ip", ip),
		with("netmask", mask), with("gateway", n.Gateway), ipv6, with("ipv6gateway", n.Gateway6), withList("nameserver", n.Nameservers),
		withList("ipv4-dns-search", n.Search), when(n.IgnoreAutoDNS, "ipv4-ignore-auto-dns"), when(n.IgnoreAutoDNS6, "ipv6-ignore-auto-dns"),
		when(n.NoDNS, "nodns"), when(n.NoDefaultRoute, "nodefroute"), with("dhcpclass", n.DHCPClass), withInt("mtu", n.MTU),
		with("ethtool", n.Ethtool), when(n.ForceMAC, "bindto=mac"), portsOptions("bond", n.Bond), portsOptions("bridge", n.Bridge),
		vlanOptions(n.VLAN), with("onboot", onboot))
}

func vlanOptions(v *config.VLAN) string {
	if v == nil {
		return ""
	}
	return join(withInt("vlanid", v.ID), with("interfacename", v.Name))
}

func portsOptions(kind string, p *config.Ports) string {
	if p == nil {
		return ""
	}
	options := strings.Join(p.Options, ",")
	if strings.Count(options, ",") >= max(1, len(p.Options)) {
		options = strings.Join(p.Options, ";") + ";"
	}
	return join(withList(kind+"slaves", p.Devices), with(kind+"opts", options))
}

func (w *writer) firewall(f config.Firewall) {
	if f.Mode == "" {
		return
	}
	w.command("firewall", "--"+f.Mode, withList("port", f.Ports), withList("trust", f.Trusted), withList("service", f.Services),
		withList("remove-service", f.Removed))
}

func transferOf(t config.Transfer) string {
	return join(with("proxy", t.Proxy), when(t.NoVerify, "noverifyssl"), with("sslcacert", t.CACert),
		with("sslclientcert", t.ClientCert), with("sslclientkey", t.ClientKey))
}

// source writes where the installation comes from, and what else is fetched for it.
func (w *writer) source(a config.Answers) {
	if s := a.Source; s.Kind != "" {
		w.command(s.Kind, with("url", s.URL), with("server", s.Server), with("partition", s.Partition), with("dir", s.Dir),
			with("opts", s.Options), with("checksum", s.Checksum), transferOf(s.Transfer))
	}
	if a.Updates != "" {
		w.command("updates", quote(a.Updates))
	}
	for _, d := range a.DriverDisks {
		partition := ""
		if d.Partition != "" {
			partition = quote(d.Partition)
		}
		w.command("driverdisk", partition, with("source", d.URL))
	}
	if a.Logging.Host != "" {
		w.command("logging", with("host", a.Logging.Host), withInt("port", a.Logging.Port))
	}
	if r := a.Rescue; r != nil {
		w.command("rescue", when(r.NoMount, "nomount"), when(r.ReadOnly, "romount"))
	}
}

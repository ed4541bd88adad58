package bootargs

import (
	"net/netip"
	"testing"
)

func TestParseIP(t *testing.T) {
	ip, net := netip.MustParseAddr, netip.MustParsePrefix
	tests := []struct {
		in   string
		want IP
	}{
		{"dhcp", IP{Method: "dhcp"}},
		{"eth0:dhcp6", IP{Interface: "eth0", Method: "dhcp6"}},
		{"eth0:on:1400:52:54:00:aa:bb:cc", IP{Interface: "eth0", Method: "on", MTU: 1400, MAC: "52:54:00:aa:bb:cc"}},
		{"eth0:dhcp::52:54:00:aa:bb:cc", IP{Interface: "eth0", Method: "dhcp", MAC: "52:54:00:aa:bb:cc"}},
		{"192.0.2.5::192.0.2.1:255.255.255.0:box:eth0:none",
			IP{Interface: "eth0", Method: "none", Address: net("192.0.2.5/24"), Gateway: ip("192.0.2.1"), Hostname: "box"}},
		{"192.0.2.5/28::192.0.2.1::box:eth0:none",
			IP{Interface: "eth0", Method: "none", Address: net("192.0.2.5/28"), Gateway: ip("192.0.2.1"), Hostname: "box"}},
		{"192.0.2.5:192.0.2.6::24:::off:9000:52:54:00:aa:bb:cc",
			IP{Method: "off", Address: net("192.0.2.5/24"), Peer: ip("192.0.2.6"), MTU: 9000, MAC: "52:54:00:aa:bb:cc"}},
		{"192.0.2.5:::24::eth0:none:192.0.2.3:192.0.2.4",
			IP{Interface: "eth0", Method: "none", Address: net("192.0.2.5/24"), DNS: []addr{ip("192.0.2.3"), ip("192.0.2.4")}}},
		{"[2001:db8::5]::[2001:db8::1]:64:box:eth0:none:[2001:db8::53]",
			IP{Interface: "eth0", Method: "none", Address: net("2001:db8::5/64"), Gateway: ip("2001:db8::1"), Hostname: "box", DNS: []addr{ip("2001:db8::53")}}},
		{":::::eth0:dhcp", IP{Interface: "eth0", Method: "dhcp"}},
		{"192.0.2.5:::24::eth0", IP{Interface: "eth0", Method: "none", Address: net("192.0.2.5/24")}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := parseIP(tt.in)
			if err != nil {
				t.Error(err)
			}
			compare(t, tt.want, got)
		})
	}
}

func TestParseNetwork(t *testing.T) {
	got, warnings := Parse("nameserver=192.0.2.53 nameserver=[2001:db8::53] ifname=lan0:52:54:00:AA:BB:CC " +
		"vlan=eth0.5:eth0 bond=bond0:eth0,eth1:mode=active-backup,miimon=100:1400 bond=bond1 bridge=br0:eth0,eth1 " +
		"rd.route=198.51.100.0/24:192.0.2.1:eth0 rd.route=[2001:db8::/32]:[fe80::1]")
	if len(warnings) > 0 {
		t.Error(warnings)
	}
	compare(t, Options{
		Nameservers: []addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")},
		Names:       []IfName{{"lan0", "52:54:00:aa:bb:cc"}},
		VLANs:       []VLAN{{Name: "eth0.5", Parent: "eth0"}},
		Bonds:       []Bond{{"bond0", []string{"eth0", "eth1"}, []string{"mode=active-backup", "miimon=100"}, 1400}, {Name: "bond1"}},
		Bridges:     []Bridge{{"br0", []string{"eth0", "eth1"}}},
		Routes: []Route{
			{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParseAddr("192.0.2.1"), "eth0"},
			{netip.MustParsePrefix("2001:db8::/32"), netip.MustParseAddr("fe80::1"), ""},
		},
	}, got)
}

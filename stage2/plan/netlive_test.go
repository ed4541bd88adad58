package plan

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

func TestLiveNetwork(t *testing.T) {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	for name, tt := range map[string]struct {
		answers []config.Network
		kept    []string
		want    bootargs.Options
	}{
		"dhcp": {
			answers: []config.Network{{Device: "eth0", Method: "dhcp", OnBoot: true}},
			want:    bootargs.Options{IP: []bootargs.IP{{Interface: "eth0", Method: "dhcp"}, {Interface: "eth0", Method: "auto6"}}},
		},
		"static, of both families": {
			answers: []config.Network{{Device: "52:54:00:00:00:02", Method: "static", Address: "192.0.2.5/24", Gateway: "192.0.2.1",
				Nameservers: []string{"192.0.2.53"}, IPv6: "2001:db8::5/64", Gateway6: "fe80::1", MTU: 1400}},
			want: bootargs.Options{IP: []bootargs.IP{
				{Interface: "eth1", Method: "none", Address: prefix("192.0.2.5/24"), Gateway: addr("192.0.2.1"), DNS: []netip.Addr{addr("192.0.2.53")}, MTU: 1400},
				{Interface: "eth1", Method: "none", Address: prefix("2001:db8::5/64"), Gateway: addr("fe80::1")},
			}},
		},
		"a VLAN on an interface that is kept": {
			answers: []config.Network{
				{Device: "eth0", Method: "static", Address: "192.0.2.5/24"},
				{Device: "eth0", Method: "dhcp", IPv6: "off", VLAN: &config.VLAN{ID: 7, Name: "home"}},
			},
			kept: []string{"eth0"},
			want: bootargs.Options{VLANs: []bootargs.VLAN{{Name: "home", Parent: "eth0", ID: 7}}, IP: []bootargs.IP{{Interface: "home", Method: "dhcp"}}},
		},
		"a bond": {
			answers: []config.Network{{Device: "bond0", Method: "dhcp", IPv6: "off", Bond: &config.Ports{Devices: []string{"eth1", "eth2"}, Options: []string{"mode=1"}}}},
			want: bootargs.Options{
				Bonds: []bootargs.Bond{{Name: "bond0", Ports: []string{"eth1", "eth2"}, Options: []string{"mode=active-backup", "miimon=100"}}},
				IP:    []bootargs.IP{{Interface: "bond0", Method: "dhcp"}},
			},
		},
		"off": {answers: []config.Network{{Device: "eth0", IPv6: "off"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := LiveNetwork(tt.answers, machine.Machine{NICs: fiveCards()}, handoff.Record{}, tt.kept)
			if err != nil {
				t.Fatal(err)
			}
			same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
			if diff := cmp.Diff(tt.want, got, same, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLiveNetworkRefuses(t *testing.T) {
	m := machine.Machine{NICs: fiveCards()}
	_, err := LiveNetwork([]config.Network{{Device: "eth0", Method: "static", Address: "192.0.2.0/24"}}, m, handoff.Record{}, nil)
	var wrong Problems
	if !errors.As(err, &wrong) || len(wrong) != 1 {
		t.Errorf("the network's own address: %v", err)
	}
	bond := []config.Network{{Device: "bond0", Method: "dhcp", Bond: &config.Ports{Devices: []string{"eth0", "eth1"}}}}
	if _, err := LiveNetwork(bond, m, handoff.Record{}, []string{"eth1"}); err == nil || !strings.Contains(err.Error(), "bond0 can't be made") {
		t.Errorf("a bond of the installer's own network: %v", err)
	}
}

func TestReviewNetwork(t *testing.T) {
	m := machine.Machine{NICs: fiveCards()}
	got := ReviewNetwork([]config.Network{{Device: "eth0", Method: "static", Address: "192.0.2.5/24", Gateway: "198.51.100.1"}}, m, handoff.Record{})
	want := NetworkReview{
		Lines:    []string{"eth0 (52:54:00:00:00:01): 192.0.2.5/24, gateway 198.51.100.1, not at boot"},
		Warnings: []string{"network --device=eth0: the gateway 198.51.100.1 is in no network of the interface; it is taken to be on the same link"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	record := handoff.Record{Network: &handoff.Network{Interfaces: []handoff.Interface{{Name: "eth0", Kind: "ethernet", IPv4: "dhcp", Usable: true}}}}
	if got := ReviewNetwork(nil, m, record); len(got.Lines) != 1 || !strings.Contains(got.Lines[0], "DHCP") {
		t.Errorf("what stage 1 brought up: %+v", got)
	}
}

// TestTakenNetwork: answers made of what stage 1 brought up give the network that it would give itself,
// but for what answers can't say.
func TestTakenNetwork(t *testing.T) {
	unsayable := map[string]string{
		"bond-vlan": "options of a bond that don't go together", "bridge": "routes, the kernel's own options",
		"static": "a second address, a MAC address, routes", "v6": "link-local addresses, DHCPv6 where routers are silent",
	}
	same := 0
	for _, name := range allRecords(t) {
		n := recorded(t, name)
		record := handoff.Record{Network: &n}
		m := machine.Machine{}
		for _, i := range n.Interfaces {
			if i.Kind == "ethernet" {
				m.NICs = append(m.NICs, machine.Interface{Name: i.Name, MAC: i.MAC, Carrier: true})
			}
		}
		want, got := ReviewNetwork(nil, m, record), ReviewNetwork(TakenNetwork(m, record), m, record)
		if unsayable[name] != "" {
			if len(got.Lines) != len(want.Lines) {
				t.Errorf("%s: %q, want as many as %q", name, got.Lines, want.Lines)
			}
			continue
		}
		same++
		if diff := cmp.Diff(want.Lines, got.Lines); diff != "" || len(got.Problems) > 0 {
			t.Errorf("%s: %v %s", name, got.Problems, diff)
		}
	}
	if same == 0 {
		t.Error("no record is the same")
	}
}

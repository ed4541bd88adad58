package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/golden"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
)

// fiveCards are eth0 to eth4.
func fiveCards() []machine.Interface {
	var nics []machine.Interface
	for k := range 5 {
		nics = append(nics, machine.Interface{Name: fmt.Sprintf("eth%d", k), MAC: fmt.Sprintf("52:54:00:00:00:%02x", k+1), Carrier: k == 3})
	}
	return nics
}

// answeredBy plans the network for these answers on a machine with five cards.
func answeredBy(answers []config.Network, packages ...string) *builder {
	b := &builder{Input: Input{
		Answers: config.Answers{Network: answers}, Machine: machine.Machine{NICs: fiveCards()},
		Handoff: handoff.Record{CommandLine: "quiet BOOTIF=01-52-54-00-00-00-05"}, Selection: &payload.Selection{},
	}}
	for _, p := range packages {
		b.Selection.Packages = append(b.Selection.Packages, payload.Package{Name: p})
	}
	if len(answers) > 0 && answers[0].Device == "link" && answers[0].Method == "static" {
		b.Machine.NICs = nil
	}
	b.network()
	return b
}

// answeredIn reads a kickstart file, testdata/network/answers/NAME.ks.
func answeredIn(t *testing.T, name string) *builder {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "network", "answers", name+".ks"))
	if err != nil {
		t.Fatal(err)
	}
	answers, diags := kickstart.Parse(name+".ks", data, kickstart.Options{})
	if len(diags) > 0 {
		t.Fatalf("%s.ks: %v", name, diags)
	}
	b := answeredBy(answers.Network)
	if len(b.problems) > 0 {
		t.Fatalf("%s.ks: %v", name, b.problems)
	}
	return b
}

func allAnswers(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/network/answers/*.ks")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kickstart files: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".ks")
	}
	return files
}

func TestAnsweredGolden(t *testing.T) {
	for _, name := range allAnswers(t) {
		t.Run(name, func(t *testing.T) {
			b := answeredIn(t, name)
			golden.Check(t, filepath.Join("testdata", "network", "answers", name+".txt"), onAllTargets(t, b.net, &b.plan))
		})
	}
}

// TestWrongNetworks: each mistake is told by itself, and nothing else is.
func TestWrongNetworks(t *testing.T) {
	const ip = " --bootproto=static --netmask=255.255.255.0 --ip="
	tests := map[string]struct{ ks, want string }{
		"no such parent":         {"network --device=eth9 --vlanid=5 --bootproto=dhcp", `network --device=eth9: there is no interface "eth9"; this machine has eth0 52:54:00:00:00:01, eth1`},
		"no such address":        {"network --device=02:00:00:00:00:99 --bootproto=dhcp", `there is no interface "02:00:00:00:00:99"`},
		"no such port":           {"network --device=bond0 --bondslaves=eth0,port7 --bootproto=dhcp", `network --device=bond0: there is no interface "port7"`},
		"port with an address":   {"network --device=bond0 --bondslaves=eth0,eth1 --bootproto=dhcp\nnetwork --device=eth1 --bootproto=dhcp", "network --device=bond0: its port eth1 is also given an address (--bootproto=dhcp --ipv6=): write --noipv4 --noipv6"},
		"port of two":            {"network --device=br0 --bridgeslaves=eth0\nnetwork --device=br1 --bridgeslaves=52:54:00:00:00:01", "eth0 is already a port of br0"},
		"port twice":             {"network --device=br0 --bridgeslaves=eth0,52:54:00:00:00:01", "the port eth0 is there twice"},
		"bridge in a bridge":     {"network --device=br0 --bridgeslaves=br1 --noipv4\nnetwork --device=br1 --bridgeslaves=eth1 --noipv4", "the bridge br1 can't be a port of a bridge"},
		"bond in a bond":         {"network --device=bond0 --bondslaves=bond1 --noipv4\nnetwork --device=bond1 --bondslaves=eth1 --noipv4", "the bond bond1 can't be a port of a bond"},
		"on itself":              {"network --device=br0 --bridgeslaves=v --noipv4\nnetwork --device=br0 --vlanid=5 --interfacename=v --noipv4", "network --device=br0: it stands on itself"},
		"two gateways":           {"network --device=eth0 --gateway=192.0.2.1" + ip + "192.0.2.5\nnetwork --device=eth1 --gateway=198.51.100.1" + ip + "198.51.100.5", "network --device=eth1: eth0 and eth1 have a gateway each, and there is one default route; write --nodefroute"},
		"own gateway":            {"network --device=eth0 --gateway=192.0.2.5" + ip + "192.0.2.5", "is the interface's own address"},
		"gateway of IPv6":        {"network --device=eth0 --gateway=2001:db8::1" + ip + "192.0.2.5", "--gateway=2001:db8::1 is not an address of IPv4"},
		"the network's address":  {"network --device=eth0" + ip + "192.0.2.0", "192.0.2.0/24 is the network's own address or its broadcast address"},
		"the broadcast address":  {"network --device=eth0" + ip + "192.0.2.255", "its broadcast address"},
		"multicast":              {"network --device=eth0" + ip + "224.0.0.5", "can't be the address of an interface"},
		"an address twice":       {"network --device=eth0" + ip + "192.0.2.5\nnetwork --device=eth1" + ip + "192.0.2.5", "network --device=eth1: the address 192.0.2.5 is given to eth0 as well"},
		"a card twice":           {"network --device=eth0 --bootproto=dhcp\nnetwork --device=52:54:00:00:00:01 --bootproto=dhcp", "network --device=52:54:00:00:00:01: eth0 is configured by another line as well"},
		"link and the same card": {"network --bootproto=dhcp\nnetwork --device=eth3 --bootproto=dhcp", "eth3 is configured by another line as well"},
		"a number as a name":     {"network --device=eth0 --vlanid=5 --interfacename=100 --bootproto=dhcp", `"100" can't be the name of an interface`},
		"a word as a name":       {"network --device=default --bridgeslaves=eth0 --bootproto=dhcp", `"default" can't be the name of an interface`},
		"too long a VLAN's name": {"network --device=bridge000000 --bridgeslaves=eth0 --noipv4\nnetwork --device=bridge000000 --vlanid=1000 --bootproto=dhcp", `"bridge000000.1000" can't be the name`},
		"a VLAN twice":           {"network --device=eth0 --vlanid=5 --interfacename=a --bootproto=dhcp\nnetwork --device=52:54:00:00:00:01 --vlanid=5 --interfacename=b --bootproto=dhcp", "eth0 has a VLAN 5 already, a"},
		"a name twice":           {"network --device=eth0 --vlanid=5 --interfacename=a --bootproto=dhcp\nnetwork --device=eth0 --vlanid=6 --interfacename=a --bootproto=dhcp", "a is the name of another interface"},
		"a VLAN's MTU":           {"network --device=eth0 --vlanid=5 --mtu=9000 --bootproto=dhcp", "the MTU 9000 is more than that of eth0, which the VLAN is on; give that --mtu=9000 too"},
		"a bond's option":        {"network --device=bond0 --bondslaves=eth0 --bondopts=mode=1,colour=red --bootproto=dhcp", `network --device=bond0: a bond has no option "colour"`},
		"a bond's value":         {"network --device=bond0 --bondslaves=eth0 --bondopts=mode=quick --bootproto=dhcp", `mode can't be "quick": balance-rr, active-backup`},
		"no number":              {"network --device=bond0 --bondslaves=eth0 --bondopts=miimon=often --bootproto=dhcp", `miimon can't be "often"`},
		"another mode's option":  {"network --device=bond0 --bondslaves=eth0 --bondopts=lacp_rate=fast --bootproto=dhcp", "lacp_rate does not go with mode=balance-rr, only with 802.3ad"},
		"two ways to watch":      {"network --device=bond0 --bondslaves=eth0 --bondopts=mode=1;miimon=100;arp_interval=100;arp_ip_target=192.0.2.1 --bootproto=dhcp", "miimon and arp_interval exclude each other"},
		"no target":              {"network --device=bond0 --bondslaves=eth0 --bondopts=mode=1,arp_interval=100 --bootproto=dhcp", "arp_interval and arp_ip_target go only together"},
		"a delay of nothing":     {"network --device=bond0 --bondslaves=eth0 --bondopts=mode=1,updelay=100 --bootproto=dhcp", "updelay and downdelay go only with miimon"},
		"a foreign primary port": {"network --device=bond0 --bondslaves=eth0,eth1 --bondopts=mode=1,primary=eth2 --bootproto=dhcp", "its primary port eth2 is not among its ports eth0, eth1"},
		"a bridge's option":      {"network --device=br0 --bridgeslaves=eth0 --bridgeopts=tsp=on --bootproto=dhcp", `a bridge has no option "tsp"; there are ageing-time`},
		"a bridge's switch":      {"network --device=br0 --bridgeslaves=eth0 --bridgeopts=stp=maybe --bootproto=dhcp", `stp can't be "maybe"; it is on or off`},
		"a bridge's number":      {"network --device=br0 --bridgeslaves=eth0 --bridgeopts=forward-delay=1 --bootproto=dhcp", `forward-delay can't be "1"; it is between 2 and 30`},
		"an option of ethtool":   {"network --device=eth0 --bootproto=dhcp --ethtool=\"speed fast\"", `--ethtool: "speed fast" can't be set; autoneg on|off`},
		"a password of ethtool":  {"network --device=eth0 --bootproto=dhcp --ethtool=\"sopass 02:00:00:00:00:01\"", `--ethtool: "sopass" can't be set`},
		"half an option":         {"network --device=eth0 --bootproto=dhcp --ethtool=\"speed 100 wol\"", `--ethtool: "wol" has no value`},
		"ethtool of a bridge":    {"network --device=br0 --bridgeslaves=eth0 --bootproto=dhcp --ethtool=\"wol g\"", "--ethtool is for a card"},
		"bound to what isn't":    {"network --device=ens3 --bootproto=dhcp --bindto=mac", "--bindto=mac: the address of ens3 is not known"},
		"a bond bound to that":   {"network --device=bond0 --bondslaves=ens3 --bootproto=dhcp --bindto=mac", "network --device=bond0: --bindto=mac: the address of ens3 is not known"},
		"class":                  {"network --device=eth0 --bootproto=dhcp --dhcpclass=\"a'b\"", "has signs that can't be written"},
		"name server twice":      {"network --device=eth0 --bootproto=dhcp --nameserver=192.0.2.53,192.0.2.53", "the name server 192.0.2.53 is there twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			answers, diags := kickstart.Parse("ks.cfg", []byte(tt.ks+"\n"), kickstart.Options{})
			if slices.ContainsFunc(diags, func(d kickstart.Diagnostic) bool { return d.Kind != kickstart.Warning }) {
				t.Fatal(diags)
			}
			got := answeredBy(answers.Network).problems
			if len(got) != 1 || got[0].Code != BadNetwork || !strings.Contains(got[0].String(), tt.want) {
				t.Errorf("problems: %v", got)
			}
		})
	}
}

// TestWrongAnswers are those that no kickstart file can have, but a screen or a
// third party's program.
func TestWrongAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer config.Network
		want   string
	}{
		"method":      {config.Network{Device: "eth0", Method: "bootp"}, `"bootp" is not a way to get an address`},
		"no length":   {config.Network{Device: "eth0", Method: "static", Address: "192.0.2.5"}, `"192.0.2.5" is not an address with a prefix length, as 192.0.2.5/24`},
		"no IPv6":     {config.Network{Device: "eth0", IPv6: "192.0.2.5/24"}, "as 2001:db8::5/64"},
		"no ports":    {config.Network{Device: "bond0", Method: "dhcp", Bond: &config.Ports{}}, "a bond needs ports: --bondslaves=PORT,PORT"},
		"VLAN 4095":   {config.Network{Device: "eth0", Method: "dhcp", VLAN: &config.VLAN{ID: 4095}}, "between 1 and 4094"},
		"name server": {config.Network{Device: "eth0", Method: "dhcp", Nameservers: []string{"ns"}}, `"ns" is not an address of a name server`},
		"domain":      {config.Network{Device: "eth0", Method: "dhcp", Search: []string{"a b"}}, `"a b" are not domains`},
		"MTU":         {config.Network{Device: "eth0", Method: "dhcp", IPv6: "off", MTU: 20}, "--mtu=20: it is between 68 and 65535"},
		"no DNS":      {config.Network{Device: "eth0", Method: "dhcp", NoDNS: true, Nameservers: []string{"192.0.2.53"}}, "exclude each other"},
		"a line":      {config.Network{Device: "br\n0", Method: "dhcp", Bridge: &config.Ports{Devices: []string{"eth0"}}}, "can't be the name"},
		"an option":   {config.Network{Device: "bond0", Method: "dhcp", Bond: &config.Ports{Devices: []string{"eth0"}, Options: []string{"mode=$(x)"}}}, "are no options of a bond"},
	} {
		got := answeredBy([]config.Network{tt.answer}).problems
		if len(got) == 0 || got[0].Code != BadNetwork || !strings.Contains(got[0].String(), tt.want) {
			t.Errorf("%s: problems: %v", name, got)
		}
	}
}

// TestLacksBeforehand: what the new system will have no word for is in the plan
// where its packages say what it will have, and is not told a second time.
func TestLacksBeforehand(t *testing.T) {
	bond := config.Network{
		Device: "bond0", Method: "dhcp", DHCPClass: "acme", OnBoot: true,
		Bond: &config.Ports{Devices: []string{"eth0"}, Options: []string{"mode=1", "primary=eth0", "use_carrier=1"}},
	}
	for name, tt := range map[string]struct {
		packages, programs []string
		want               string
	}{
		"systemd-networkd": {[]string{"systemd"}, []string{targetNetworkd}, "does not know these options of the bond bond0, which is made without them: use_carrier=1"},
		"NetworkManager":   {[]string{"systemd", "ifupdown", "network-manager"}, []string{targetManager, targetIfup}, "bond0 is made without its primary port"},
		"no client":        {[]string{"systemd", "ifupdown"}, []string{targetIfup}, "needs a DHCP client such as dhcpcd-base"},
		"dhclient":         {[]string{"systemd", "ifupdown", "isc-dhcp-client"}, []string{targetIfup, targetDhclient}, "ifupdown can't tell the DHCP client of bond0 this, which is not done: --dhcpclass; install dhcpcd-base"},
		"dhcpcd":           {[]string{"systemd", "ifupdown", "dhcpcd-base"}, []string{targetIfup, targetDhcpcd}, ""},
		"nobody knows yet": {nil, []string{targetIfup, targetDhcpcd}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := answeredBy([]config.Network{bond}, tt.packages...)
			if got := strings.Join(b.plan.Warnings, "\n"); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("the plan warns: %q", got)
			}
			w := newWorld()
			for _, p := range tt.programs {
				w.AddFile(Target+p, "")
			}
			if err := (network{net: b.net, said: b.lacks}).Run(t.Context(), w.env); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string(nil), w.told); diff != "" {
				t.Errorf("told again: %s", diff)
			}
		})
	}
}

// TestNoClient: an answer that asks for DHCP is refused where nothing will do it, and so is nothing else.
func TestNoClient(t *testing.T) {
	dhcp, fixed := config.Network{Device: "eth0", Method: "dhcp"}, config.Network{Device: "eth0", Method: "static", Address: "192.0.2.5/24"}
	for name, tt := range map[string]struct {
		answer   config.Network
		packages []string
		problems int
	}{
		"none":           {dhcp, []string{"systemd", "ifupdown"}, 1},
		"DHCPv6":         {config.Network{Device: "eth0", IPv6: "dhcp"}, []string{"systemd", "ifupdown", "udhcpc"}, 1},
		"one":            {dhcp, []string{"systemd", "ifupdown", "dhcpcd-base"}, 0},
		"static":         {fixed, []string{"systemd", "ifupdown"}, 0},
		"NetworkManager": {dhcp, []string{"systemd", "ifupdown", "network-manager"}, 0},
	} {
		got := answeredBy([]config.Network{tt.answer}, tt.packages...).problems
		if len(got) != tt.problems || tt.problems > 0 && !strings.Contains(got[0].String(), "add dhcpcd-base to %packages") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNoResolver: systemd-networkd itself tells nobody of DHCP's name servers.
func TestNoResolver(t *testing.T) {
	dhcp := config.Network{Device: "eth0", Method: "dhcp"}
	named, none := dhcp, dhcp
	named.Nameservers, none.NoDNS = []string{"192.0.2.53"}, true
	for name, tt := range map[string]struct {
		answer   config.Network
		packages []string
		want     bool
	}{
		"none":          {dhcp, []string{"systemd"}, true},
		"resolved":      {dhcp, []string{"systemd", "systemd-resolved"}, false},
		"ifupdown":      {dhcp, []string{"systemd", "ifupdown", "dhcpcd-base"}, false},
		"--nameserver":  {named, []string{"systemd"}, false},
		"--nodns":       {none, []string{"systemd"}, false},
		"nobody's word": {dhcp, nil, false},
	} {
		got := strings.Join(answeredBy([]config.Network{tt.answer}, tt.packages...).plan.Warnings, "\n")
		if strings.Contains(got, "add systemd-resolved to %packages") != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestNetworkFails: a file that can't be written is an error that names it.
func TestNetworkFails(t *testing.T) {
	b := answeredBy([]config.Network{{Device: "eth0", Method: "dhcp", OnBoot: true}})
	for program, file := range map[string]string{targetIfup: "network/interfaces", targetManager: "eth0.nmconnection", targetNetworkd: "10-eth0.network"} {
		w := newWorld()
		w.AddFile(Target+program, "")
		w.FailOn("write", 1, os.ErrPermission)
		if err := (network{net: b.net}).Run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", program, err)
		}
	}
}

package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/ndp"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/golden"
)

var _ = flag.Bool("update", false, "write the goldens anew")

// cards are a machine's two, the second with a link.
func cards() []Link {
	return []Link{
		{Name: "eth0", MAC: "52:54:00:00:00:01"},
		{Name: "eth1", MAC: "52:54:00:00:00:02", Carrier: true},
	}
}

// TestPlan compares the plans for command lines with testdata/plans.json.
func TestPlan(t *testing.T) {
	lines := []string{
		"",
		"ip=dhcp",
		"ip=off",
		"ip=none ip=eth1:on",
		"ip=auto6 BOOTIF=01-52-54-00-00-00-02",
		"BOOTIF=01-52-54-00-00-00-99",
		"ip=eth0:dhcp:1400:52:54:00:aa:bb:cc ip=eth1:auto6 nameserver=192.0.2.53 nameserver=[2001:db8::53]",
		"ip=192.0.2.5::192.0.2.1:255.255.255.0:box:eth0:none:192.0.2.53 ip=[2001:db8::5]::[2001:db8::1]:64::eth0:none",
		"ip=192.0.2.5::192.0.2.1:24:box::none",
		"ip=192.0.2.5:192.0.2.6::32::eth0:none",
		"ip=eth7:dhcp",
		"ip=eth0:either6 ip=eth1:link-local ip=eth1:link6",
		"ifname=lan0:52:54:00:00:00:02 ip=lan0:dhcp6",
		"ifname=lan0:52:54:00:00:00:77 ip=lan0:dhcp",
		"vlan=eth1.0005:eth1 ip=eth1.0005:dhcp",
		"vlan=vlan:eth1 vlan=vlan7:eth7",
		"bond=bond0 ip=bond0:dhcp",
		"bond=bond0:eth0,eth5:mode=active-backup,miimon=100:9000",
		"bridge=br0:vlan9,eth0 vlan=vlan9:bond0 bond=bond0:eth1:mode=802.3ad ip=br0:dhcp",
		"bridge=br0:br1 bridge=br1:br0",
		"rd.route=10.0.0.0/8:192.0.2.9:eth0 ip=single-dhcp",
		"ip=ibft",
	}
	type goldenPlan struct {
		Line string `json:"line"`
		Plan Plan   `json:"plan"`
	}
	var all []goldenPlan
	for _, line := range lines {
		o, warnings := bootargs.Parse(line)
		if len(warnings) > 0 {
			t.Errorf("%s: %v", line, warnings)
		}
		all = append(all, goldenPlan{line, Build(o, cards())})
	}
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetIndent("", " ")
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "plans.json")
	golden.Check(t, path, got.String())
}

// TestPlanGrows: an interface that comes later only adds to the plan.
func TestPlanGrows(t *testing.T) {
	o, _ := bootargs.Parse("bond=bond0:eth0,eth1 vlan=vlan5:bond0 ip=vlan5:dhcp")
	one, both := Build(o, cards()[:1]), Build(o, cards())
	if len(one.Missing) != 1 || len(both.Missing) != 0 || len(one.Devices) != 2 || len(one.Devices[0].Ports) != 1 || len(both.Devices[0].Ports) != 2 {
		t.Errorf("%+v\n%+v", one, both)
	}
	if diff := cmp.Diff(one.Interfaces, both.Interfaces, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestResolvConf(t *testing.T) {
	got := resolvConf([]netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("fe80::1%eth0")}, []string{"a.test", "b.test"})
	want := "# Written by molt whenever name servers change.\nsearch a.test b.test\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\noptions timeout:2 attempts:2\n"
	if got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestLinkResolvConf(t *testing.T) {
	root := t.TempDir()
	for range 2 {
		if err := LinkResolvConf(root); err != nil {
			t.Fatal(err)
		}
	}
	if to, err := os.Readlink(filepath.Join(root, "etc/resolv.conf")); err != nil || to != "/run/molt/resolv.conf" {
		t.Errorf("%q, %v", to, err)
	}
	out := t.TempDir()
	if err := os.Symlink(out, filepath.Join(root, "x")); err != nil {
		t.Fatal(err)
	}
	evil := t.TempDir()
	if err := os.Symlink(out, filepath.Join(evil, "etc")); err != nil {
		t.Fatal(err)
	}
	if err := LinkResolvConf(evil); err == nil {
		t.Error("a link out of the root was followed")
	}
}

func TestReadAdvertisement(t *testing.T) {
	dead, alive := netip.MustParseAddr("2001:db8::dead"), netip.MustParseAddr("2001:db8::53")
	got := readAdvertisement(&ndp.RouterAdvertisement{OtherConfiguration: true, Options: []ndp.Option{
		&ndp.RecursiveDNSServer{Servers: []netip.Addr{dead}},
		&ndp.RecursiveDNSServer{Lifetime: time.Hour, Servers: []netip.Addr{alive}},
		&ndp.DNSSearchList{Lifetime: time.Hour, DomainNames: []string{"example.test"}},
	}})
	if got.managed || !got.other || len(got.dns) != 1 || got.dns[0] != alive || len(got.search) != 1 {
		t.Errorf("%+v", got)
	}
}

// FuzzLease: whatever a server answers, nothing that isn't an address comes of it.
func FuzzLease(f *testing.F) {
	ack, err := dhcpv4.New(dhcpv4.WithYourIP([]byte{10, 1, 0, 5}), dhcpv4.WithRouter([]byte{10, 1, 0, 1}), dhcpv4.WithDNS([]byte{0, 0, 0, 0}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ack.ToBytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := dhcpv4.FromBytes(data)
		if err != nil {
			return
		}
		g := fromLease(m)
		for _, a := range g.dns {
			if !a.IsValid() || a.IsUnspecified() {
				t.Errorf("name server %v", a)
			}
		}
	})
}

func TestErrorNamesAll(t *testing.T) {
	err := &Error{[]State{{Interface: "eth0", Step: StepLink, Reason: ErrNoLink}, {Interface: "eth1", Step: StepAddress, Reason: because(ErrNoDHCP, os.ErrPermission)}}}
	want := "the network can't be used: eth0: no link (no cable, or nothing at its other end); eth1: no answer to DHCP: permission denied"
	if err.Error() != want || !errors.Is(err, ErrNoDHCP) || !errors.Is(err, ErrNoLink) {
		t.Error(err)
	}
	if s := (&Error{}).Error(); s != "the network can't be used: there is no network card, or no driver for it here" {
		t.Error(s)
	}
}

// TestBondOptions: the mode first, ARP targets one by one.
func TestBondOptions(t *testing.T) {
	sys := t.TempDir()
	dir := filepath.Join(sys, "bond0", "bonding")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := Device{Name: "bond0", Options: []string{"miimon=100", "arp_ip_target=10.0.0.1;10.0.0.2", "mode=active-backup"}}
	if err := d.setOptions(sys); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"mode": "active-backup", "miimon": "100", "arp_ip_target": "+10.0.0.2"} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

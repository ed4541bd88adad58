package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
)

const (
	pool4 = "--dhcp-range=10.1.0.50,10.1.0.99,255.255.255.0,1h"
	host4 = "--address=/mirror.test/10.1.0.1"
)

// up brings the network up, or fails the test with all that was told.
func up(t *testing.T, m *Manager, cfg Config, s *states) *handoff.Network {
	t.Helper()
	t.Cleanup(m.Down)
	n, err := m.Up(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return n
}

// only is the one interface of a result.
func only(t *testing.T, n *handoff.Network, name string) handoff.Interface {
	t.Helper()
	if len(n.Interfaces) != 1 || n.Interfaces[0].Name != name {
		t.Fatalf("interfaces: %+v, want %s alone", n.Interfaces, name)
	}
	return n.Interfaces[0]
}

func within(t *testing.T, i handoff.Interface, network string) {
	t.Helper()
	p := netip.MustParsePrefix(network)
	if !slices.ContainsFunc(i.Addresses, func(a netip.Prefix) bool { return p.Contains(a.Addr()) }) {
		t.Errorf("%s has %v, none in %s", i.Name, i.Addresses, network)
	}
}

func TestDHCP(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	dnsmasq(t, pool4, host4, "--dhcp-option=option:domain-search,example.test,test",
		"--dhcp-option=option:mtu,1380", "--dhcp-option=121,10.9.0.0/16,10.1.0.7,0.0.0.0/0,10.1.0.1")
	var m Manager
	s := &states{}
	i := only(t, up(t, &m, source(t, "", s), s), "eth0")
	within(t, i, "10.1.0.0/24")
	if len(i.Gateways) != 1 || i.Gateways[0].String() != "10.1.0.1" || !i.Usable || i.MTU != 1380 || i.IPv4 != "dhcp" || i.IPv6 != "auto" {
		t.Errorf("%+v", i)
	}
	conf, err := os.ReadFile("/etc/resolv.conf")
	if err != nil || !strings.Contains(string(conf), "nameserver 10.1.0.1\n") || !strings.Contains(string(conf), "search example.test test") {
		t.Errorf("resolv.conf: %v\n%s", err, conf)
	}
	r, err := netlink.RouteGet(net.IPv4(10, 9, 1, 1))
	if err != nil || !r[0].Gw.Equal(net.IPv4(10, 1, 0, 7)) {
		t.Errorf("the lease's route: %v, %v", r, err)
	}
	m.Down()
	l, err := netlink.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if left := addresses(l, unix.AF_INET, true); len(left) > 0 || l.Attrs().MTU != 1500 || len(defaultRoutes(l, unix.AF_INET)) > 0 {
		t.Errorf("left behind: %v, MTU %d", left, l.Attrs().MTU)
	}
}

// TestGatewayOutside: a gateway on the wire that no network of the interface has.
func TestGatewayOutside(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "198.51.100.1/32", "2001:db8:f::1/128")
	ip(t, "-n far route add 192.0.2.5 dev eth0far")
	ip(t, "-n far route add 2001:db8:a::5 dev eth0far")
	ip(t, "-n far addr add 203.0.113.9/32 dev lo")
	ip(t, "-n far link set lo up")
	dnsmasq(t, "--address=/mirror.test/203.0.113.9")
	var m Manager
	s := &states{}
	n := up(t, &m, source(t, "ip=192.0.2.5::198.51.100.1:255.255.255.255:box:eth0:none ip=[2001:db8:a::5]::[2001:db8:f::1]:128::eth0:none "+
		"nameserver=198.51.100.1 rd.route=10.0.0.0/8:198.51.100.1:eth0", s), s)
	i := only(t, n, "eth0")
	if got := []string{i.Addresses[0].String(), i.Gateways[0].String(), i.Addresses[1].String(), i.Gateways[1].String(), n.Hostname}; !slices.Equal(got,
		[]string{"192.0.2.5/32", "198.51.100.1", "2001:db8:a::5/128", "2001:db8:f::1", "box"}) {
		t.Errorf("%v", got)
	}
	if name, _ := os.Hostname(); name != "box" {
		t.Errorf("host name %s", name)
	}
	r, err := netlink.RouteGet(net.IPv4(10, 9, 1, 1))
	if err != nil || !r[0].Gw.Equal(net.IPv4(198, 51, 100, 1)) {
		t.Errorf("rd.route: %v, %v", r, err)
	}
}

// TestLateAdvertisement: IPv6 alone, and the router speaks up a second after the
// interface was found to have none. Its name servers come with it.
func TestLateAdvertisement(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "2001:db8:1::1/64")
	s := &states{}
	cfg := source(t, "ip=auto6 inst.waitfornet=40", s)
	started := make(chan struct{})
	go func() {
		defer close(started)
		if err := s.await(t.Context(), "eth0: no router advertisement"); err != nil {
			t.Error(err)
			return
		}
		pause(t.Context(), time.Second)
		dnsmasq(t, "--enable-ra", "--dhcp-range=2001:db8:1::,ra-only", "--dhcp-option=option6:dns-server,[2001:db8:1::1]",
			"--dhcp-option=option6:domain-search,example.test", "--address=/mirror.test/2001:db8:1::1")
	}()
	var m Manager
	n := up(t, &m, cfg, s)
	<-started
	i := only(t, n, "eth0")
	within(t, i, "2001:db8:1::/64")
	if len(i.Gateways) == 0 || !i.Gateways[0].IsLinkLocalUnicast() || i.IPv4 != "" || len(n.DNS) != 1 || !slices.Contains(n.Search, "example.test") {
		t.Errorf("%+v", n)
	}
}

func TestDHCPv6(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "2001:db8:1::1/64")
	log := dnsmasq(t, "--enable-ra", "--dhcp-range=2001:db8:1::1000,2001:db8:1::1fff,64,1h", "--dhcp-option=option6:dns-server,[2001:db8:1::1]",
		"--address=/mirror.test/2001:db8:1::1")
	for _, line := range []string{"ip=eth0:dhcp6", "ip=eth0:auto6", "ip=eth0:either6"} { // the router says "managed"
		var m Manager
		s := &states{}
		i := only(t, up(t, &m, source(t, line, s), s), "eth0")
		within(t, i, "2001:db8:1::1000/116")
		m.Down()
	}
	log.await(t, "DHCPREPLY", 3)
}

// TestReasons: nothing answers on the first card, the second has no link, and a
// third is only named. The next try, with other options, works.
func TestReasons(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	cable(t, "eth1", false)
	dnsmasq(t, host4)
	var m Manager
	s := &states{}
	_, err := m.Up(t.Context(), source(t, "ip=eth0:dhcp ip=eth1:dhcp ip=eth7:dhcp inst.waitfornet=2", s))
	var e *Error
	if !errors.As(err, &e) || len(e.States) != 3 {
		t.Fatalf("%v", err)
	}
	for i, want := range []struct {
		name   string
		step   Step
		reason error
	}{{"eth0", StepAddress, ErrNoDHCP}, {"eth1", StepLink, ErrNoLink}, {"eth7", StepInterface, ErrNoInterface}} {
		if got := e.States[i]; got.Interface != want.name || got.Step != want.step || !errors.Is(got.Reason, want.reason) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	_, err = m.Up(t.Context(), source(t, "ip=10.1.0.5:::24::eth0:none inst.waitfornet=1", s))
	if !errors.Is(err, ErrNoServer) {
		t.Errorf("without a name server: %v", err)
	}
	cfg := source(t, "ip=10.1.0.5:::24::eth0:none nameserver=10.1.0.1 inst.waitfornet=7", s)
	cfg.Hosts = []string{"nowhere.test"}
	if _, err = m.Up(t.Context(), cfg); !errors.Is(err, ErrName) {
		t.Errorf("a name that isn't: %v", err)
	}
	cfg = source(t, "ip=10.1.0.5:::24::eth0:none nameserver=10.1.0.1", s)
	refuse := errors.New("refused")
	cfg.First = func(context.Context) error { return refuse }
	// By address: Go looks at a name server that has changed only after 5 seconds.
	cfg.Hosts, cfg.Options.WaitForNet = []string{"10.1.0.1"}, 3*time.Second
	if _, err = m.Up(t.Context(), cfg); !errors.Is(err, refuse) {
		t.Errorf("a source that refuses: %v", err)
	}
	if _, err = m.Up(t.Context(), source(t, "ip=off", s)); !errors.Is(err, ErrOff) {
		t.Errorf("switched off: %v", err)
	}
	n := up(t, &m, source(t, "ip=10.1.0.5:::24::eth0:none nameserver=10.1.0.1", s), s)
	if i := only(t, n, "eth0"); i.IPv4 != "static" || i.Addresses[0].String() != "10.1.0.5/24" {
		t.Errorf("%+v", i)
	}
}

// TestSecondCard: no option names one, and it is the second that has the link,
// later than one might wish.
func TestSecondCard(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", false, "10.2.0.1/24")
	cable(t, "eth1", false, "10.1.0.1/24")
	dnsmasq(t, pool4, host4)
	s := &states{}
	plugged := make(chan struct{})
	go func() {
		defer close(plugged)
		if err := s.await(t.Context(), "eth1: no link"); err != nil {
			t.Error(err)
		}
		plug(t, "eth1")
	}()
	var m Manager
	n := up(t, &m, source(t, "", s), s)
	<-plugged
	within(t, only(t, n, "eth1"), "10.1.0.0/24")
}

// TestFirstUsableWins: both cards get a lease, and the source is behind the
// second alone.
func TestFirstUsableWins(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.2.0.1/24")
	cable(t, "eth1", true, "10.1.0.1/24")
	ip(t, "-n far addr add 203.0.113.9/32 dev lo")
	ip(t, "-n far link set lo up")
	// What comes from eth0's network for the source is dropped: no way back.
	ip(t, "-n far rule add from 203.0.113.9 to 10.2.0.0/24 blackhole")
	dnsmasq(t, pool4, "--dhcp-range=10.2.0.50,10.2.0.99,255.255.255.0,1h", "--address=/mirror.test/203.0.113.9")
	var m Manager
	s := &states{}
	cfg := source(t, "ip=dhcp", s)
	first := cfg.First
	cfg.First = func(ctx context.Context) error { // not before both have a lease
		for _, name := range []string{"eth0", "eth1"} {
			l, err := netlink.LinkByName(name)
			if err != nil || len(addresses(l, unix.AF_INET, true)) == 0 {
				return errors.Join(errors.New("the other card isn't ready yet"), err)
			}
		}
		return first(ctx)
	}
	within(t, only(t, up(t, &m, cfg, s), "eth1"), "10.1.0.0/24")
	l, err := netlink.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if left := addresses(l, unix.AF_INET, true); len(left) > 0 || len(defaultRoutes(l, unix.AF_INET)) > 0 {
		t.Errorf("the one that lost has %v", left)
	}
}

// TestNames: a card gets name, MTU and MAC address, and with Down the last two go.
func TestNames(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	ip(t, "link set eth0 address 52:54:00:11:22:33")
	dnsmasq(t, pool4, host4)
	var m Manager
	s := &states{}
	i := only(t, up(t, &m, source(t, "ifname=lan0:52:54:00:11:22:33 ip=lan0:dhcp:1400:52:54:00:aa:bb:cc", s), s), "lan0")
	within(t, i, "10.1.0.0/24")
	l, err := netlink.LinkByName("lan0")
	if err != nil || l.Attrs().MTU != 1400 || l.Attrs().HardwareAddr.String() != "52:54:00:aa:bb:cc" || i.SetMAC != "52:54:00:aa:bb:cc" {
		t.Errorf("%v, %v, %+v", err, l, i)
	}
	m.Down()
	l, err = netlink.LinkByName("lan0")
	if err != nil || l.Attrs().MTU != 1500 || l.Attrs().HardwareAddr.String() != "52:54:00:11:22:33" {
		t.Errorf("after Down: %v, %v", err, l)
	}
}

func TestBridge(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	cable(t, "eth1", false)
	dnsmasq(t, pool4, host4)
	var m Manager
	for range 2 { // the second time all is made anew
		s := &states{}
		n := up(t, &m, source(t, "bridge=br0:eth0,eth1 ip=br0:dhcp", s), s)
		if len(n.Interfaces) != 3 || n.Interfaces[0].Master != "br0" || n.Interfaces[2].Kind != "bridge" || !slices.Equal(n.Interfaces[2].Ports, []string{"eth0", "eth1"}) {
			t.Fatalf("%+v", n.Interfaces)
		}
		within(t, n.Interfaces[2], "10.1.0.0/24")
	}
	m.Down()
	if _, err := netlink.LinkByName("br0"); err == nil {
		t.Error("the bridge is still there")
	}
}

// TestRenewal: the lease is renewed, and a name server that is new then is
// written down; a cable that is pulled and put back gets a lease again.
func TestRenewal(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	log := dnsmasq(t, pool4, host4, "--dhcp-option-force=option:T1,2", "--dhcp-option-force=option:T2,4")
	var m Manager
	s := &states{}
	up(t, &m, source(t, "ip=eth0:dhcp", s), s)
	log.await(t, "DHCPACK(eth0far)", 3)
	log.await(t, "DHCPDISCOVER(eth0far)", 1)
	if err := s.await(t.Context(), "eth0: usable"); err != nil {
		t.Fatal(err)
	}
	before := s.told()
	unplug(t, "eth0")
	if err := s.awaitFrom(t.Context(), before, "eth0: no link"); err != nil {
		t.Fatal(err)
	}
	plug(t, "eth0")
	log.await(t, "DHCPDISCOVER(eth0far)", 2)
}

// TestBackBeforeNoticed: a card that is put down and up faster than anybody looks
// loses its routes, and one that is taken out and put in again has nothing at all.
// Both get everything back.
func TestBackBeforeNoticed(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	log := dnsmasq(t, pool4, host4)
	var m Manager
	s := &states{}
	up(t, &m, source(t, "ip=eth0:dhcp rd.route=10.9.0.0/16:10.1.0.7:eth0", s), s)
	for n, lose := range []func(netlink.Link) error{
		func(l netlink.Link) error { return errors.Join(netlink.LinkSetDown(l), netlink.LinkSetUp(l)) },
		func(l netlink.Link) error {
			if err := netlink.LinkDel(l); err != nil {
				return err
			}
			cable(t, "eth0", true, "10.1.0.1/24")
			return nil
		},
	} {
		awaitRoutes(t, m.run, "10.1.0.1", "10.1.0.7")
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		if err := lose(l); err != nil {
			t.Fatal(err)
		}
		log.await(t, "DHCPACK(eth0far)", n+2)
	}
	awaitRoutes(t, m.run, "10.1.0.1", "10.1.0.7")
}

// awaitRoutes waits until eth0 has its default route and that of the options.
func awaitRoutes(t *testing.T, r *run, gateway, other string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	by := func(dst net.IP, gw string) bool {
		routes, err := netlink.RouteGet(dst)
		return err == nil && len(routes) > 0 && routes[0].Gw.Equal(net.ParseIP(gw))
	}
	if err := r.bell.until(ctx, func() bool { return by(net.IPv4(192, 0, 2, 1), gateway) && by(net.IPv4(10, 9, 1, 1), other) }); err != nil {
		t.Fatalf("no way by %s and %s: %v", gateway, other, err)
	}
}

func TestGivenUp(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", false)
	ctx, cancel := context.WithCancel(t.Context())
	s := &states{}
	cfg := source(t, "", s)
	go func() {
		_ = s.await(ctx, "eth0: no link")
		cancel()
	}()
	var m Manager
	_, err := m.Up(ctx, cfg)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrNoLink) {
		t.Errorf("%v", err)
	}
}

// TestWake: a card that is up shows whether it has a link, and gets no address by that.
func TestWake(t *testing.T) {
	if !namespaced(t) {
		return
	}
	cable(t, "eth0", true, "10.1.0.1/24")
	dnsmasq(t, pool4, "--dhcp-range=2001:db8:1::,ra-only", "--enable-ra")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var b bell
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if err := watch(ctx, &b, func(string) {}, &wg); err != nil {
		t.Fatal(err)
	}
	if err := Wake([]string{"eth0"}); err != nil {
		t.Fatal(err)
	}
	var l netlink.Link
	err := b.until(ctx, func() (ok bool) {
		l, _ = netlink.LinkByName("eth0")
		return carrier(l) && len(addresses(l, unix.AF_INET6, true)) > 0 // its own, once the kernel has checked it
	})
	if err != nil {
		t.Fatal("no link was seen")
	}
	if got := slices.Concat(addresses(l, unix.AF_INET, false), addresses(l, unix.AF_INET6, false)); len(got) > 0 {
		t.Errorf("it got %v", got)
	}
	if Wake([]string{"eth0", "eth9"}) == nil {
		t.Error("a card that isn't there was woken")
	}
}

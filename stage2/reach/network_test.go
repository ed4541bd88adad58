package reach

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// wires is an uplink in memory.
type wires struct {
	asked  []bootargs.Options
	downs  int
	states []network.State // that Up tells
	found  *handoff.Network
	err    error
}

func (w *wires) Up(_ context.Context, c network.Config) (*handoff.Network, error) {
	w.asked = append(w.asked, c.Options)
	for _, s := range w.states {
		c.Tell(s)
	}
	return w.found, w.err
}

func (w *wires) Down() { w.downs++ }

func testNetwork(t *testing.T, r handoff.Record, w *wires) *Network {
	t.Helper()
	dir := t.TempDir()
	return &Network{
		record: r, over: func() string { return "" }, up: w, patience: 20 * time.Second, lacks: map[string]string{},
		resolv: filepath.Join(dir, "resolv.conf"), own: filepath.Join(dir, "own"),
		cards: func() []machine.Interface {
			return []machine.Interface{{Name: "eth0", MAC: "52:54:00:00:00:01", Carrier: true}, {Name: "eth1", MAC: "52:54:00:00:00:02"}}
		},
	}
}

func (n *Network) servers(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(n.resolv)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

// TestApply: what is answered is brought up, the name servers of both stages are known, and it is taken down again.
func TestApply(t *testing.T) {
	addr := netip.MustParseAddr
	record := handoff.Record{Network: &handoff.Network{
		Interfaces: []handoff.Interface{{Name: "eth0", Kind: "ethernet", IPv4: "dhcp", Usable: true}}, DNS: []netip.Addr{addr("192.0.2.53")}, Search: []string{"first.test"},
	}}
	w := &wires{
		found: &handoff.Network{
			Hostname:   "fox",
			Interfaces: []handoff.Interface{{Name: "eth1", IPv4: "dhcp"}, {Name: "eth1.7", Kind: "vlan", IPv4: "static", Addresses: []netip.Prefix{netip.MustParsePrefix("10.7.0.5/24")}}},
			DNS:        []netip.Addr{addr("198.51.100.53"), addr("192.0.2.53")},
		},
		states: []network.State{{Interface: "eth1", Step: network.StepNames, Reason: network.ErrUntried}, {Interface: "eth1.7", Step: network.StepLink, Reason: network.ErrNoLink}},
	}
	n := testNetwork(t, record, w)
	answers := []config.Network{
		{Device: "eth0", Method: "static", Address: "203.0.113.5/24"},
		{Device: "eth1", Method: "dhcp", IPv6: "off", Search: []string{"second.test"}},
		{Device: "eth1", Method: "static", Address: "10.7.0.5/24", IPv6: "off", VLAN: &config.VLAN{ID: 7}},
	}
	if err := n.Apply(t.Context(), answers); err != nil {
		t.Fatal(err)
	}
	if got := w.asked[0].IP; len(got) != 2 || got[0].Interface != "eth1" || got[1].Interface != "eth1.7" {
		t.Errorf("asked for %+v: eth0 is the first stage's", got)
	}
	if n.Hostname() != "fox" {
		t.Errorf("DHCP calls it %q", n.Hostname())
	}
	want := "search first.test second.test\nnameserver 192.0.2.53\nnameserver 198.51.100.53\n"
	if !strings.Contains(n.servers(t), want) {
		t.Errorf("resolv.conf:\n%swant\n%s", n.servers(t), want)
	}
	var got []string
	for _, i := range n.Interfaces() {
		got = append(got, strings.Join([]string{i.Name, i.From, strings.Join(i.Addresses, " "), i.Kept, i.Lacks}, "|"))
	}
	if diff := cmp.Diff([]string{
		"eth0|dhcp||the installer was started with it, and renews its lease until the end|",
		"eth1|dhcp|||",
		"eth1.7|static|10.7.0.5/24||no link; is the cable in, and is something at its other end?",
	}, got); diff != "" {
		t.Error(diff)
	}
	n.over = func() string { return "http://example.org/" }
	if err := n.Apply(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "taken from http://example.org/ over the network") || len(w.asked) != 1 || w.downs != 0 {
		t.Errorf("the network was taken away from below the source: %v", err)
	}
	if err := n.Close(); err != nil || w.downs != 1 {
		t.Errorf("down %d times, %v", w.downs, err)
	}
	if got := n.servers(t); !strings.Contains(got, "search first.test\nnameserver 192.0.2.53\n") || strings.Contains(got, "198.51.100.53") {
		t.Errorf("resolv.conf in the end:\n%s", got)
	}
	if all := n.Interfaces(); len(all) != 2 || all[1].From != "" {
		t.Errorf("in the end: %+v", all)
	}
}

// TestApplyRefuses: what is wrong is said, and changes nothing.
func TestApplyRefuses(t *testing.T) {
	w := &wires{err: &network.Error{States: []network.State{
		{Interface: "eth0", Step: network.StepAddress, Reason: network.ErrNoDHCP},
		{Interface: "eth1", Step: network.StepLink, Reason: network.ErrNoLink},
		{Interface: "eth2", Step: network.StepRoute, Reason: network.ErrNoRoute, Detail: "10.0.0.5/24"},
	}}}
	n := testNetwork(t, handoff.Record{}, w)
	dhcp := []config.Network{{Device: "eth0", Method: "dhcp"}}
	want := "eth0: no DHCP server answered within 20 s; is it the right cable?\n" +
		"eth1: no link; is the cable in, and is something at its other end?\n" +
		"eth2: it has an address (10.0.0.5/24), and no gateway"
	if err := n.Apply(t.Context(), dhcp); err == nil || err.Error() != want || !errors.Is(err, network.ErrNoDHCP) {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	if got := n.servers(t); got != "" {
		t.Errorf("resolv.conf after a failure:\n%s", got)
	}
	if err := n.Apply(t.Context(), []config.Network{{Device: "eth9", Method: "dhcp"}}); err == nil || !strings.Contains(err.Error(), `no interface "eth9"`) {
		t.Errorf("a card that isn't there: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Apply(ended, dhcp); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	untouched := testNetwork(t, handoff.Record{}, w)
	if err := os.WriteFile(untouched.resolv, []byte("nameserver 192.0.2.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := untouched.Close(); err != nil || untouched.servers(t) == "" {
		t.Errorf("closed without a change: %v, resolv.conf %q", err, untouched.servers(t))
	}
	if len(w.asked) != 1 {
		t.Errorf("asked %d times", len(w.asked))
	}
}

// TestKeptForTheSource: over what the installer is read nothing is changed, and it says so.
func TestKeptForTheSource(t *testing.T) {
	eth0 := &handoff.Network{Interfaces: []handoff.Interface{{Name: "eth0", Kind: "ethernet", IPv4: "dhcp"}}}
	for name, m := range map[string]handoff.Medium{"a server": {Sources: []string{"http://x/"}}, "NFS": {URL: "nfs:x:/y"}} {
		n := testNetwork(t, handoff.Record{Network: eth0, Medium: m}, &wires{})
		n.Look()
		if all := n.Interfaces(); all[0].Kept != "the installer is read over it" || all[1].Kept != "" {
			t.Errorf("%s: %+v", name, all)
		}
		if err := n.Apply(t.Context(), []config.Network{{Device: "eth0", IPv6: "off"}}); err != nil || len(n.up.(*wires).asked) > 0 {
			t.Errorf("%s: %v, asked for %v", name, err, n.up.(*wires).asked)
		}
	}
}

// TestLately: who draws the screen doesn't wait for a card, and sees later what it was about.
func TestLately(t *testing.T) {
	n := testNetwork(t, handoff.Record{}, &wires{})
	n.Look()
	said := make(chan bool)
	n.cards = func() []machine.Interface {
		<-said // a driver that takes its time
		return []machine.Interface{{Name: "eth7"}}
	}
	n.seenAt = time.Time{}
	for range 2 {
		if all := n.Interfaces(); len(all) != 2 || all[0].Name != "eth0" {
			t.Errorf("it has %+v", all)
		}
	}
	close(said)
	n.lookers.Wait()
	if all := n.Interfaces(); len(all) != 1 || all[0].Name != "eth7" {
		t.Errorf("then it has %+v", all)
	}
}

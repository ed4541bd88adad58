package stage2

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/words"
)

// asked is the questions of a machine, answered by their fields.
type asked struct {
	*testing.T
	state *dialog.State
	page  dialog.Page
}

func ask(t *testing.T, d Dialog, page string) *asked {
	t.Helper()
	d.Answers.Storage.Auto, d.Answers.Root = &config.Autopart{}, config.Login{Hash: "x", Set: true} // which are other pages' questions
	a := &asked{T: t, state: dialog.New(dialog.Facts{Machine: d.Machine, Connected: d.Record.Network != nil, Reach: d.reach(), Catalog: d.Catalog}, d.Answers, words.Open("en"))}
	for _, p := range dialog.Pages() {
		if p.ID == page {
			a.page = p
			a.state.Enter(p)
			return a
		}
	}
	t.Fatalf("there is no page %s", page)
	return nil
}

// field is the one with a key.
func field[F dialog.Field](a *asked, key string, keyOf func(F) string) F {
	a.Helper()
	for _, f := range a.page.Fields(a.state) {
		if got, ok := f.(F); ok && keyOf(got) == key {
			return got
		}
	}
	a.Fatalf("the page %s has no %T %s", a.page.ID, *new(F), key)
	panic("")
}

func (a *asked) text(key string) dialog.Text {
	a.Helper()
	return field(a, key, func(f dialog.Text) string { return f.Key })
}

// typed puts text into a field, which must find nothing wrong with it.
func (a *asked) typed(key, text string) {
	a.Helper()
	f := a.text(key)
	*f.Value = text
	if f.Check != nil {
		if err := f.Check(text); err != nil {
			a.Errorf("%s %q: %v", key, text, err)
		}
	}
}

func (a *asked) chosen(key, value string) {
	a.Helper()
	f := field(a, key, func(f dialog.Choice) string { return f.Key })
	for _, o := range f.Options {
		if o.Value == value {
			*f.Value = value
			return
		}
	}
	a.Fatalf("%s has no %s: %v", key, value, f.Options)
}

// row does something with a row of a table, and goes to the page that comes of it.
func (a *asked) row(table, action, row string) error {
	a.Helper()
	for _, act := range field(a, table, func(f dialog.Table) string { return f.Key }).Actions {
		if act.Key == action {
			return a.follow(act.Do(a.Context(), row))
		}
	}
	a.Fatalf("nothing can be done with %s by %s", table, action)
	return nil
}

func (a *asked) press(key string) error {
	a.Helper()
	return a.follow(field(a, key, func(f dialog.Button) string { return f.Key }).Do(a.Context()))
}

func (a *asked) follow(p *dialog.Page, err error) error {
	if p != nil {
		a.page = *p
	}
	return err
}

// leave leaves a page forwards to the main one.
func (a *asked) leave(main string) error {
	a.Helper()
	if err := a.page.Leave(a.Context(), a.state); err != nil {
		return err
	}
	for _, p := range dialog.Pages() {
		if p.ID == main {
			a.page = p
		}
	}
	return nil
}

func (a *asked) left(main string) {
	a.Helper()
	if err := a.leave(main); err != nil {
		a.Error(err)
	}
}

func (a *asked) answers() config.Answers {
	a.Helper()
	got, err := a.state.Answers()
	if err != nil {
		a.Fatal(err)
	}
	return got
}

// notes are the texts to read.
func (a *asked) notes() string {
	var all []string
	for _, f := range a.page.Fields(a.state) {
		if n, ok := f.(dialog.Note); ok {
			all = append(all, n.Text)
		}
	}
	return strings.Join(all, "\n")
}

func threeCards() machine.Machine {
	return machine.Machine{NICs: []machine.Interface{
		{Name: "eth0", MAC: "52:54:00:00:00:01", Driver: "virtio_net", Carrier: true, Speed: 1000},
		{Name: "eth1", MAC: "52:54:00:00:00:02"},
		{Name: "wlan0", MAC: "52:54:00:00:00:03", Wireless: true},
	}}
}

// TestNetworkByHand: the same network by the fields and by a kickstart is the same plan.
func TestNetworkByHand(t *testing.T) {
	a := ask(t, Dialog{Machine: threeCards()}, "network")
	if !strings.Contains(a.notes(), "wlan0 is a card for Wi-Fi") || !strings.Contains(a.notes(), "can't be tried in a dry run") {
		t.Errorf("it says %s", a.notes())
	}
	a.chosen("how", "hand")
	if err := a.row("interfaces", "e", "eth0"); err != nil {
		t.Fatal(err)
	}
	a.chosen("ipv4", "static")
	a.typed("address", "192.0.2.5/24")
	a.typed("gateway", "192.0.2.1")
	a.typed("servers", "192.0.2.53, 2001:db8::53")
	a.typed("search", "example.org")
	a.chosen("ipv6", "static")
	a.typed("address6", "2001:db8::5/64")
	a.typed("gateway6", "fe80::1")
	a.left("network")
	if err := a.row("interfaces", "v", "eth1"); err != nil {
		t.Fatal(err)
	}
	a.typed("id", "7")
	a.typed("name", "home")
	a.chosen("ipv6", "off")
	a.left("network")
	if err := a.row("interfaces", "e", "eth1"); err != nil {
		t.Fatal(err)
	}
	a.chosen("ipv4", "off")
	a.chosen("ipv6", "off")
	a.left("network")
	a.left("network")
	const file = `network --device=eth0 --bootproto=static --ip=192.0.2.5 --netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.53,2001:db8::53 --ipv4-dns-search=example.org --ipv6=2001:db8::5/64 --ipv6gateway=fe80::1
network --device=eth1 --noipv4 --noipv6
network --device=eth1 --vlanid=7 --interfacename=home --noipv6
`
	given, diags := kickstart.Parse("x.ks", []byte(file), kickstart.Options{})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(given.Network, a.answers().Network); diff != "" {
		t.Error(diff)
	}
	lines := plan.ReviewNetwork(given.Network, threeCards(), handoff.Record{}).Lines
	for _, l := range a.state.Summary() {
		if l.Page.ID == "network" && (l.Missing != "" || !cmp.Equal(l.Text, lines)) {
			t.Errorf("summary %q, lacks %q, want %q", l.Text, l.Missing, lines)
		}
	}
}

// TestNetworkAsTyped: what is wrong is said of the line it is in, in words without a kickstart's options.
func TestNetworkAsTyped(t *testing.T) {
	a := ask(t, Dialog{Machine: threeCards()}, "network")
	a.chosen("how", "hand")
	if err := a.row("interfaces", "e", "eth0"); err != nil {
		t.Fatal(err)
	}
	a.chosen("ipv4", "static")
	a.chosen("ipv6", "static")
	*a.text("address").Value = "192.0.2.5/24"
	for _, tt := range []struct{ key, text, want string }{
		{"address", "", "an address is needed"},
		{"address", "192.0.2", `"192.0.2" is not an address with a prefix length, as 192.0.2.5/24`},
		{"address", "192.0.2.5", "is not an address with a prefix length"},
		{"address", "192.0.2.255/24", "broadcast"},
		{"address", "127.0.0.1/8", "can't be the address of an interface"},
		{"gateway", "192.0.2", "192.0.2 is not an address of IPv4"},
		{"gateway", "192.0.2.5", "192.0.2.5 is the interface's own address"},
		{"address6", "192.0.2.5/24", "is not an address with a prefix length, as 2001:db8::5/64"},
		{"gateway6", "192.0.2.1", "is not an address of IPv6"},
		{"servers", "192.0.2.53 ns.example.org", `"ns.example.org" is not an address of a name server`},
		{"servers", "192.0.2.53 192.0.2.53", "is there twice"},
		{"search", "a b!", "are not domains"},
	} {
		if err := a.text(tt.key).Check(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "--") {
			t.Errorf("%s %q: %v, want %q", tt.key, tt.text, err, tt.want)
		}
	}
	for _, key := range []string{"gateway", "gateway6", "servers", "search"} {
		if err := a.text(key).Check(""); err != nil {
			t.Errorf("%s left empty: %v", key, err)
		}
	}
	if got := a.text("gateway").Remark("198.51.100.1"); !strings.Contains(got, "198.51.100.1 is in no network of the interface") {
		t.Errorf("a gateway elsewhere: %q", got)
	}
	*a.text("address").Value = "nonsense"
	if err := a.leave("network"); err == nil {
		t.Error("the page was left with a wrong address")
	}
	a = ask(t, Dialog{Machine: threeCards()}, "network")
	a.chosen("how", "hand")
	if err := a.row("interfaces", "v", "eth1"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "0", "4095", "x"} {
		if err := a.text("id").Check(id); err == nil || err.Error() != "the number of a VLAN is between 1 and 4094" {
			t.Errorf("VLAN %q: %v", id, err)
		}
	}
	if err := a.text("name").Check("a name that is too long"); err == nil {
		t.Error("a wrong name of a VLAN was taken")
	}
}

// TestNetworkOfTheStart: what the installer was started with is the new system's, and changing one
// interface leaves the others.
func TestNetworkOfTheStart(t *testing.T) {
	record := handoff.Record{Network: &handoff.Network{Interfaces: []handoff.Interface{{Name: "eth0", MAC: "52:54:00:00:00:01", Kind: "ethernet", IPv4: "dhcp", IPv6: "auto", Usable: true}}}}
	d := Dialog{Machine: threeCards(), Record: record}
	a := ask(t, d, "network")
	if got := a.answers().Network; got != nil {
		t.Errorf("left alone it is %+v", got)
	}
	a.chosen("how", "hand")
	if err := a.row("interfaces", "e", "eth1"); err != nil {
		t.Fatal(err)
	}
	a.left("network")
	want := []config.Network{{Device: "eth0", Method: "dhcp", IPv6: "auto", OnBoot: true}, {Device: "eth1", Method: "dhcp", OnBoot: true}}
	if diff := cmp.Diff(want, a.answers().Network); diff != "" {
		t.Error(diff)
	}
	a.chosen("how", "none")
	for _, n := range a.answers().Network {
		if n.Method != "" || n.IPv6 != "off" {
			t.Errorf("%+v", n)
		}
	}
	given := config.Answers{Network: []config.Network{{Device: "eth1", Method: "dhcp", MTU: 1400, Ethtool: "speed 100"}}}
	a = ask(t, Dialog{Machine: threeCards(), Answers: given}, "network")
	a.chosen("how", "hand")
	if diff := cmp.Diff(given.Network, a.answers().Network); diff != "" {
		t.Errorf("what the kickstart said beside is gone: %s", diff)
	}
}

// changing is a network that notes what it is to be.
type changing struct {
	cards   []machine.Interface
	applied [][]config.Network
	looked  int
	err     error
}

func (c *changing) Interfaces() []dialog.Interface {
	var all []dialog.Interface
	for _, n := range c.cards {
		all = append(all, dialog.Interface{Interface: n})
	}
	return all
}

func (c *changing) Look() { c.looked++ }

func (c *changing) Hostname() string { return "fox.example.org" }

func (c *changing) Apply(_ context.Context, answers []config.Network) error {
	c.applied = append(c.applied, answers)
	if c.err == nil {
		c.cards[0].Addresses = []string{"192.0.2.77/24"}
	}
	return c.err
}

func TestNetworkIsTried(t *testing.T) {
	n := &changing{cards: threeCards().NICs, err: errors.New("eth0: no DHCP server answered")}
	a := ask(t, Dialog{Machine: threeCards(), Network: n}, "network")
	if err := a.press("try"); !errors.Is(err, n.err) {
		t.Errorf("it said %v", err)
	}
	n.err = nil
	if err := a.press("try"); err != nil || !strings.Contains(a.notes(), "It is so now: eth0 192.0.2.77/24.") {
		t.Errorf("%v, %s", err, a.notes())
	}
	if got := a.answers().Hostname; got != "fox.example.org" {
		t.Errorf("the host name is %s, not what DHCP said", got)
	}
	a.chosen("how", "none")
	if err := a.press("try"); err != nil {
		t.Error(err)
	}
	link := []config.Network{{Device: "link", Method: "dhcp", OnBoot: true}}
	if diff := cmp.Diff([][]config.Network{link, link, nil}, n.applied); diff != "" {
		t.Error(diff)
	}
	if err := a.press("look"); err != nil || n.looked != 1 {
		t.Errorf("looked %d times, %v", n.looked, err)
	}
	n.cards = nil
	if !strings.Contains(a.notes(), "no network card") {
		t.Errorf("without a card: %s", a.notes())
	}
}

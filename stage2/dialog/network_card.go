package dialog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// How an interface gets its addresses of one family.
const (
	viaDHCP   = "dhcp"
	viaStatic = "static"
	viaAuto   = "auto"
	viaOff    = "off"
)

// nicDraft is one interface: a card, or a VLAN on one.
type nicDraft struct {
	base      config.Network // what no field here is about stays
	untouched bool           // nobody has said anything of it
	ipv4      string
	address   string
	gateway   string
	ipv6      string
	address6  string
	gateway6  string
	servers   string
	search    string
	vlan      bool
	id, name  string // of a VLAN
}

func newNIC(n config.Network) *nicDraft {
	d := &nicDraft{
		base: n, ipv4: n.Method, address: n.Address, gateway: n.Gateway, ipv6: n.IPv6, gateway6: n.Gateway6,
		servers: strings.Join(n.Nameservers, " "), search: strings.Join(n.Search, " "),
	}
	if n.Method == "" {
		d.ipv4 = viaOff
	}
	switch n.IPv6 {
	case "":
		d.ipv6 = viaAuto
	case viaAuto, viaDHCP, viaOff:
	default:
		d.ipv6, d.address6 = viaStatic, n.IPv6
	}
	if n.VLAN != nil {
		d.vlan, d.id, d.name = true, strconv.Itoa(n.VLAN.ID), n.VLAN.Name
	}
	return d
}

// answer is what the fields say.
func (d *nicDraft) answer() config.Network {
	n := d.base
	n.Method, n.Address, n.Gateway = "", "", ""
	n.IPv6, n.Gateway6 = d.ipv6, ""
	switch d.ipv4 {
	case viaDHCP:
		n.Method = viaDHCP
	case viaStatic:
		n.Method, n.Address, n.Gateway = viaStatic, d.address, d.gateway
	}
	switch {
	case d.ipv6 == viaStatic:
		n.IPv6, n.Gateway6 = d.address6, d.gateway6
	case d.ipv6 == viaAuto && d.base.IPv6 == "" && d.ipv4 != viaOff:
		n.IPv6 = "" // which is the same
	}
	n.Nameservers, n.Search = listed(d.servers), listed(d.search)
	if d.vlan {
		n.VLAN = &config.VLAN{ID: number(d.id), Name: d.name}
	}
	return n
}

// listed are the words of a line, with spaces or commas between them.
func listed(line string) []string {
	list := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '\t' })
	if len(list) == 0 {
		return nil
	}
	return list
}

// number is what a plan refuses when it is none.
func number(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return -1
	}
	return n
}

// text is how the interface will be, in a few words.
func (d *nicDraft) text(s *State) string {
	if d.untouched {
		return "-"
	}
	var parts []string
	switch d.ipv4 {
	case viaDHCP:
		parts = append(parts, "DHCP")
	case viaStatic:
		parts = append(parts, d.address)
	}
	if d.ipv6 == viaStatic {
		parts = append(parts, d.address6)
	} else if d.ipv6 != viaOff && d.ipv4 == viaOff {
		parts = append(parts, "IPv6")
	}
	if len(parts) == 0 {
		return s.Words.T("off")
	}
	return strings.Join(parts, " ")
}

// netTable are all interfaces.
func (s *State) netTable(cards []Interface) Table {
	d, w := &s.network, s.Words
	t := Table{Key: "interfaces", Label: w.T("Interfaces"), Head: []string{w.T("Name"), w.T("Link"), w.T("Now"), w.T("New system")}}
	for _, i := range cards {
		will := "-"
		if !i.Made && d.how == netHand {
			will = d.card(i.Name).text(s)
		}
		t.Rows = append(t.Rows, Row{Key: i.Name, Cells: []string{i.Name, s.link(i), now(i), will}, Bad: w.Said(i.Lacks)})
	}
	if d.how != netHand {
		t.Actions = []RowAction{{Key: "i", Label: w.T("more about it"), Do: func(_ context.Context, row string) (*Page, error) { return s.aboutPage(row) }}}
		return t
	}
	for k, v := range d.vlans {
		name := v.name
		if name == "" {
			name = v.base.Device + "." + v.id
		}
		t.Rows = append(t.Rows, Row{Key: vlanKey(k), Cells: []string{name, w.T("VLAN %s", v.id), "", v.text(s)}})
	}
	t.Actions = []RowAction{
		{Key: "e", Label: w.T("change"), Do: func(_ context.Context, row string) (*Page, error) { return s.nicPage(row) }},
		{Key: "v", Label: w.T("add a VLAN on it"), Do: func(_ context.Context, row string) (*Page, error) { return s.newVLAN(row) }},
		{Key: "d", Label: w.T("remove the VLAN"), Do: func(_ context.Context, row string) (*Page, error) { return nil, d.removeVLAN(row) }},
	}
	return t
}

func vlanKey(k int) string { return fmt.Sprintf("vlan %d", k) }

// vlan is the VLAN of a row of the table; nil: the row is another's.
func (d *networkDraft) vlan(row string) *nicDraft {
	for k, v := range d.vlans {
		if vlanKey(k) == row {
			return v
		}
	}
	return nil
}

func (d *networkDraft) removeVLAN(row string) error {
	v := d.vlan(row)
	if v == nil {
		return errors.New("only a VLAN can be removed")
	}
	d.vlans = slices.DeleteFunc(d.vlans, func(o *nicDraft) bool { return o == v })
	return nil
}

// link is whether a cable is in, and what it gives.
func (s *State) link(i Interface) string {
	w := s.Words
	switch {
	case i.Wireless:
		return w.T("Wi-Fi")
	case i.Made:
		return i.Driver
	case i.Carrier && i.Speed > 0:
		return w.T("%d Mbit/s", i.Speed)
	case i.Carrier:
		return w.T("cable in")
	}
	return w.T("no cable")
}

// now is what the interface has.
func now(i Interface) string {
	if len(i.Addresses) == 0 {
		return "-"
	}
	if i.From == viaDHCP {
		return i.Addresses[0] + " (DHCP)"
	}
	return i.Addresses[0]
}

package dialog

import (
	"context"
	"errors"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// aboutPage says all that is known of an interface.
func (s *State) aboutPage(name string) (*Page, error) {
	return &Page{ID: "network-about", Title: "Network interface", Fields: func(s *State) []Field { return s.aboutInterface(name) }}, nil
}

// nicPage is the page of a row of the table.
func (s *State) nicPage(row string) (*Page, error) {
	d := &s.network
	if v := d.vlan(row); v != nil {
		return s.editPage(v, nil), nil
	}
	if s.cardNamed(row) == "" {
		return nil, errors.New("the boot options or the kickstart have made it, and it is not changed here")
	}
	return s.editPage(d.card(row), nil), nil
}

// newVLAN is the page of a VLAN to come on the card of a row. It is there when the page is left forwards.
func (s *State) newVLAN(row string) (*Page, error) {
	d := &s.network
	if s.cardNamed(row) == "" {
		return nil, errors.New("a VLAN is made on a card")
	}
	v := newNIC(config.Network{Device: row, Method: viaDHCP, OnBoot: true})
	v.vlan = true
	return s.editPage(v, func() { d.vlans = append(d.vlans, v) }), nil
}

// editPage changes a copy, which counts when the page is left forwards with nothing wrong in it.
func (s *State) editPage(d *nicDraft, done func()) *Page {
	draft := *d
	if draft.untouched {
		draft.ipv4, draft.ipv6 = viaDHCP, viaAuto
		draft.base.IPv6 = ""
	}
	return &Page{
		ID: "network-interface", Title: "Network interface",
		Help: "An address is written with the length of its network: 192.0.2.5/24 for the netmask 255.255.255.0.\n" +
			"Of IPv6, automatic is what the network's routers say.",
		Fields: func(s *State) []Field { return s.nicFields(&draft) },
		Leave: func(_ context.Context, s *State) error {
			if err := s.netProblems([]config.Network{draft.answer()}); err != nil {
				return err
			}
			draft.untouched = false
			*d = draft
			if done != nil {
				done()
				done = nil
			}
			return nil
		},
	}
}

// nicFields are the questions about an interface.
func (s *State) nicFields(d *nicDraft) []Field {
	w := s.Words
	var fields []Field
	if d.vlan {
		fields = append(fields,
			Text{Key: "id", Label: w.T("Number of the VLAN on %s", d.base.Device), Hint: w.T("1 to 4094, as the switch has it"), Value: &d.id, Check: s.checkVLAN(d)},
			Text{Key: "name", Label: w.T("Name of the interface"), Hint: w.T("Left empty it is %s.NUMBER.", d.base.Device), Value: &d.name, Check: s.checkVLANName(d)})
	} else {
		fields = s.aboutInterface(d.base.Device)
	}
	fields = append(fields, Choice{Key: "ipv4", Label: "IPv4", Value: &d.ipv4, Options: []Option{
		{Value: viaDHCP, Label: w.T("by DHCP")}, {Value: viaStatic, Label: w.T("an address that you give")}, {Value: viaOff, Label: w.T("off")},
	}})
	if d.ipv4 == viaStatic {
		fields = append(fields,
			Text{Key: "address", Label: w.T("Address"), Hint: "192.0.2.5/24", Value: &d.address, Check: s.checkAddress(true)},
			Text{Key: "gateway", Label: w.T("Gateway"), Hint: w.T("Left empty there is none."), Value: &d.gateway, Check: s.checkGateway(d, true), Remark: s.remarkGateway(d, true)})
	}
	fields = append(fields, Choice{Key: "ipv6", Label: "IPv6", Value: &d.ipv6, Options: []Option{
		{Value: viaAuto, Label: w.T("automatic")}, {Value: viaDHCP, Label: w.T("by DHCP")},
		{Value: viaStatic, Label: w.T("an address that you give")}, {Value: viaOff, Label: w.T("off")},
	}})
	if d.ipv6 == viaStatic {
		fields = append(fields,
			Text{Key: "address6", Label: w.T("IPv6 address"), Hint: "2001:db8::5/64", Value: &d.address6, Check: s.checkAddress(false)},
			Text{Key: "gateway6", Label: w.T("IPv6 gateway"), Hint: w.T("Left empty there is none."), Value: &d.gateway6, Check: s.checkGateway(d, false), Remark: s.remarkGateway(d, false)})
	}
	if d.ipv4 == viaOff && d.ipv6 == viaOff {
		return fields
	}
	return append(fields,
		Text{Key: "servers", Label: w.T("Name servers"), Hint: w.T("Addresses with spaces between them; those that DHCP tells are used as well."), Value: &d.servers, Check: s.checkServers()},
		Text{Key: "search", Label: w.T("Search domains"), Hint: w.T("Domains with spaces between them, to complete short names with."), Value: &d.search, Check: s.checkSearch()})
}

// aboutInterface is what there is to know of a card.
func (s *State) aboutInterface(name string) []Field {
	w := s.Words
	for _, i := range s.interfaces() {
		if i.Name != name {
			continue
		}
		lines := []string{strings.Join(sentence(i.Name, i.MAC, i.Driver, s.link(i)), ", ")}
		if len(i.Addresses) > 0 {
			lines = append(lines, w.T("It has %s.", strings.Join(i.Addresses, " ")))
		}
		fields := []Field{Note{Text: strings.Join(lines, "\n")}}
		if i.Lacks != "" {
			fields = append(fields, Note{Bad: true, Text: w.Said(i.Lacks)})
		}
		if i.Wireless {
			fields = append(fields, Note{Bad: true, Text: w.T("%s is a card for Wi-Fi, which this installer can't use: take a cable, and set it up in the new system.", i.Name)})
		}
		if i.Kept != "" {
			fields = append(fields, Note{Text: w.T("It stays as it is until the installer ends: %s. What you choose is for the new system.", w.T(i.Kept))})
		}
		return fields
	}
	return []Field{Note{Bad: true, Text: w.T("There is no interface %s any more.", name)}}
}

// sentence is what isn't empty.
func sentence(words ...string) []string {
	var all []string
	for _, w := range words {
		if w != "" {
			all = append(all, w)
		}
	}
	return all
}

// Each check has the plan judge an answer that has nothing but what is typed.

func (s *State) checkAddress(v4 bool) func(string) error {
	return func(text string) error {
		n := config.Network{Method: viaDHCP, OnBoot: true}
		if text == "" {
			return errors.New("an address is needed")
		}
		if v4 {
			return s.added(config.Network{Method: viaStatic, Address: text, OnBoot: true}, n)
		}
		return s.added(config.Network{Method: viaDHCP, IPv6: text, OnBoot: true}, n)
	}
}

// withGateway are answers with and without the gateway.
func (d *nicDraft) withGateway(text string, v4 bool) (with, without config.Network) {
	if v4 {
		without = config.Network{Method: viaStatic, Address: d.address, OnBoot: true}
		with = without
		with.Gateway = text
		return with, without
	}
	without = config.Network{IPv6: d.address6, OnBoot: true}
	with = without
	with.Gateway6 = text
	return with, without
}

func (s *State) checkGateway(d *nicDraft, v4 bool) func(string) error {
	return func(text string) error {
		with, without := d.withGateway(text, v4)
		return s.added(with, without)
	}
}

func (s *State) remarkGateway(d *nicDraft, v4 bool) func(string) string {
	return func(text string) string {
		with, without := d.withGateway(text, v4)
		return s.remarked(with, without)
	}
}

func (s *State) checkServers() func(string) error {
	return func(text string) error {
		n := config.Network{Method: viaDHCP, OnBoot: true}
		with := n
		with.Nameservers = listed(text)
		return s.added(with, n)
	}
}

func (s *State) checkSearch() func(string) error {
	return func(text string) error {
		n := config.Network{Method: viaDHCP, OnBoot: true}
		with := n
		with.Search = listed(text)
		return s.added(with, n)
	}
}

func (s *State) checkVLAN(d *nicDraft) func(string) error {
	return func(text string) error {
		n := config.Network{Device: d.base.Device, Method: viaDHCP, OnBoot: true, VLAN: &config.VLAN{ID: 1, Name: "v"}}
		with := n
		with.VLAN = &config.VLAN{ID: number(text), Name: "v"}
		return s.added(with, n)
	}
}

func (s *State) checkVLANName(d *nicDraft) func(string) error {
	return func(text string) error {
		n := config.Network{Device: d.base.Device, Method: viaDHCP, OnBoot: true, VLAN: &config.VLAN{ID: 1, Name: "v"}}
		with := n
		with.VLAN = &config.VLAN{ID: 1, Name: text}
		if text == "" {
			return nil
		}
		return s.added(with, n)
	}
}

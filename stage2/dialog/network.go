package dialog

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// How the installed system gets its network.
const (
	netTaken = "taken" // as the installer was started
	netGiven = "given" // as the kickstart says
	netAny   = "any"   // DHCP on the first card with a link
	netHand  = "hand"
	netNone  = "none"
)

type networkDraft struct {
	how   string
	cards []*nicDraft
	vlans []*nicDraft
	rest  []config.Network // bonds and bridges, which no page here changes
	tried string           // what came of trying it
}

func newNetworkDraft(s *State) networkDraft {
	d := networkDraft{how: netAny}
	start := s.Facts.Reach.Taken
	switch {
	case len(s.Given.Network) > 0:
		d.how, start = netGiven, s.Given.Network
	case s.Facts.Connected:
		d.how = netTaken
	}
	for _, n := range start {
		d.begin(s, n)
	}
	return d
}

// begin is the draft of what is there already.
func (d *networkDraft) begin(s *State, n config.Network) {
	switch name := s.cardNamed(n.Device); {
	case n.Bond != nil || n.Bridge != nil:
		d.rest = append(d.rest, n)
	case n.VLAN != nil:
		d.vlans = append(d.vlans, newNIC(n))
	case name != "":
		n.Device = name
		d.cards = append(d.cards, newNIC(n))
	}
}

// cardNamed is the card that a name or an address means; empty if there is none.
func (s *State) cardNamed(device string) string {
	for _, i := range s.interfaces() {
		if !i.Made && device != "" && (i.Name == device || strings.EqualFold(i.MAC, device)) {
			return i.Name
		}
	}
	return ""
}

// interfaces are the cards, as they are now where that can be seen.
func (s *State) interfaces() []Interface {
	if n := s.Facts.Reach.Network; n != nil {
		return n.Interfaces()
	}
	var all []Interface
	for _, c := range s.Facts.Machine.NICs {
		all = append(all, Interface{Interface: c})
	}
	return all
}

// card is the draft of a card; one that came late gets one, too.
func (d *networkDraft) card(name string) *nicDraft {
	for _, c := range d.cards {
		if c.base.Device == name {
			return c
		}
	}
	c := newNIC(config.Network{Device: name, IPv6: "off", OnBoot: true})
	c.untouched = true
	d.cards = append(d.cards, c)
	return c
}

func networkPage() Page {
	return Page{
		ID: "network", Title: "Network",
		Help: "How the machine gets on the network: by DHCP, with addresses that you give, or not at all.\n" +
			"What is chosen is for the new system. The button tries it in the installer at once, so that packages can be had from a server.",
		Fields:   networkFields,
		Leave:    func(_ context.Context, s *State) error { return s.netProblems(s.network.answers(s)) },
		answered: func(s *State) bool { return len(s.Given.Network) > 0 || s.Facts.Connected },
		answer: func(s *State, a *config.Answers) error {
			a.Network = s.network.answers(s)
			return nil
		},
		summary: networkSummary,
		missing: func(s *State) string {
			if err := s.netProblems(s.network.answers(s)); err != nil {
				return s.Words.Said(err.Error())
			}
			return ""
		},
	}
}

// answers are what was chosen. Nothing is what the installer was started with.
func (d *networkDraft) answers(s *State) []config.Network {
	switch d.how {
	case netGiven:
		return s.Given.Network
	case netAny:
		return []config.Network{{Device: "link", Method: "dhcp", OnBoot: true}}
	case netNone:
		var all []config.Network
		for _, i := range s.interfaces() {
			if !i.Made {
				all = append(all, config.Network{Device: i.Name, IPv6: "off", OnBoot: true})
			}
		}
		return all
	case netHand:
		var all []config.Network
		for _, c := range slices.Concat(d.cards, d.vlans) {
			if !c.untouched {
				all = append(all, c.answer())
			}
		}
		return append(all, d.rest...)
	}
	return nil
}

func networkFields(s *State) []Field {
	d, w := &s.network, s.Words
	cards := s.interfaces()
	if len(cards) == 0 {
		return []Field{Note{Text: w.T("This machine has no network card, or none that the installer has a driver for."), Bad: true}}
	}
	var options []Option
	add := func(ok bool, value, label string) {
		if ok {
			options = append(options, Option{Value: value, Label: label})
		}
	}
	add(s.Facts.Connected, netTaken, w.T("As the installer was started"))
	add(len(s.Given.Network) > 0, netGiven, w.T("as the kickstart file says"))
	add(true, netAny, w.T("DHCP, on the first card with a cable in it"))
	add(true, netHand, w.T("Set up by hand"))
	add(true, netNone, w.T("No network"))
	fields := []Field{Choice{Key: "how", Label: w.T("The network of the new system"), Options: options, Value: &d.how}}
	for _, i := range cards {
		if i.Wireless {
			fields = append(fields, Note{Bad: true, Text: w.T("%s is a card for Wi-Fi, which this installer can't use: take a cable, and set it up in the new system.", i.Name)})
		}
	}
	return append(append(fields, s.netTable(cards)), s.tryNetFields()...)
}

// tryNetFields are for trying it at once.
func (s *State) tryNetFields() []Field {
	d, w := &s.network, s.Words
	if s.Facts.Reach.Network == nil {
		return []Field{Note{Text: w.T("The network can't be tried in a dry run.")}}
	}
	fields := []Field{Button{Key: "try", Label: w.T("Try it now"), Do: s.tryNetwork}, Button{Key: "look", Label: w.T("Look again"), Do: s.lookAgain}}
	if d.tried != "" {
		fields = append(fields, Note{Text: d.tried})
	}
	return fields
}

func (s *State) lookAgain(context.Context) (*Page, error) {
	s.Facts.Reach.Network.Look()
	return nil, nil
}

// tryNetwork brings the running installer's network up as it was chosen.
func (s *State) tryNetwork(ctx context.Context) (*Page, error) {
	d := &s.network
	d.tried = ""
	answers := d.answers(s)
	if err := s.netProblems(answers); err != nil {
		return nil, err
	}
	if d.how == netTaken {
		return nil, errors.New("that is how it is already")
	}
	if d.how == netNone {
		answers = nil
	}
	if err := s.Facts.Reach.Network.Apply(ctx, answers); err != nil {
		return nil, err
	}
	s.calledByDHCP(s.Facts.Reach.Network.Hostname())
	var up []string
	for _, i := range s.interfaces() {
		if len(i.Addresses) > 0 {
			up = append(up, i.Name+" "+strings.Join(i.Addresses, " "))
		}
	}
	d.tried = s.Words.T("It is so now: %s.", strings.Join(up, ", "))
	if len(up) == 0 {
		d.tried = s.Words.T("The installer is on no network now.")
	}
	return nil, nil
}

// calledByDHCP takes the name that DHCP has for the machine, unless one was chosen.
func (s *State) calledByDHCP(name string) {
	if config.IsHostname(name) && name != "localhost" && s.Given.Hostname == "" && !s.entered["hostname"] {
		s.host.name, s.Facts.Hostname = name, name
	}
}

func networkSummary(s *State) []string {
	d, w := &s.network, s.Words
	if check := s.Facts.Reach.Check; check != nil && d.how != netAny {
		var lines []string
		for _, l := range check(d.answers(s)).Lines {
			lines = append(lines, w.Said(l))
		}
		if len(lines) > 0 {
			return lines
		}
	}
	return []string{map[string]string{
		netTaken: w.T("As the installer was started"), netGiven: w.T("as the kickstart file says"), netHand: w.T("Set up by hand"),
		netAny: w.T("DHCP, on the first card with a cable in it"), netNone: w.T("No network"),
	}[d.how]}
}

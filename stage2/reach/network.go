package reach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

// netPatience is how long a network that a person asks for may take: DHCP asks for as
// long, with a switch that thinks about the port first.
const netPatience = 30 * time.Second

// Network is the network of the running installer, as a person changes it. What stage 1 has
// brought up is stage 1's until the end: it renews its leases, and the installer itself can be on it.
type Network struct {
	record   handoff.Record
	up       uplink
	cards    func() []machine.Interface
	over     func() string
	patience time.Duration
	// resolv is the file with the name servers, that both stages read; own is
	// where up keeps its part of them.
	resolv, own string

	applying sync.Mutex // one at a time
	applied  bool       // anything, ever

	mu      sync.Mutex
	lacks   map[string]string // what interfaces lack, since Apply
	found   *handoff.Network  // what Apply brought up
	seen    []machine.Interface
	seenAt  time.Time
	looking bool // somebody looks again
	lookers sync.WaitGroup
}

// freshness is how old what was seen of the cards may be. A driver can take its time to say how
// a card is, and who draws a screen has none.
const freshness = time.Second

// uplink brings the network up. Its meaning is package network's.
type uplink interface {
	Up(ctx context.Context, c network.Config) (*handoff.Network, error)
	Down()
}

// NewNetwork is the network of the machine itself, as stage 1 left it. over says what is read over
// it by now, and needs it as it is; empty: nothing.
func NewNetwork(r handoff.Record, over func() string) *Network {
	return &Network{
		record: r, over: over, up: &network.Manager{}, cards: linuxhost.NICs, patience: netPatience,
		resolv: handoff.ResolvConfPath, own: handoff.ResolvConfPath + ".stage2", lacks: map[string]string{},
	}
}

// Wake brings the cards up that nobody uses, so that it is seen which have a cable in them. It comes first.
func (n *Network) Wake() error {
	var names []string
	for _, c := range n.Cards() {
		if !c.Wireless && n.kept(c.Name) == "" {
			names = append(names, c.Name)
		}
	}
	return network.Wake(names)
}

// Cards are the network cards as they are now. It can take a moment.
func (n *Network) Cards() []machine.Interface {
	cards := n.cards()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen, n.seenAt = cards, time.Now()
	return cards
}

// Look implements dialog.Network.
func (n *Network) Look() { n.Cards() }

// lately are the cards as they were a moment ago; somebody looks again for the next call. n.mu is held.
func (n *Network) lately() []machine.Interface {
	if !n.looking && time.Since(n.seenAt) > freshness {
		n.looking = true
		n.lookers.Go(func() {
			n.Cards()
			n.mu.Lock()
			defer n.mu.Unlock()
			n.looking = false
		})
	}
	return n.seen
}

// Interfaces implements dialog.Network.
func (n *Network) Interfaces() []dialog.Interface {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []dialog.Interface
	for _, c := range n.lately() {
		all = append(all, dialog.Interface{Interface: c})
	}
	for _, r := range slices.Concat(interfacesOf(n.record.Network), interfacesOf(n.found)) {
		i := slices.IndexFunc(all, func(i dialog.Interface) bool { return i.Name == r.Name })
		if i < 0 {
			made := machine.Interface{Name: r.Name, MAC: r.MAC, Driver: r.Kind}
			for _, a := range r.Addresses {
				made.Addresses = append(made.Addresses, a.String())
			}
			all, i = append(all, dialog.Interface{Interface: made, Made: true}), len(all)
		}
		all[i].From = origin(r)
	}
	for i := range all {
		all[i].Kept, all[i].Lacks = n.kept(all[i].Name), n.lacks[all[i].Name]
	}
	return all
}

func interfacesOf(n *handoff.Network) []handoff.Interface {
	if n == nil {
		return nil
	}
	return n.Interfaces
}

// origin is how i got its addresses; of a port it is empty.
func origin(i handoff.Interface) string {
	if i.IPv4 == "" {
		return i.IPv6
	}
	return i.IPv4
}

// kept says why an interface is not to be touched; empty: it can be.
func (n *Network) kept(name string) string {
	if !slices.Contains(n.keptNames(), name) {
		return ""
	}
	if m := n.record.Medium; n.record.Streamed || len(m.Sources) > 0 || strings.HasPrefix(m.URL, "nfs") {
		return "the installer is read over it"
	}
	return "the installer was started with it, and renews its lease until the end"
}

func (n *Network) keptNames() []string {
	var names []string
	for _, i := range interfacesOf(n.record.Network) {
		names = append(names, i.Name)
	}
	return names
}

// Apply implements dialog.Network.
func (n *Network) Apply(ctx context.Context, answers []config.Network) error {
	n.applying.Lock()
	defer n.applying.Unlock()
	defer n.Look()
	if err := ctx.Err(); err != nil {
		return err
	}
	if what := n.over(); what != "" && n.isUp() {
		return fmt.Errorf("the packages are taken from %s over the network as it is now; go back to another source first", what)
	}
	return n.apply(ctx, answers)
}

// isUp reports whether the network is one that Apply brought up.
func (n *Network) isUp() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.found != nil
}

func (n *Network) apply(ctx context.Context, answers []config.Network) error {
	var o bootargs.Options
	if len(answers) > 0 {
		var err error
		if o, err = plan.LiveNetwork(answers, machine.Machine{NICs: n.Cards()}, n.record, n.keptNames()); err != nil {
			return err
		}
	}
	n.forget()
	n.applied = true
	if len(o.IP) == 0 {
		n.up.Down()
		return n.writeServers(nil)
	}
	o.WaitForNet = n.patience
	found, err := n.up.Up(ctx, network.Config{Options: o, Tell: n.tell, ResolvConf: n.own})
	if err != nil {
		return errors.Join(inWords(err, n.patience), n.writeServers(nil))
	}
	n.mu.Lock()
	n.found = found
	n.mu.Unlock()
	return n.writeServers(searching(answers))
}

// forget is for another network to come.
func (n *Network) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.found = nil
	clear(n.lacks)
}

// tell notes how far an interface is.
func (n *Network) tell(s network.State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lacks[s.Interface] = ""
	if s.Step < network.StepNames { // which are for the source to try
		n.lacks[s.Interface] = lacking(s, n.patience)
	}
}

// searching are the domains that are answered: internal/network knows those alone that it is told.
func searching(answers []config.Network) []string {
	var all []string
	for _, a := range answers {
		all = append(all, a.Search...)
	}
	return all
}

// inWords is why there is no network, for a person.
func inWords(err error, patience time.Duration) error {
	var states *network.Error
	if !errors.As(err, &states) || len(states.States) == 0 {
		return err
	}
	var lines []string
	for _, s := range states.States {
		lines = append(lines, s.Interface+": "+lacking(s, patience))
	}
	return &wordsError{strings.Join(lines, "\n"), err}
}

// lacking is what an interface lacks.
func lacking(s network.State, patience time.Duration) string {
	switch {
	case errors.Is(s.Reason, network.ErrNoLink):
		return "no link; is the cable in, and is something at its other end?"
	case errors.Is(s.Reason, network.ErrNoDHCP):
		return fmt.Sprintf("no DHCP server answered within %d s; is it the right cable?", int(patience.Seconds()))
	case errors.Is(s.Reason, network.ErrNoRoute):
		return "it has an address (" + s.Detail + "), and no gateway"
	case s.Reason == nil:
		return ""
	}
	return s.Reason.Error()
}

// wordsError says text, and is err.
type wordsError struct {
	text string
	err  error
}

func (e *wordsError) Error() string { return e.text }
func (e *wordsError) Unwrap() error { return e.err }

// writeServers writes the name servers of both stages into the one file that everybody reads,
// stage 1's first: what the installer is read from can have a name that only they know.
func (n *Network) writeServers(search []string) error {
	var servers []netip.Addr
	var domains []string
	for _, part := range []*handoff.Network{n.record.Network, n.found} {
		if part != nil {
			servers, domains = append(servers, part.DNS...), append(domains, part.Search...)
		}
	}
	domains = append(domains, search...)
	if len(servers) == 0 {
		if err := os.Remove(n.resolv); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the name servers of before: %w", err)
		}
		return nil
	}
	if err := network.WriteServers(n.resolv, servers, domains); err != nil {
		return fmt.Errorf("write the name servers to %s: %w", n.resolv, err)
	}
	return nil
}

// Hostname implements dialog.Network.
func (n *Network) Hostname() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.found == nil {
		return ""
	}
	return n.found.Hostname
}

// Close takes down what Apply has brought up, if it ever did.
func (n *Network) Close() error {
	n.applying.Lock()
	defer n.applying.Unlock()
	n.lookers.Wait()
	if !n.applied {
		return nil
	}
	return n.apply(context.Background(), nil)
}

package network

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
)

// Patience is how long Up waits for a usable network when inst.waitfornet= says
// nothing: time for a switch that thinks about the port first (30 s) and DHCP.
const Patience = 60 * time.Second

// Config says what is wanted of the network.
type Config struct {
	Options bootargs.Options
	// Hosts are those of the sources, names or addresses. One that can be looked up is enough.
	Hosts []string
	// First fetches a first byte from a source, once, and says why it could not.
	// It decides whether an interface is usable. Nil: a name is enough.
	First func(context.Context) error
	// Tell, if set, gets the state of an interface whenever it has changed, from
	// one goroutine, also after Up has returned.
	Tell func(State)
	// ResolvConf is the file for the name servers; empty: handoff.ResolvConfPath.
	ResolvConf string
}

// Manager keeps the network. The zero value is one that is down. Its methods
// may be called from several goroutines.
type Manager struct {
	mu  sync.Mutex
	run *run
}

// Up brings the network up and returns when an interface is usable. When none
// is in time (inst.waitfornet=) or ctx ends, the network is down again and an
// *Error says what each one lacks. A network that is up already is taken down
// first: Up with other options is how they are changed.
//
// What is up stays so, leases being renewed, until Down, whatever becomes of ctx.
func (m *Manager) Up(ctx context.Context, cfg Config) (*handoff.Network, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down()
	cfg.ResolvConf = cmp.Or(cfg.ResolvConf, handoff.ResolvConfPath)
	if Build(cfg.Options, nil).Off {
		return nil, &Error{[]State{{Interface: "all", Reason: ErrOff}}}
	}
	r, err := start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m.run = r
	if err := r.usable(ctx); err != nil {
		m.down()
		return nil, err
	}
	return r.result(), nil
}

// Down takes the network down: what Up has set is gone, but for names of cards.
func (m *Manager) Down() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down()
}

func (m *Manager) down() {
	if m.run != nil {
		m.run.stop()
	}
	m.run = nil
}

// run is one network, from Up to Down.
type run struct {
	cfg    Config
	bell   bell
	cancel context.CancelFunc
	ctx    context.Context // of its workers
	wg     sync.WaitGroup

	mu      sync.Mutex
	plan    Plan
	workers []*worker
	made    []string         // devices, in order
	failed  map[string]error // devices that could not be made
	seen    string           // the interfaces there were when they failed
	routed  map[int]bool     // the plan's routes that are set
	losses  map[string]int   // how often an interface had no link; one can be back before anybody looks
	decided bool             // one of the interfaces that were not named has won
	current *worker          // whose turn it is, or who won
	written string           // the content of the file with name servers
}

// start begins. It works in the background until stop.
func start(ctx context.Context, cfg Config) (*run, error) {
	r := &run{cfg: cfg, failed: map[string]error{}, routed: map[int]bool{}, losses: map[string]int{}}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := watch(r.ctx, &r.bell, r.lost, &r.wg); err != nil {
		r.cancel()
		return nil, err
	}
	r.wg.Go(r.follow)
	return r, nil
}

// lost notes that an interface has no link. Routes by it may have gone with it, so all
// are set again.
func (r *run) lost(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losses[name]++
	clear(r.routed)
}

// follow does what is to be done whenever something has changed, and tells it.
func (r *run) follow() {
	told := map[string]string{}
	for {
		ch := r.bell.wait()
		r.reconcile()
		for _, s := range r.states() {
			if text := s.String(); r.cfg.Tell != nil && told[s.Interface] != text {
				told[s.Interface] = text
				r.cfg.Tell(s)
			}
		}
		select {
		case <-r.ctx.Done():
			return
		case <-ch:
		}
	}
}

// reconcile makes the plan anew for the interfaces that are there, and does
// what of it is not done yet.
func (r *run) reconcile() {
	all, err := list()
	if err != nil {
		return
	}
	links := make([]Link, len(all))
	for i, l := range all {
		links[i] = describe(l)
	}
	p := Build(r.cfg.Options, links)
	for _, n := range p.Renames {
		if err := rename(n); err != nil {
			p.Problems = append(p.Problems, err.Error())
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan = p
	r.makeDevices(p.Devices, links)
	for _, i := range p.Interfaces {
		r.startWorker(i, links)
	}
	r.addRoutes()
	if r.decided {
		_ = r.writeServers()
	}
}

// makeDevices tries those that could not be made again when there are other interfaces.
func (r *run) makeDevices(devices []Device, links []Link) {
	seen := fmt.Sprint(links)
	for _, d := range devices {
		if r.failed[d.Name] != nil && seen == r.seen {
			continue
		}
		made, err := d.make()
		if made && !slices.Contains(r.made, d.Name) {
			r.made = append(r.made, d.Name)
		}
		r.failed[d.Name] = err
	}
	r.seen = seen
}

// startWorker starts a worker for i if it is to have one and has none.
func (r *run) startWorker(i Interface, links []Link) {
	if i.Any && (r.decided || len(i.Static) > 0 && !r.maySettle(i, links)) {
		return
	}
	if slices.ContainsFunc(r.workers, func(w *worker) bool { return w.plan.Name == i.Name }) {
		return
	}
	if _, err := netlink.LinkByName(i.Name); err != nil {
		return
	}
	w := &worker{r: r, plan: i}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(r.ctx)
	r.workers = append(r.workers, w)
	done := make(chan struct{})
	r.wg.Go(func() { defer close(done); w.run(ctx) })
	w.ended = done
}

// maySettle reports whether i may have the addresses that were given without
// saying to whom: it is the first with a link.
func (r *run) maySettle(i Interface, links []Link) bool {
	return !slices.ContainsFunc(r.workers, func(w *worker) bool { return w.plan.Any }) &&
		slices.ContainsFunc(links, func(l Link) bool { return l.Name == i.Name && (l.Carrier || l.Kind != "") })
}

// addRoutes sets the plan's routes as soon as there is a way to their gateways.
func (r *run) addRoutes() {
	for i, route := range r.plan.Routes {
		if r.routed[i] {
			continue
		}
		var l netlink.Link
		if route.Interface != "" {
			var err error
			if l, err = netlink.LinkByName(route.Interface); err != nil {
				continue
			}
		}
		r.routed[i] = addRoute(l, route.To, route.Gateway) == nil
	}
}

// states are those of all interfaces, and of all that the options name in vain.
func (r *run) states() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []State
	for _, w := range r.workers {
		list = append(list, w.look())
	}
	for _, name := range r.plan.Missing {
		list = append(list, State{Interface: name, Reason: ErrNoInterface})
	}
	for _, d := range r.plan.Devices {
		if err := r.failed[d.Name]; err != nil {
			list = append(list, State{Interface: d.Name, Reason: err})
		}
	}
	for _, p := range r.plan.Problems {
		name, why, _ := strings.Cut(p, ": ")
		list = append(list, State{Interface: name, Reason: fmt.Errorf("%s", why)})
	}
	return list
}

// hostname is the plan's, or what DHCP said.
func (r *run) hostname() string {
	name := r.plan.Hostname
	for _, w := range r.workers {
		name = cmp.Or(name, w.v4.hostname)
	}
	return name
}

// asked is the name that the options give the machine, for DHCP.
func (r *run) asked() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan.Hostname
}

// stop ends all workers and takes down what was set up.
func (r *run) stop() {
	r.cancel()
	r.wg.Wait()
	for _, w := range r.workers {
		w.stop()
	}
	slices.Reverse(r.made)
	for _, name := range r.made {
		if l, err := netlink.LinkByName(name); err == nil {
			_ = netlink.LinkDel(l)
		}
	}
	removeServers(r.cfg.ResolvConf)
}

// unique is list without what comes twice, in order.
func unique[T comparable](list []T) []T {
	var out []T
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// dns are the name servers, and the domains to look in, of the interfaces that
// count: all that are named, or whose turn it is. r.mu is held.
func (r *run) dns() (servers []netip.Addr, domains []string) {
	servers = slices.Clone(r.plan.DNS)
	for _, w := range r.workers {
		if !w.plan.Any || w == r.current {
			servers, domains = append(servers, w.servers()...), append(domains, w.domains()...)
		}
	}
	return unique(servers), unique(domains)
}

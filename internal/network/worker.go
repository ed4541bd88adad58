package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// worker brings one interface up and keeps it so.
type worker struct {
	r      *run
	plan   Interface
	before original
	index  int // of the card that before is of
	wg     sync.WaitGroup
	cancel context.CancelFunc
	ended  <-chan struct{} // closed when it has

	// Guarded by r.mu.
	v4, v6     given
	ra         advertised
	why4, why6 error // what is missing
	broken     error // it can't even be brought up
	parked     bool  // it has to do without its default routes for now
	routes     []netlink.Route
	tried      State // what came of the last try to use it; zero: none yet
	again      time.Time
	wait       time.Duration
}

// set changes what is known, and tells everybody.
func (w *worker) set(change func()) {
	w.r.mu.Lock()
	change()
	w.r.mu.Unlock()
	w.r.bell.ring()
}

// run works until ctx ends, over as many losses of the link as there are, and over
// the card's going and coming back. A link that is lost for a moment costs nothing:
// the addresses stay, and whatever the kernel took away with it is set again.
func (w *worker) run(ctx context.Context) {
	defer w.wg.Wait()
	for ctx.Err() == nil {
		if w.isNew() && !w.prepare() {
			pause(ctx, time.Second)
			continue
		}
		var losses int
		_ = w.r.bell.until(ctx, func() bool {
			losses = w.losses()
			return w.hasLink() || w.isNew()
		})
		if w.hasLink() {
			w.serve(ctx, losses)
		}
	}
}

// serve works until the link is lost again, or was since losses were counted.
func (w *worker) serve(ctx context.Context, losses int) {
	linked, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, part := range w.parts() {
		wg.Go(func() { part(linked) })
	}
	_ = w.r.bell.until(ctx, func() bool { return !w.hasLink() || w.losses() != losses })
	cancel()
	wg.Wait()
}

func (w *worker) losses() int {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.r.losses[w.plan.Name]
}

// isNew reports whether the card was not prepared: at first, and when it was taken out and is back.
func (w *worker) isNew() bool {
	l, err := netlink.LinkByName(w.plan.Name)
	return w.index == 0 || err == nil && l.Attrs().Index != w.index
}

func (w *worker) prepare() bool {
	l, err := netlink.LinkByName(w.plan.Name)
	if err == nil {
		w.before, err = prepare(l, w.plan)
	}
	if err == nil {
		w.index = l.Attrs().Index
	}
	w.set(func() { w.broken = err })
	return err == nil
}

func (w *worker) hasLink() bool {
	l, err := netlink.LinkByName(w.plan.Name)
	return err == nil && carrier(l)
}

// parts are what gets the interface's addresses.
func (w *worker) parts() []func(context.Context) {
	list := []func(context.Context){w.static}
	if w.plan.IPv4 == DHCP {
		list = append(list, w.dhcp4)
	}
	if slices.Contains([]Method{Auto, Either, DHCP}, w.plan.IPv6) {
		list = append(list, w.ipv6)
	}
	return list
}

// static applies the addresses that are given.
func (w *worker) static(context.Context) {
	l, err := netlink.LinkByName(w.plan.Name)
	if err != nil {
		return
	}
	for _, a := range w.plan.Static {
		err = errors.Join(err, addAddress(l, a.Prefix, a.Peer, 0))
		if a.Gateway.IsValid() {
			err = errors.Join(err, w.addRoute(l, route{netip.PrefixFrom(zero(a.Gateway), 0), a.Gateway}))
		}
	}
	if w.plan.IPv4 == LinkLocal {
		err = errors.Join(err, addAddress(l, linkLocal4(l), netip.Addr{}, 0))
	}
	if err != nil {
		w.set(func() { w.why4, w.why6 = err, err })
	}
}

// linkLocal4 is an address of RFC 3927, the same one each time for a card.
func linkLocal4(l netlink.Link) netip.Prefix {
	h := fnv.New32a()
	h.Write(l.Attrs().HardwareAddr)
	n := h.Sum32()
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 1 + byte(n>>8)%254, byte(n)}), 16)
}

// local reports whether link-local addresses are all that was asked for.
func (w *worker) local() bool { return w.plan.IPv4 == LinkLocal || w.plan.IPv6 == LinkLocal }

// servers are the interface's name servers, those that were given first.
func (w *worker) servers() []netip.Addr {
	return slices.Concat(w.plan.DNS, w.v4.dns, w.ra.dns, w.v6.dns)
}

func (w *worker) domains() []string { return slices.Concat(w.v4.search, w.ra.search, w.v6.search) }

// look says how far the interface is. r.mu is held.
func (w *worker) look() State {
	s := State{Interface: w.plan.Name}
	l, err := netlink.LinkByName(w.plan.Name)
	switch {
	case err != nil:
		s.Reason = ErrNoInterface
		return s
	case w.broken != nil:
		s.Reason = w.broken
		return s
	case !carrier(l):
		s.Step, s.Reason = StepLink, ErrNoLink
		return s
	}
	have := slices.Concat(addresses(l, unix.AF_INET, true), addresses(l, unix.AF_INET6, w.plan.IPv6 == LinkLocal))
	s.Detail = detail(l, have)
	switch {
	case len(have) == 0:
		s.Step, s.Reason = StepAddress, w.missing()
	case !w.hasRoute(l, have):
		s.Step, s.Reason = StepRoute, ErrNoRoute
	case w.tried.Step == 0:
		s.Step, s.Reason = StepNames, ErrUntried
	default:
		s.Step, s.Reason = w.tried.Step, w.tried.Reason
	}
	return s
}

// missing is why there is no address.
func (w *worker) missing() error {
	if w.why4 != nil && w.why6 != nil && !errors.Is(w.why4, w.why6) {
		return fmt.Errorf("%w, %w", w.why4, w.why6)
	}
	return cmp.Or(w.why4, w.why6, ErrNoAddress)
}

func detail(l netlink.Link, have []netip.Prefix) string {
	var words []string
	for _, p := range have {
		words = append(words, p.String())
	}
	for _, gw := range slices.Concat(gateways(l, unix.AF_INET), gateways(l, unix.AF_INET6)) {
		words = append(words, "by "+gw.String())
	}
	return strings.Join(words, " ")
}

// hasRoute reports whether l leads anywhere: by a default route of a family that
// it has an address of, or to a host or name server that is asked for. An interface that is given an address and no
// gateway has all it should.
func (w *worker) hasRoute(l netlink.Link, have []netip.Prefix) bool {
	if len(w.routes) > 0 || slices.ContainsFunc(have, func(p netip.Prefix) bool { return len(defaultRoutes(l, family(p.Addr()))) > 0 }) {
		return true
	}
	targets := w.servers()
	for _, h := range w.r.cfg.Hosts {
		if a, err := netip.ParseAddr(h); err == nil {
			targets = append(targets, a)
		}
	}
	if len(targets) == 0 {
		return len(w.plan.Static) > 0 || w.local()
	}
	return slices.ContainsFunc(targets, func(a netip.Addr) bool { return reaches(a, l) })
}

// park takes the default routes away until unpark. r.mu is held.
func (w *worker) park(l netlink.Link) {
	w.parked = true
	_ = sysctl(w.plan.Name, "accept_ra_defrtr", "0")
	for _, r := range slices.Concat(defaultRoutes(l, unix.AF_INET), defaultRoutes(l, unix.AF_INET6)) {
		if netlink.RouteDel(&r) == nil {
			w.routes = append(w.routes, r)
		}
	}
}

func (w *worker) unpark() {
	if !w.parked {
		return
	}
	w.parked = false
	_ = sysctl(w.plan.Name, "accept_ra_defrtr", "1")
	for _, r := range w.routes {
		_ = netlink.RouteReplace(&r)
	}
	w.routes = nil
}

// stop ends the worker and puts the interface back as it was.
func (w *worker) stop() {
	w.cancel()
	<-w.ended
	l, err := netlink.LinkByName(w.plan.Name)
	if err != nil {
		return
	}
	flush(l)
	_ = sysctl(w.plan.Name, "accept_ra", "0") // or the next advertisement brings it back
	mac := w.before.mac.String()
	if w.plan.MAC == "" {
		mac = ""
	}
	_ = setLink(l, w.before.mtu, mac)
}

package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
)

// usable returns when an interface is, or when the time is up.
func (r *run) usable(ctx context.Context) error {
	limit := r.cfg.Options.WaitForNet
	if limit == 0 {
		limit = Patience
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		ch := r.bell.wait()
		w, next := r.candidate(time.Now())
		if w != nil && r.try(timed, w) {
			r.settle(w)
			return nil
		}
		if w != nil {
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-timed.Done():
			timer.Stop()
			return r.failure(ctx)
		case <-ch:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// failure is why nothing is usable.
func (r *run) failure(ctx context.Context) error {
	err := error(&Error{r.states()})
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", err, context.Cause(ctx))
	}
	return err
}

// candidate is the interface to try now, the one with the fewest failures
// first; or how long there is none unless something changes.
func (r *run) candidate(now time.Time) (*worker, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var best *worker
	next := time.Hour
	for _, w := range r.workers {
		if w.look().Step <= StepRoute {
			continue
		}
		if left := w.again.Sub(now); left > 0 {
			next = min(next, left)
			continue
		}
		if best == nil || w.wait < best.wait {
			best = w
		}
	}
	return best, next
}

// try finds out whether w is usable. If not it is left alone for a while, twice
// as long each time.
func (r *run) try(ctx context.Context, w *worker) bool {
	r.turn(w)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	step, err := r.check(ctx)
	w.set(func() {
		w.tried = State{Step: step, Reason: err}
		if err != nil {
			w.wait = min(max(2*w.wait, 250*time.Millisecond), 8*time.Second)
			w.again = time.Now().Add(w.wait)
		}
	})
	return err == nil
}

// turn gives w the default routes and the name servers. Of interfaces that no
// option names only one has them at a time.
func (r *run) turn(w *worker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = w
	for _, other := range r.workers {
		if other == w || !other.plan.Any {
			other.unpark()
		} else if l, err := netlink.LinkByName(other.plan.Name); err == nil {
			other.park(l)
		}
	}
	_ = r.writeServers() // what that breaks is seen at once, by name
}

// check looks a name up and asks for the first byte.
func (r *run) check(ctx context.Context) (Step, error) {
	if err := r.resolve(ctx); err != nil {
		return StepNames, err
	}
	if r.cfg.First != nil {
		if err := r.cfg.First(ctx); err != nil {
			return StepSource, err
		}
	}
	return StepUsable, nil
}

// resolve looks the hosts up until one is found.
func (r *run) resolve(ctx context.Context) error {
	var first error
	for _, h := range r.cfg.Hosts {
		if _, err := netip.ParseAddr(h); err == nil {
			return nil
		}
		err := r.lookup(ctx, h)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (r *run) lookup(ctx context.Context, host string) error {
	r.mu.Lock()
	servers, _ := r.dns()
	r.mu.Unlock()
	if len(servers) == 0 {
		return ErrNoServer
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// Go looks at resolv.conf every 5 seconds at most, so one that has just
	// changed can need a second try.
	_, err := (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, "ip", host)
	var e *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.IsNotFound:
		return fmt.Errorf("%w: %s (asked %s)", ErrName, host, servers[0])
	}
	return fmt.Errorf("%w: %s", ErrNoAnswer, servers[0])
}

// settle keeps w. Interfaces that no option names and that did not win are put back.
func (r *run) settle(w *worker) {
	r.mu.Lock()
	r.decided = true
	var losers []*worker
	r.workers = slices.DeleteFunc(r.workers, func(o *worker) bool {
		lost := o != w && o.plan.Any
		if lost {
			losers = append(losers, o)
		}
		return lost
	})
	name := r.hostname()
	r.mu.Unlock()
	for _, o := range losers {
		o.stop()
	}
	if name != "" {
		_ = unix.Sethostname([]byte(name))
	}
	r.bell.ring()
}

// result describes what is up, for stage 2.
func (r *run) result() *handoff.Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &handoff.Network{Hostname: r.hostname()}
	n.DNS, n.Search = r.dns()
	for _, route := range r.plan.Routes {
		n.Routes = append(n.Routes, handoff.Route{To: route.To, Gateway: route.Gateway, Interface: route.Interface})
	}
	names := map[string]bool{}
	add := func(name string) {
		if l, err := netlink.LinkByName(name); err == nil && !names[name] {
			names[name] = true
			n.Interfaces = append(n.Interfaces, r.describe(l))
		}
	}
	for _, d := range r.plan.Devices {
		for _, name := range append(append([]string{d.Parent}, d.Ports...), d.Name) {
			if name != "" {
				add(name)
			}
		}
	}
	for _, w := range r.workers {
		add(w.plan.Name)
	}
	return n
}

// describe is one interface of the result.
func (r *run) describe(l netlink.Link) handoff.Interface {
	i := handoff.Interface{Name: l.Attrs().Name, MAC: describe(l).MAC, Kind: "ethernet"}
	for _, d := range r.plan.Devices {
		switch {
		case d.Name == i.Name:
			i.Kind, i.Parent, i.VLAN, i.Ports, i.Options, i.MTU = d.Kind, d.Parent, d.ID, d.Ports, d.Options, d.MTU
		case slices.Contains(d.Ports, i.Name):
			i.Master = d.Name
		}
	}
	for _, w := range r.workers {
		if w.plan.Name != i.Name {
			continue
		}
		i.IPv4, i.IPv6, i.SetMAC = string(w.plan.IPv4), string(w.plan.IPv6), w.plan.MAC
		i.MTU = max(i.MTU, w.plan.MTU, w.v4.mtu)
		i.Addresses = slices.Concat(addresses(l, unix.AF_INET, true), addresses(l, unix.AF_INET6, w.plan.IPv6 == LinkLocal))
		i.Gateways = unique(slices.Concat(gateways(l, unix.AF_INET), gateways(l, unix.AF_INET6)))
		i.DNS, i.Search, i.Usable = unique(w.servers()), unique(w.domains()), w == r.current
	}
	return i
}

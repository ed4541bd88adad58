package network

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// advertised is what matters here of a router advertisement (RFC 4861, RFC 8106).
// Addresses and routes are the kernel's part of it.
type advertised struct {
	managed, other bool // ask DHCPv6 for an address; for the rest
	dns            []netip.Addr
	search         []string
}

func readAdvertisement(ra *ndp.RouterAdvertisement) advertised {
	a := advertised{managed: ra.ManagedConfiguration, other: ra.OtherConfiguration}
	for _, o := range ra.Options {
		switch o := o.(type) {
		case *ndp.RecursiveDNSServer:
			if o.Lifetime > 0 {
				a.dns = append(a.dns, o.Servers...)
			}
		case *ndp.DNSSearchList:
			if o.Lifetime > 0 {
				a.search = append(a.search, o.DomainNames...)
			}
		}
	}
	return a
}

// ipv6 follows router advertisements and starts DHCPv6 when they, or the
// options, say so; until ctx ends.
func (w *worker) ipv6(ctx context.Context) {
	w.set(func() { w.why6 = ErrNoRouter })
	l, err := netlink.LinkByName(w.plan.Name)
	if err != nil {
		return
	}
	ready := func() bool { return len(addresses(l, unix.AF_INET6, true)) > 0 }
	heard, err := w.listen(ctx)
	if err != nil {
		w.set(func() { w.why6 = because(ErrNoRouter, err) })
		return
	}
	if w.r.bell.until(ctx, ready) != nil {
		return
	}
	heard.solicit()
	var dhcp sync.Once
	var wg sync.WaitGroup
	defer wg.Wait()
	ask := func(address bool) { dhcp.Do(func() { wg.Go(func() { w.dhcp6(ctx, address) }) }) }
	if w.plan.IPv6 == DHCP {
		ask(true)
	}
	patience := time.NewTimer(5 * time.Second)
	defer patience.Stop()
	again, next := time.NewTimer(time.Second), time.Second
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-heard.came:
			again.Stop()
			w.set(func() { w.heard(a) })
			if a.managed || a.other && w.plan.IPv6 != DHCP {
				ask(a.managed)
			}
		case <-again.C:
			heard.solicit()
			next = min(2*next, 16*time.Second)
			again.Reset(next)
		case <-patience.C:
			if w.plan.IPv6 == Either && len(addresses(l, unix.AF_INET6, false)) == 0 {
				ask(true)
			}
		}
	}
}

// heard takes an advertisement in; w.r.mu is held.
func (w *worker) heard(a advertised) {
	if w.why6 == ErrNoRouter {
		w.why6 = nil
	}
	w.ra = a
}

// listener hears router advertisements on one interface.
type listener struct {
	conn *ndp.Conn
	mac  net.HardwareAddr
	came chan advertised
}

// listen hears from now until ctx ends. The worker waits for its end.
func (w *worker) listen(ctx context.Context) (*listener, error) {
	ifi, err := net.InterfaceByName(w.plan.Name)
	if err != nil {
		return nil, err
	}
	conn, _, err := ndp.Listen(ifi, ndp.Unspecified)
	if err != nil {
		return nil, err
	}
	var filter ipv6.ICMPFilter
	filter.SetAll(true)
	filter.Accept(ipv6.ICMPTypeRouterAdvertisement)
	_ = conn.SetICMPFilter(&filter)
	_ = conn.SetControlMessage(ipv6.FlagInterface|ipv6.FlagHopLimit, true)
	h := &listener{conn, ifi.HardwareAddr, make(chan advertised)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	w.wg.Go(func() {
		defer conn.Close()
		defer stop()
		h.read(ctx, ifi.Index)
	})
	return h, nil
}

func (h *listener) read(ctx context.Context, index int) {
	for ctx.Err() == nil {
		m, cm, from, err := h.conn.ReadFrom()
		if err != nil {
			if ctx.Err() != nil || !pause(ctx, 100*time.Millisecond) {
				return
			}
			continue // not an advertisement that can be read
		}
		ra, ok := m.(*ndp.RouterAdvertisement)
		// The hop limit proves that it comes from this wire (RFC 4861, 6.1.2).
		if !ok || cm == nil || cm.IfIndex != index || cm.HopLimit != ndp.HopLimit || !from.IsLinkLocalUnicast() {
			continue
		}
		a := readAdvertisement(ra)
		// Addresses of link-local name servers are good on this interface only.
		for i, s := range a.dns {
			if s.IsLinkLocalUnicast() {
				a.dns[i] = s.WithZone(from.Zone())
			}
		}
		a.dns = slices.Compact(a.dns)
		select {
		case <-ctx.Done():
		case h.came <- a:
		}
	}
}

// solicit asks all routers to speak up. That it can't is seen by the silence.
func (h *listener) solicit() {
	_ = h.conn.WriteTo(&ndp.RouterSolicitation{Options: []ndp.Option{
		&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: h.mac},
	}}, nil, netip.IPv6LinkLocalAllRouters())
}

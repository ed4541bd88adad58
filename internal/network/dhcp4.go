package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// given is what an interface was told, in one family.
type given struct {
	addresses []netip.Prefix
	routes    []route
	dns       []netip.Addr
	search    []string
	hostname  string
	mtu       int
}

// route is one that DHCP names; without a gateway it is on the wire.
type route struct {
	to      netip.Prefix
	gateway netip.Addr
}

// dhcp4 gets a lease and keeps it until ctx ends.
func (w *worker) dhcp4(ctx context.Context) {
	for ctx.Err() == nil {
		w.set(func() { w.why4 = ErrNoDHCP })
		lease, err := w.request4(ctx)
		if err != nil {
			if !errors.Is(err, nclient4.ErrNoResponse) {
				w.set(func() { w.why4 = because(ErrNoDHCP, err) })
			}
			pause(ctx, time.Second)
			continue
		}
		for lease != nil {
			w.apply4(fromLease(lease.ACK))
			lease = w.renew4(ctx, lease)
		}
	}
}

// ask4 is what leases are to tell.
func (w *worker) ask4() []dhcpv4.Modifier {
	mods := []dhcpv4.Modifier{dhcpv4.WithRequestedOptions(
		dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer, dhcpv4.OptionDomainName, dhcpv4.OptionHostName,
		dhcpv4.OptionInterfaceMTU, dhcpv4.OptionDNSDomainSearchList, dhcpv4.OptionClasslessStaticRoute,
		dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue,
	)}
	if name := w.r.asked(); name != "" {
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptHostName(name)))
	}
	return mods
}

// request4 asks for a lease, again after 1, 2, 4, 8 and 16 seconds. The question
// stays the same, so that an answer that comes late is one.
func (w *worker) request4(ctx context.Context) (*nclient4.Lease, error) {
	c, err := nclient4.New(w.plan.Name, nclient4.WithTimeout(time.Second), nclient4.WithRetry(4))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Request(ctx, w.ask4()...)
}

// renew4 waits until the lease is to be renewed, and returns the new one; nil
// when it was refused, has run out, or ctx ended. An address whose lease has run
// out stays until there is another: without it the installation is lost for sure.
func (w *worker) renew4(ctx context.Context, lease *nclient4.Lease) *nclient4.Lease {
	last := lease.ACK.IPAddressLeaseTime(time.Hour)
	ends := lease.CreationTime.Add(last)
	wait := time.Until(lease.CreationTime.Add(lease.ACK.IPAddressRenewalTime(last / 2)))
	for pause(ctx, wait) && time.Until(ends) > 0 {
		c, err := nclient4.New(w.plan.Name, nclient4.WithTimeout(time.Second), nclient4.WithRetry(3))
		if err == nil {
			next, err := c.Renew(ctx, lease, w.ask4()...)
			c.Close()
			if err == nil {
				return next
			}
			var refused *nclient4.ErrNak
			if errors.As(err, &refused) {
				return nil
			}
		}
		wait = max(time.Until(ends)/2, time.Second) // RFC 2131, 4.4.5
	}
	return nil
}

// fromLease reads a server's answer.
func fromLease(ack *dhcpv4.DHCPv4) given {
	var g given
	mask := ack.SubnetMask()
	if mask == nil {
		mask = ack.YourIPAddr.DefaultMask()
	}
	if p, ok := toPrefix(&net.IPNet{IP: ack.YourIPAddr, Mask: mask}); ok {
		g.addresses = []netip.Prefix{p}
	}
	for _, r := range ack.ClasslessStaticRoute() {
		if to, ok := toPrefix(r.Dest); ok {
			g.routes = append(g.routes, route{to, known(r.Router)})
		}
	}
	if len(g.routes) == 0 { // a server that sends those means them alone (RFC 3442)
		for _, gw := range ack.Router()[:min(1, len(ack.Router()))] {
			g.routes = []route{{netip.PrefixFrom(netip.IPv4Unspecified(), 0), known(gw)}}
		}
	}
	for _, ip := range ack.DNS() {
		g.dns = append(g.dns, known(ip))
	}
	if list := ack.DomainSearch(); list != nil {
		g.search = list.Labels
	}
	if name := ack.DomainName(); name != "" && !slices.Contains(g.search, name) {
		g.search = append(g.search, name)
	}
	g.hostname = ack.HostName()
	if mtu, err := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, ack.Options); err == nil && mtu >= 576 {
		g.mtu = int(mtu)
	}
	g.dns = slices.DeleteFunc(g.dns, func(a netip.Addr) bool { return !a.IsValid() })
	return g
}

// known is ip as an address, not valid for none and 0.0.0.0.
func known(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if a = a.Unmap(); !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// apply4 gives the interface what a lease says, and takes away what an earlier
// one said.
func (w *worker) apply4(g given) {
	l, err := netlink.LinkByName(w.plan.Name)
	if err != nil {
		return
	}
	// Known before it can be used: who sees the address must find the name servers.
	before := w.v4.addresses
	w.set(func() { w.v4 = g })
	for _, p := range addresses(l, unix.AF_INET, true) {
		if slices.Contains(before, p) && !slices.Contains(g.addresses, p) {
			removeAddress(l, p)
		}
	}
	if w.plan.MTU == 0 && g.mtu != 0 {
		err = errors.Join(err, setLink(l, g.mtu, ""))
	}
	for _, p := range g.addresses {
		err = errors.Join(err, addAddress(l, p, netip.Addr{}, 0))
	}
	for _, r := range g.routes {
		err = errors.Join(err, w.addRoute(l, r))
	}
	w.set(func() { w.why4 = err })
}

// addRoute leaves the default route out while it is another interface's turn.
func (w *worker) addRoute(l netlink.Link, r route) error {
	if r.to.Bits() > 0 || !r.gateway.IsValid() {
		return addRoute(l, r.to, r.gateway)
	}
	if err := addDefault(l, r.gateway); err != nil {
		return err
	}
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	if w.parked {
		w.park(l)
	}
	return nil
}

// pause waits for d and reports whether ctx is still good.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
	return ctx.Err() == nil
}

package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/dhcpv6/nclient6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dhcp6 gets an address by DHCPv6 and keeps it until ctx ends; or only asks for
// name servers, once.
func (w *worker) dhcp6(ctx context.Context, address bool) {
	for ctx.Err() == nil {
		w.set(func() {
			if address {
				w.why6 = ErrNoDHCP6
			}
		})
		reply, err := w.request6(ctx, address)
		if err == nil && !address {
			w.set(func() { w.v6 = fromReply(reply) })
			return
		}
		if err != nil {
			if address {
				w.set(func() { w.why6 = because(ErrNoDHCP6, err) })
			}
			pause(ctx, time.Second)
			continue
		}
		for reply != nil {
			w.apply6(fromReply(reply))
			reply = w.renew6(ctx, reply)
		}
	}
}

func (w *worker) request6(ctx context.Context, address bool) (*dhcpv6.Message, error) {
	c, err := nclient6.New(w.plan.Name, nclient6.WithTimeout(time.Second), nclient6.WithRetry(4))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	// The same name at every try, so that the server gives the same address.
	me := dhcpv6.WithClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: c.InterfaceAddr()})
	if address {
		return refused(c.RapidSolicit(ctx, me))
	}
	ask, err := dhcpv6.NewMessage(me,
		dhcpv6.WithRequestedOptions(dhcpv6.OptionDNSRecursiveNameServer, dhcpv6.OptionDomainSearchList))
	if err != nil {
		return nil, err
	}
	ask.MessageType = dhcpv6.MessageTypeInformationRequest
	ask.AddOption(dhcpv6.OptElapsedTime(0))
	return c.SendAndRead(ctx, c.RemoteAddr(), ask, nclient6.IsMessageType(dhcpv6.MessageTypeReply))
}

// refused makes an error of an answer without an address.
func refused(reply *dhcpv6.Message, err error) (*dhcpv6.Message, error) {
	if err != nil || len(fromReply(reply).addresses) > 0 {
		return reply, err
	}
	if ia := reply.Options.OneIANA(); ia != nil && ia.Options.Status() != nil {
		return nil, fmt.Errorf("the server refuses: %s", ia.Options.Status().StatusMessage)
	}
	if s := reply.Options.Status(); s != nil {
		return nil, fmt.Errorf("the server refuses: %s", s.StatusMessage)
	}
	return nil, fmt.Errorf("the server's answer has no address")
}

// fromReply reads a server's answer. The network of an address is the router's
// to tell, so it stands alone (RFC 8415).
func fromReply(m *dhcpv6.Message) given {
	var g given
	for _, ia := range m.Options.IANA() {
		for _, a := range ia.Options.Addresses() {
			if ip := known(a.IPv6Addr); ip.IsValid() && a.ValidLifetime > 0 {
				g.addresses = append(g.addresses, netip.PrefixFrom(ip, 128))
			}
		}
	}
	for _, ip := range m.Options.DNS() {
		if a := known(ip); a.IsValid() {
			g.dns = append(g.dns, a)
		}
	}
	if list := m.Options.DomainSearchList(); list != nil {
		g.search = list.Labels
	}
	return g
}

// renew6 is renew4 for DHCPv6 (RFC 8415, 18.2.4).
func (w *worker) renew6(ctx context.Context, reply *dhcpv6.Message) *dhcpv6.Message {
	ia := reply.Options.OneIANA()
	if ia == nil {
		<-ctx.Done()
		return nil
	}
	last := time.Hour
	if a := ia.Options.OneAddress(); a != nil {
		last = a.ValidLifetime
	}
	wait, ends := ia.T1, time.Now().Add(last)
	if wait == 0 {
		wait = last / 2
	}
	for pause(ctx, wait) && time.Until(ends) > 0 {
		next, err := w.ask6(ctx, reply, ia)
		if err == nil {
			return next
		}
		wait = max(time.Until(ends)/2, time.Second)
	}
	return nil
}

func (w *worker) ask6(ctx context.Context, reply *dhcpv6.Message, ia *dhcpv6.OptIANA) (*dhcpv6.Message, error) {
	c, err := nclient6.New(w.plan.Name, nclient6.WithTimeout(time.Second), nclient6.WithRetry(3))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	m, err := dhcpv6.NewMessage(
		dhcpv6.WithClientID(reply.Options.ClientID()), dhcpv6.WithServerID(reply.Options.ServerID()),
		dhcpv6.WithRequestedOptions(dhcpv6.OptionDNSRecursiveNameServer, dhcpv6.OptionDomainSearchList), dhcpv6.WithOption(ia))
	if err != nil {
		return nil, err
	}
	m.MessageType = dhcpv6.MessageTypeRenew
	m.AddOption(dhcpv6.OptElapsedTime(0))
	return refused(c.SendAndRead(ctx, c.RemoteAddr(), m, nclient6.IsMessageType(dhcpv6.MessageTypeReply)))
}

// apply6 is apply4 for DHCPv6.
func (w *worker) apply6(g given) {
	l, err := netlink.LinkByName(w.plan.Name)
	if err != nil {
		return
	}
	before := w.v6.addresses
	w.set(func() { w.v6 = g })
	for _, p := range addresses(l, unix.AF_INET6, false) {
		if slices.Contains(before, p) && !slices.Contains(g.addresses, p) {
			removeAddress(l, p)
		}
	}
	for _, p := range g.addresses {
		if e := addAddress(l, p, netip.Addr{}, 0); e != nil {
			err = e
		}
	}
	w.set(func() { w.why6 = err })
}

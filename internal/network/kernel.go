package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bell wakes everybody who waits for something to have changed.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns what is closed at the next ring. Take it before looking at what
// may change.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// until waits for ok.
func (b *bell) until(ctx context.Context, ok func() bool) error {
	for {
		ch := b.wait()
		if ok() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ch:
		}
	}
}

// watch rings b whenever an interface, an address or a route changes, until ctx
// ends, after it has told lost which interface has no link. It listens when it
// returns; the wait group is for its end.
func watch(ctx context.Context, b *bell, lost func(name string), wg *sync.WaitGroup) error {
	links, addrs, routes := make(chan netlink.LinkUpdate, 16), make(chan netlink.AddrUpdate, 16), make(chan netlink.RouteUpdate, 16)
	const room = 1 << 20
	err := netlink.LinkSubscribeWithOptions(links, ctx.Done(), netlink.LinkSubscribeOptions{ReceiveBufferSize: room, ReceiveBufferForceSize: true})
	if err == nil {
		err = netlink.AddrSubscribeWithOptions(addrs, ctx.Done(), netlink.AddrSubscribeOptions{ReceiveBufferSize: room})
	}
	if err == nil {
		err = netlink.RouteSubscribeWithOptions(routes, ctx.Done(), netlink.RouteSubscribeOptions{ReceiveBufferSize: room})
	}
	if err != nil {
		return fmt.Errorf("listen to what the kernel says of the network: %w", err)
	}
	// The subscriptions close their channels when ctx ends.
	wg.Go(func() {
		ringFor(links, b, func(u netlink.LinkUpdate) {
			if isLoss(u) {
				lost(u.Attrs().Name)
			}
		})
	})
	wg.Go(func() { ringFor(addrs, b, func(netlink.AddrUpdate) {}) })
	wg.Go(func() { ringFor(routes, b, func(netlink.RouteUpdate) {}) })
	return nil
}

func ringFor[T any](ch <-chan T, b *bell, first func(T)) {
	for u := range ch {
		first(u)
		b.ring()
	}
}

// isLoss reports whether the kernel says that an interface is gone or has no link.
// That a port leaves a bridge it says in the bridge's own family.
func isLoss(u netlink.LinkUpdate) bool {
	return u.IfInfomsg.Family != unix.AF_BRIDGE && (u.Header.Type == unix.RTM_DELLINK || !running(u.IfInfomsg.Flags))
}

// list are the machine's interfaces that a network can be on, by index.
func list() ([]netlink.Link, error) {
	all, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list the network interfaces: %w", err)
	}
	all = slices.DeleteFunc(all, func(l netlink.Link) bool {
		a := l.Attrs()
		return a.Flags&net.FlagLoopback != 0 || a.EncapType != "ether" || len(a.HardwareAddr) != 6
	})
	slices.SortFunc(all, func(a, b netlink.Link) int { return a.Attrs().Index - b.Attrs().Index })
	return all, nil
}

// describe is l for a plan. A veth is a container's card.
func describe(l netlink.Link) Link {
	a, kind := l.Attrs(), l.Type()
	if kind == "device" || kind == "veth" {
		kind = ""
	}
	mac := a.PermHWAddr
	if len(mac) == 0 {
		mac = a.HardwareAddr
	}
	return Link{Name: a.Name, MAC: mac.String(), Kind: kind, Carrier: carrier(l), Master: a.MasterIndex != 0 && kind == ""}
}

// carrier reports whether l is up and has a link. Drivers that don't know leave
// the state unknown and the flag set (Documentation/networking/operstates.rst).
func carrier(l netlink.Link) bool { return running(l.Attrs().RawFlags) }

func running(flags uint32) bool {
	const all = unix.IFF_UP | unix.IFF_LOWER_UP
	return flags&all == all
}

// addresses are those of l that can reach something: no link-local ones unless
// asked for, and none the kernel is still checking for duplicates (RFC 4862).
func addresses(l netlink.Link, family int, local bool) []netip.Prefix {
	all, err := netlink.AddrList(l, family)
	if err != nil {
		return nil
	}
	var usable []netip.Prefix
	for _, a := range all {
		p, ok := toPrefix(a.IPNet)
		if ok && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 && (local || !p.Addr().IsLinkLocalUnicast()) {
			usable = append(usable, p)
		}
	}
	return usable
}

// gateways are the next hops of l's default routes.
func gateways(l netlink.Link, family int) []netip.Addr {
	var list []netip.Addr
	for _, r := range defaultRoutes(l, family) {
		if gw, ok := netip.AddrFromSlice(r.Gw); ok {
			list = append(list, gw.Unmap())
		}
	}
	return list
}

func defaultRoutes(l netlink.Link, family int) []netlink.Route {
	routes, err := netlink.RouteListFiltered(family, &netlink.Route{LinkIndex: l.Attrs().Index, Table: unix.RT_TABLE_MAIN},
		netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(routes, func(r netlink.Route) bool { return !isDefault(r.Dst) })
}

func isDefault(dst *net.IPNet) bool {
	if dst == nil {
		return true
	}
	ones, _ := dst.Mask.Size()
	return ones == 0
}

func toPrefix(n *net.IPNet) (netip.Prefix, bool) {
	a, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), ones), ok
}

func toIPNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// addAddress gives l an address, for life if valid is 0; one it has already gets
// the new lifetime.
func addAddress(l netlink.Link, p netip.Prefix, peer netip.Addr, valid int) error {
	a := &netlink.Addr{IPNet: toIPNet(p), ValidLft: valid, PreferedLft: valid}
	if peer.IsValid() {
		a.Peer = toIPNet(netip.PrefixFrom(peer, p.Bits()))
	}
	if p.Addr().Is6() && valid == 0 {
		a.Flags = unix.IFA_F_NODAD // a person vouches for it
	}
	if err := netlink.AddrReplace(l, a); err != nil {
		return fmt.Errorf("give %s the address %s: %w", l.Attrs().Name, p, err)
	}
	return nil
}

func removeAddress(l netlink.Link, p netip.Prefix) {
	_ = netlink.AddrDel(l, &netlink.Addr{IPNet: toIPNet(p)})
}

// addDefault gives l a default route. A gateway outside of l's networks is taken
// to be on its wire, as hosters do it (ip-route(8), onlink).
func addDefault(l netlink.Link, gateway netip.Addr) error {
	r := &netlink.Route{
		LinkIndex: l.Attrs().Index, Gw: gateway.AsSlice(), Priority: metric(l), Protocol: unix.RTPROT_STATIC,
		Dst: toIPNet(netip.PrefixFrom(zero(gateway), 0)), Family: family(gateway),
	}
	err := netlink.RouteReplace(r)
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.EINVAL) {
		r.Flags = int(netlink.FLAG_ONLINK)
		err = netlink.RouteReplace(r)
	}
	if err != nil {
		return fmt.Errorf("route by %s over %s: %w", gateway, l.Attrs().Name, err)
	}
	return nil
}

// metric keeps the default routes of several interfaces apart.
func metric(l netlink.Link) int { return 100 + l.Attrs().Index }

func zero(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// addRoute adds a route to a network; without a gateway it is on the wire.
func addRoute(l netlink.Link, to netip.Prefix, gateway netip.Addr) error {
	r := &netlink.Route{Dst: toIPNet(to.Masked()), Protocol: unix.RTPROT_STATIC, Family: family(to.Addr())}
	if l != nil {
		r.LinkIndex = l.Attrs().Index
	}
	if gateway.IsValid() {
		r.Gw = gateway.AsSlice()
	} else {
		r.Scope = netlink.SCOPE_LINK
	}
	if err := netlink.RouteReplace(r); err != nil {
		return fmt.Errorf("route %s by %s: %w", to, gateway, err)
	}
	return nil
}

// reaches reports whether the kernel's way to a is over l.
func reaches(a netip.Addr, l netlink.Link) bool {
	routes, err := netlink.RouteGet(a.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].LinkIndex == l.Attrs().Index
}

// flush takes all addresses and routes but the link-local ones from l.
func flush(l netlink.Link) {
	for _, fam := range []int{unix.AF_INET, unix.AF_INET6} {
		all, _ := netlink.AddrList(l, fam)
		for _, a := range all {
			if fam == unix.AF_INET || !a.IP.IsLinkLocalUnicast() {
				_ = netlink.AddrDel(l, &a)
			}
		}
		routes, _ := netlink.RouteListFiltered(fam, &netlink.Route{LinkIndex: l.Attrs().Index, Table: unix.RT_TABLE_MAIN},
			netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
		for _, r := range routes {
			if r.Protocol != unix.RTPROT_KERNEL {
				_ = netlink.RouteDel(&r)
			}
		}
	}
}

// sysctl sets one of the IPv6 settings of an interface
// (Documentation/networking/ip-sysctl.rst). A kernel without IPv6 has none.
func sysctl(name, setting, value string) error {
	err := os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", name, setting), []byte(value), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

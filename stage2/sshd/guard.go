package sshd

import (
	"net/netip"
	"sync"
	"time"
)

// guard makes guessing slow. It checks one password at a time, which bounds the
// memory that takes, and lets an address wait after wrong ones: not at all after
// two, then a second, and each time twice as long.
type guard struct {
	now   func() time.Time
	check sync.Mutex // held while a password is checked

	mu    sync.Mutex
	wrong map[string]misses
}

type misses struct {
	count int
	until time.Time // no password is looked at before
}

const (
	freeTries   = 2
	longestWait = 5 * time.Minute
	mostKnown   = 10_000 // addresses; the rest share one wait
)

func newGuard(now func() time.Time) *guard { return &guard{now: now, wrong: map[string]misses{}} }

// begin has a password checked, up to end, or says how long none will be.
func (g *guard) begin(from string) time.Duration {
	g.check.Lock()
	g.mu.Lock()
	wait := g.wrong[g.who(from)].until.Sub(g.now())
	g.mu.Unlock()
	if wait > 0 {
		g.check.Unlock()
		return wait
	}
	return 0
}

func (g *guard) end(from string, right bool) {
	defer g.check.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	who := g.who(from)
	if right {
		delete(g.wrong, who)
		return
	}
	m := g.wrong[who]
	m.count++
	if over := m.count - freeTries; over > 0 {
		m.until = g.now().Add(min(time.Second<<min(over-1, 20), longestWait))
	}
	g.wrong[who] = m
}

// who is what shares a wait: an IPv6 network has as many addresses as one likes.
func (g *guard) who(from string) string {
	from = network(from)
	if _, known := g.wrong[from]; !known && len(g.wrong) >= mostKnown {
		return "all others"
	}
	return from
}

// network is an address of IPv4, or the network that one of IPv6 is in.
func network(from string) string {
	if a, err := netip.ParseAddr(from); err == nil && a.Is6() && !a.Is4In6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return from
}

// strangers counts the connections that have not said who they are. Those from one place
// keep out only others from there.
type strangers struct {
	mu   sync.Mutex
	all  int
	from map[string]int
}

const (
	mostStrangers = 50
	mostFromOne   = 5
)

func newStrangers() *strangers { return &strangers{from: map[string]int{}} }

// come lets a connection in, up to leave, unless there are too many.
func (s *strangers) come(from string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	where := network(from)
	if s.all == mostStrangers || s.from[where] == mostFromOne {
		return false
	}
	s.all++
	s.from[where]++
	return true
}

func (s *strangers) leave(from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	where := network(from)
	s.all--
	if s.from[where]--; s.from[where] == 0 {
		delete(s.from, where)
	}
}

package failover

import (
	"errors"
	"time"
)

// State is the state of a source's breaker.
type State string

// The states. Closed is the good one: the circuit carries.
const (
	Closed   State = "closed"
	Open     State = "open"
	HalfOpen State = "half-open"
)

// relapseIn is for how many probe intervals after its return a source is on
// parole, and maxHold how often the interval is doubled.
const (
	relapseIn = 10
	maxHold   = 5
)

// breaker decides whether a source is asked. It has no lock and no clock of its own.
type breaker struct {
	state    State
	limit    int           // failures in a row that open it
	interval time.Duration // of the probes
	row      int           // failures in a row
	since    time.Time     // when it last opened or closed
	returned bool          // it has closed again at least once
	relapses int           // openings in a row that came soon after a return
}

// success is an answer; it reports whether the source is well again.
func (b *breaker) success(now time.Time) bool {
	b.row = 0
	if b.state == Closed {
		return false
	}
	b.state, b.since, b.returned = Closed, now, true
	return true
}

// failure reports whether the source is down with it.
func (b *breaker) failure(now time.Time, err error) bool {
	b.row++
	if b.state != Closed {
		b.state = Open
		return false
	}
	if b.row < b.limit && !atOnce(err) {
		return false
	}
	b.open(now)
	return true
}

// atOnce says that one such failure is enough: other content is for good, and hanging is
// dear. A loop device asks for one thing after the other, so there every further try
// of a hung source would make all who wait behind it wait a deadline longer.
func atOnce(err error) bool { return errors.Is(err, ErrChanged) || errors.Is(err, ErrTimeout) }

func (b *breaker) open(now time.Time) {
	if b.returned && now.Sub(b.since) < relapseIn*b.interval {
		b.relapses = min(b.relapses+1, maxHold)
	} else {
		b.relapses = 0
	}
	b.state, b.since = Open, now
}

// hold is the time until the next probe.
func (b *breaker) hold() time.Duration { return b.interval << b.relapses }

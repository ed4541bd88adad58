package failover

import "time"

// Health is how a source is.
type Health struct {
	Index    int       `json:"index"` // place in the list
	Source   string    `json:"source"`
	State    State     `json:"state"`
	Since    time.Time `json:"since"`            // of the last going down or coming back
	Reason   string    `json:"reason,omitempty"` // the last failure, while it isn't well
	InFlight int       `json:"in_flight"`        // requests in the source, with those that hang
	Hung     int       `json:"hung"`             // of those, the ones that nobody waits for any more
	Requests uint64    `json:"requests"`         // answered
	Bytes    uint64    `json:"bytes"`
	Failures uint64    `json:"failures"` // of requests and probes
	Timeouts uint64    `json:"timeouts"` // of those, for want of an answer
	Late     uint64    `json:"late"`     // answers that came when nobody waited any more, and were thrown away
	Trips    uint64    `json:"trips"`    // times it went down
}

// Event is the going down or the coming back of a source, and how it was then.
type Event struct {
	Time time.Time `json:"time"`
	Up   bool      `json:"up"`
	Err  error     `json:"-"` // why it is down, or was
	Health
}

// tell hands events on until there are no more to come.
func (r *Reader) tell() {
	for {
		select {
		case e := <-r.events:
			r.hand(e)
			continue
		default:
		}
		select {
		case e := <-r.events:
			r.hand(e)
		case <-r.silence:
			return
		}
	}
}

func (r *Reader) hand(e Event) {
	if r.options.Tell != nil {
		r.options.Tell(e)
	}
}

// emit never waits: who doesn't listen for 256 events loses the next. It is called with
// the member locked, so that a source's events are in order.
func (r *Reader) emit(e Event) {
	select {
	case r.events <- e:
	default:
	}
}

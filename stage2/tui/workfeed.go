package tui

import (
	"slices"
	"sync"
	"time"

	"github.com/molt-installer/molt/stage2/event"
)

const (
	// drawn is the least time between two batches of progress: four times the
	// bytes of an update go through a line of 9600 baud in a second.
	drawn = 250 * time.Millisecond
	// soon is the same for all else. A burst is one batch.
	soon = 20 * time.Millisecond
	// mostHeld is how many lines of output wait at most; the log shows no more.
	mostHeld = 2000
)

// eventsMsg is what has happened since the last one, in its order. At is when
// that was passed on, by this machine's clock.
type eventsMsg struct {
	events []event.Event
	at     time.Time
}

// feed takes events from the engine, which never waits for the screen, and
// passes them on in batches. Of progress that was overtaken, and of output that nobody
// could still see, it forgets.
type feed struct {
	send   func(eventsMsg)
	order  sync.Mutex // one batch is on its way at a time
	mu     sync.Mutex // of the three below
	held   []*event.Event
	newest *event.Event  // the progress in held that can be overtaken
	lines  int           // of held
	wake   chan struct{} // something is held
	hurry  chan struct{} // something that should be seen at once is
	closed chan struct{}
	done   chan struct{}
}

// newFeed starts passing on to send, which may take its time.
func newFeed(send func(eventsMsg)) *feed {
	f := &feed{send: send, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.work()
	}()
	return f
}

// emit never waits.
func (f *feed) emit(e event.Event) {
	f.mu.Lock()
	f.hold(e)
	urgent := e.Type != event.Progress && e.Type != event.Log
	f.mu.Unlock()
	signal(f.wake)
	if urgent {
		signal(f.hurry)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hold keeps e, and drops what it makes stale. Where progress stands among
// lines of output tells nobody anything.
func (f *feed) hold(e event.Event) {
	switch e.Type {
	case event.Progress:
		if f.newest != nil && f.newest.Step == e.Step {
			*f.newest = e
			return
		}
		f.newest = &e
	case event.Log:
		if f.lines++; f.lines > 2*mostHeld {
			f.thin()
		}
	default:
		f.newest = nil
	}
	f.held = append(f.held, &e)
}

// thin drops the oldest of the lines that are held.
func (f *feed) thin() {
	f.held = slices.DeleteFunc(f.held, func(e *event.Event) bool {
		old := e.Type == event.Log && f.lines > mostHeld
		if old {
			f.lines--
		}
		return old
	})
}

// close passes on what is held, and ends. Send must not wait any more.
func (f *feed) close() {
	close(f.closed)
	<-f.done
}

func (f *feed) work() {
	for {
		select {
		case <-f.wake:
		case <-f.closed:
			f.flush()
			return
		}
		f.flush()
		f.rest()
	}
}

// flush passes on what is held now. It waits for the screen.
func (f *feed) flush() {
	f.order.Lock()
	defer f.order.Unlock()
	f.mu.Lock()
	var events []event.Event
	for _, e := range f.held {
		events = append(events, *e)
	}
	f.held, f.newest, f.lines = nil, nil, 0
	f.mu.Unlock()
	if len(events) > 0 {
		f.send(eventsMsg{events: events, at: time.Now()})
	}
}

// rest waits between two batches, for less when something urgent comes.
func (f *feed) rest() {
	long, short := time.NewTimer(drawn), time.NewTimer(soon)
	defer long.Stop()
	defer short.Stop()
	select {
	case <-short.C:
	case <-f.closed:
		return
	}
	select {
	case <-long.C:
	case <-f.hurry:
	case <-f.closed:
	}
}

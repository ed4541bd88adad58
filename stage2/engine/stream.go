package engine

import (
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/stage2/event"
)

// interval is the least time between two progress events.
const interval = 100 * time.Millisecond

// stream passes events on, one at a time, with their time and without secrets.
type stream struct {
	mu     sync.Mutex
	sink   event.Sink
	now    func() time.Time
	hidden *strings.Replacer
}

func newStream(o Options, secrets []string) *stream {
	s := &stream{sink: o.Sink, now: o.Now}
	if s.sink == nil {
		s.sink = event.Func(func(event.Event) {})
	}
	if s.now == nil {
		s.now = time.Now
	}
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "***")
		}
	}
	s.hidden = strings.NewReplacer(pairs...)
	return s
}

func (s *stream) emit(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(e)
}

// send is emit for who holds the lock.
func (s *stream) send(e event.Event) {
	e.Time = s.now()
	e.Message, e.Err = s.hidden.Replace(e.Message), s.hidden.Replace(e.Err)
	if p := e.Progress; p != nil {
		q := *p
		q.Item = s.hidden.Replace(q.Item)
		e.Progress = &q
	}
	s.sink.Emit(e)
}

// scope is what one step may tell while it runs.
type scope struct {
	*stream
	step    string
	last    time.Time    // of the last progress that was sent
	pending *event.Event // progress that came too soon after it
	finish  event.Event  // what the step wants in its finish
	closed  bool
}

func (s *stream) scope(step string) *scope { return &scope{stream: s, step: step} }

// emit tells an event of the step. A finish is kept for the one that the
// engine sends; what comes after it, of a goroutine left behind, is dropped.
func (s *scope) emit(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	e.Step = s.step
	switch e.Type {
	case event.Finish:
		s.finish = e
	case event.Progress:
		s.progress(e)
	case event.Plan, event.Start, event.Done, event.Failed: // the engine's own
	default:
		s.send(e)
	}
}

// progress sends e, or keeps it when the last one has only just been sent.
func (s *scope) progress(e event.Event) {
	now := s.now()
	if !s.last.IsZero() && now.Sub(s.last) < interval {
		s.pending = &e
		return
	}
	s.last, s.pending = now, nil
	s.send(e)
}

// flush sends the progress that was kept.
func (s *scope) flush() {
	if s.pending == nil {
		return
	}
	s.send(*s.pending)
	s.last, s.pending = s.now(), nil
}

// close ends the scope and returns what belongs into the finish.
func (s *scope) close() event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.flush()
	}
	s.closed = true
	return s.finish
}

package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"time"
)

// Event is a line that came through the port handoff.EventsPort.
type Event struct {
	Time   time.Time       // of its arrival
	Raw    json.RawMessage // the line
	Fields map[string]any  // as package json decodes it; nil when the line is no JSON object
}

// Type is the field "type" of e.
func (e Event) Type() string {
	s, _ := e.Fields["type"].(string)
	return s
}

// EventLog is what came through the port handoff.EventsPort. All of it is in events.jsonl.
type EventLog struct {
	guest *Guest
	conn  net.Conn
	log   io.Writer
	ended chan struct{}

	all  []Event // guarded by guest.board
	seen *EventReader
}

func newEventLog(g *Guest, conn net.Conn, log io.Writer) *EventLog {
	l := &EventLog{guest: g, conn: conn, log: log, ended: make(chan struct{})}
	l.seen = l.Reader()
	return l
}

func (l *EventLog) read() {
	defer close(l.ended)
	in := bufio.NewReader(l.conn)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			l.log.Write(line)
			l.add(line)
		}
		if err != nil {
			return
		}
	}
}

func (l *EventLog) add(line []byte) {
	if n := len(line) - 1; line[n] == '\n' {
		line = line[:n]
	}
	e := Event{Time: time.Now(), Raw: line}
	if json.Unmarshal(line, &e.Fields) != nil {
		e.Fields = nil
	}
	l.guest.board.change(func() { l.all = append(l.all, e) })
}

// All are the events so far.
func (l *EventLog) All() (all []Event) {
	l.guest.board.look(func() { all = l.all[:len(l.all):len(l.all)] })
	return all
}

// Wait waits for an event that match accepts, among those that came after the
// one the last Wait returned.
func (l *EventLog) Wait(ctx context.Context, match func(map[string]any) bool) (Event, error) {
	for {
		e, err := l.seen.Next(ctx)
		if err != nil || match(e.Fields) {
			return e, err
		}
	}
}

// Reader reads the events from the first on, apart from all other readers.
func (l *EventLog) Reader() *EventReader { return &EventReader{log: l} }

// EventReader is a place in an EventLog.
type EventReader struct {
	log  *EventLog
	next int
}

// Next waits for the next event. It fails when ctx or the guest ends,
// or its kernel panics.
func (r *EventReader) Next(ctx context.Context) (Event, error) {
	l := r.log
	err := l.guest.board.await(ctx, func() bool { return r.next < len(l.all) }, l.guest.lost)
	if err != nil {
		return Event{}, l.guest.explain("wait for an event", err)
	}
	r.next++
	return l.All()[r.next-1], nil
}

// WaitEvent is Events().Wait.
func (g *Guest) WaitEvent(ctx context.Context, match func(map[string]any) bool) (Event, error) {
	return g.events.Wait(ctx, match)
}

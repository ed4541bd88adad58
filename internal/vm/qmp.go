package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// qmp is a client of the QEMU Machine Protocol as QEMU's docs/interop/qmp-spec
// describes it: JSON values over a stream, replies told from events by their
// id. Events are given to handle in the order in which they come.
type qmp struct {
	conn   io.ReadWriteCloser
	handle func(qmpEvent)

	mu      sync.Mutex
	enc     *json.Encoder
	lastID  int
	waiting map[int]chan qmpMessage
	ended   chan struct{} // closed when the reader ends
}

// qmpEvent is an asynchronous message of QEMU.
type qmpEvent struct {
	Name string          `json:"event"`
	Data json.RawMessage `json:"data"`
}

// qmpMessage is any message of QEMU.
type qmpMessage struct {
	qmpEvent
	ID     *int            `json:"id"`
	Return json.RawMessage `json:"return"`
	Error  *QMPError       `json:"error"`
}

// QMPError is a command that QEMU refused.
type QMPError struct {
	Class string `json:"class"` // "GenericError", "DeviceNotFound", …
	Desc  string `json:"desc"`
}

func (e *QMPError) Error() string { return e.Desc }

var errNoQMP = errors.New("QEMU's control connection is closed")

// newQMP starts to read from conn. The greeting is a message without id and
// event, so it needs no care.
func newQMP(conn io.ReadWriteCloser, handle func(qmpEvent)) *qmp {
	q := &qmp{conn: conn, handle: handle, enc: json.NewEncoder(conn),
		waiting: map[int]chan qmpMessage{}, ended: make(chan struct{})}
	go q.read()
	return q
}

func (q *qmp) read() {
	defer close(q.ended)
	dec := json.NewDecoder(q.conn)
	for {
		var m qmpMessage
		if dec.Decode(&m) != nil {
			return
		}
		if m.Name != "" {
			q.handle(m.qmpEvent)
		} else if m.ID != nil {
			q.deliver(m)
		}
	}
}

func (q *qmp) deliver(m qmpMessage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.waiting[*m.ID]; c != nil {
		delete(q.waiting, *m.ID)
		c <- m // has room for the one reply
	}
}

// send writes a command and returns where its reply will come.
func (q *qmp) send(command string, args any) (int, chan qmpMessage, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastID++
	c := make(chan qmpMessage, 1)
	q.waiting[q.lastID] = c
	return q.lastID, c, q.enc.Encode(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        int    `json:"id"`
	}{command, args, q.lastID})
}

// execute runs a command and puts what it returns into reply, unless that is nil.
func (q *qmp) execute(ctx context.Context, command string, args, reply any) error {
	id, c, err := q.send(command, args)
	if err != nil {
		return fmt.Errorf("QMP %s: %w: %w", command, errNoQMP, err)
	}
	select {
	case m := <-c:
		return m.result(command, reply)
	case <-q.ended:
		err = errNoQMP
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	q.mu.Lock()
	delete(q.waiting, id)
	q.mu.Unlock()
	return fmt.Errorf("QMP %s: %w", command, err)
}

func (m qmpMessage) result(command string, reply any) error {
	if m.Error != nil {
		return fmt.Errorf("QMP %s: %w", command, m.Error)
	}
	if reply == nil {
		return nil
	}
	if err := json.Unmarshal(m.Return, reply); err != nil {
		return fmt.Errorf("QMP %s: parse the reply: %w", command, err)
	}
	return nil
}

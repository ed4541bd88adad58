// Package syslog sends log lines to a syslog server: RFC 5424 messages over UDP
// (RFC 5426) or TCP (RFC 6587, counted octets), as inst.syslog= says.
//
// It never makes its caller wait: messages are kept while the server can't be
// reached, up to a bound, and what had to be dropped is counted and said. UDP
// loses what the network loses; nothing is encrypted or authenticated, so what
// is sent must hold no secret. It reads no log and keeps none.
package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/crewjam/rfc5424"
)

// Severity is RFC 5424's, 6.2.1.
type Severity int

// The severities that the installer uses.
const (
	Error   Severity = 3
	Warning Severity = 4
	Notice  Severity = 5
	Info    Severity = 6
)

const (
	facility = 1 << 3 // user-level messages
	kept     = 4096   // messages, as long as the server can't be reached
	perTry   = 10 * time.Second
	maxPause = 15 * time.Second
)

// Target is where messages go.
type Target struct {
	Network string // "udp" or "tcp"
	Address string // "host:port"
}

// ParseTarget reads [udp://|tcp://]HOST[:PORT]; without more it is UDP, port 514.
func ParseTarget(s string) (Target, error) {
	t := Target{Network: "udp"}
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		t.Network, rest = scheme, after
	}
	if t.Network != "udp" && t.Network != "tcp" {
		return Target{}, fmt.Errorf("%q: a syslog server is [udp://|tcp://]HOST[:PORT]", s)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = strings.Trim(rest, "[]"), "514"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ []") {
		return Target{}, fmt.Errorf("%q: a syslog server is [udp://|tcp://]HOST[:PORT]; IPv6 goes in [brackets]", s)
	}
	t.Address = net.JoinHostPort(host, port)
	return t, nil
}

// String is t as ParseTarget reads it.
func (t Target) String() string { return t.Network + "://" + t.Address }

// Sender sends messages, in the background and in their order.
type Sender struct {
	target Target
	app    string

	mu     sync.Mutex
	more   chan struct{}
	queue  []rfc5424.Message
	lost   int
	closed bool

	ctx  context.Context
	stop context.CancelFunc
	done chan struct{}
}

// New starts to send to a server what Send gets. app is the program's name.
func New(t Target, app string) *Sender {
	s := &Sender{target: t, app: app, more: make(chan struct{}, 1), done: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	go s.work()
	return s
}

// Send queues a message. id tells kinds of messages apart, "finish"; empty: none.
func (s *Sender) Send(at time.Time, severity Severity, id, text string) {
	host, _ := os.Hostname()
	m := rfc5424.Message{
		Priority: rfc5424.Priority(facility | int(severity)), Timestamp: at, Hostname: printable(host), AppName: s.app,
		ProcessID: strconv.Itoa(os.Getpid()), MessageID: printable(id), Message: []byte(text),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.queue = append(s.queue, m)
	if over := len(s.queue) - kept; over > 0 {
		s.queue, s.lost = s.queue[over:], s.lost+over
	}
	s.signal()
}

// printable is what a field of the header takes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
}

func (s *Sender) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Close sends what is left, for as long as grace.
func (s *Sender) Close(grace time.Duration) {
	s.mu.Lock()
	s.closed = true
	s.signal()
	s.mu.Unlock()
	timer := time.AfterFunc(grace, s.stop)
	defer timer.Stop()
	<-s.done
	s.stop()
}

// work sends until the queue is closed and empty, or nobody waits any longer.
func (s *Sender) work() {
	defer close(s.done)
	var conn net.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for pause := time.Second; s.wait(); {
		if conn == nil {
			var err error
			if conn, err = s.dial(); err != nil {
				if !s.rest(&pause) {
					return
				}
				continue
			}
		}
		if err := s.one(conn); err != nil {
			conn.Close()
			conn = nil
			if !s.rest(&pause) {
				return
			}
			continue
		}
		pause = time.Second
	}
}

// wait returns true when there is something to send.
func (s *Sender) wait() bool {
	for {
		s.mu.Lock()
		n, closed := len(s.queue), s.closed
		s.mu.Unlock()
		if s.ctx.Err() != nil || n == 0 && closed {
			return false
		}
		if n > 0 {
			return true
		}
		select {
		case <-s.more:
		case <-s.ctx.Done():
		}
	}
}

// rest waits before the next try, twice as long each time.
func (s *Sender) rest(pause *time.Duration) bool {
	select {
	case <-time.After(*pause):
	case <-s.ctx.Done():
		return false
	}
	*pause = min(2**pause, maxPause)
	return true
}

func (s *Sender) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, perTry)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, s.target.Network, s.target.Address)
}

// one sends the first message, and forgets it when that worked.
func (s *Sender) one(conn net.Conn) error {
	s.mu.Lock()
	m, lost := s.queue[0], s.lost
	s.mu.Unlock()
	if lost > 0 {
		m.Message = append([]byte(fmt.Sprintf("(%d messages were lost) ", lost)), m.Message...)
	}
	data, err := m.MarshalBinary()
	if err != nil {
		data = nil // it can't be said at all: forget it
	} else if s.target.Network == "tcp" {
		data = append([]byte(strconv.Itoa(len(data))+" "), data...)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(perTry))
	if _, err := conn.Write(data); err != nil {
		return errors.Join(err, s.ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		s.queue = s.queue[1:]
	}
	s.lost -= lost
	return nil
}

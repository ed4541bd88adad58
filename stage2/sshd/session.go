package sshd

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Connection serves one connection to its end, and closes it.
func (s *Server) Connection(ctx context.Context, c net.Conn) {
	defer c.Close()
	from := address(c.RemoteAddr())
	if !s.strangers.come(from) {
		return
	}
	conn, channels, requests, err := s.login(ctx, c)
	s.strangers.leave(from)
	if err != nil {
		return
	}
	s.Tell(fmt.Sprintf("SSH: %s has come from %s", conn.User(), from))
	var all, sessions sync.WaitGroup
	all.Go(func() { ssh.DiscardRequests(requests) })
	for open := true; open; {
		select {
		case ch, ok := <-channels:
			if open = ok; ok {
				s.channel(ctx, conn, ch, &sessions, &all)
			}
		case <-ctx.Done():
			sessions.Wait() // they say goodbye
			open = false
		}
	}
	conn.Close()
	for ch := range channels {
		_ = ch.Reject(ssh.ConnectionFailed, "the installer has ended")
	}
	sessions.Wait()
	all.Wait()
	s.Tell(fmt.Sprintf("SSH: %s at %s has left", conn.User(), from))
}

// channel starts a session. What hangs until the connection is closed it adds to late.
func (s *Server) channel(ctx context.Context, conn ssh.ConnMetadata, ch ssh.NewChannel, sessions, late *sync.WaitGroup) {
	if ch.ChannelType() != "session" {
		_ = ch.Reject(ssh.Prohibited, "the installer only shows itself; nothing is forwarded")
		return
	}
	sessions.Go(func() { s.session(ctx, conn, ch, late) })
}

// login is the time in which a stranger says who they are.
func (s *Server) login(ctx context.Context, c net.Conn) (*ssh.ServerConn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_ = c.SetDeadline(time.Now().Add(loginTime))
	conn, channels, requests, err := ssh.NewServerConn(c, s.ssh)
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	return conn, channels, requests, err
}

// terminal is what a client wants, as far as it has said so.
type terminal struct {
	asked bool
	term  string
	size  Size
	sizes chan Size
}

// session serves one channel: at most one terminal.
func (s *Server) session(ctx context.Context, conn ssh.ConnMetadata, offered ssh.NewChannel, late *sync.WaitGroup) {
	select {
	case s.seats <- struct{}{}:
		defer func() { <-s.seats }()
	default:
		_ = offered.Reject(ssh.ResourceShortage, "too many people are looking at it")
		return
	}
	ch, requests, err := offered.Accept()
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	there, gone := context.WithCancel(context.Background())
	var shown sync.WaitGroup
	defer ch.Close()
	defer gone()
	defer shown.Wait()
	defer cancel()
	t := terminal{sizes: make(chan Size, 1), size: Size{80, 24}}
	started := false
	for {
		select {
		case <-ctx.Done():
			late.Go(func() { // or the connection would stand still
				ssh.DiscardRequests(requests)
				gone()
			})
			return
		case r, ok := <-requests:
			if !ok {
				gone()
				return
			}
			if s.request(r, &t, ch, started) && !started {
				started = true
				who := Session{User: conn.User(), From: address(conn.RemoteAddr()), Term: t.term}
				shown.Go(func() {
					defer cancel()
					s.show(ctx, there, t, who, ch, late)
				})
			}
		}
	}
}

// request does what r asks for. It reports whether the terminal is to be opened.
func (s *Server) request(r *ssh.Request, t *terminal, ch ssh.Channel, started bool) (open bool) {
	ok := false
	switch r.Type {
	case "pty-req":
		ok = !started && t.take(r.Payload)
	case "window-change":
		ok = t.resize(r.Payload)
	case "shell":
		ok, open = !started, t.asked
	case "exec":
		ok = !started
	}
	if r.WantReply {
		_ = r.Reply(ok, nil)
	}
	switch {
	case !ok:
	case r.Type == "exec":
		refuse(ch, "This is the installer. It runs no commands; log in without one to see it.")
	case r.Type == "shell" && !open:
		refuse(ch, "The installer needs a terminal to show itself on: ssh -t")
	}
	return ok && open
}

func refuse(ch ssh.Channel, text string) {
	fmt.Fprintf(ch.Stderr(), "%s\r\n", text)
	exit(ch, 1)
	ch.Close()
}

func exit(ch ssh.Channel, status uint32) {
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
}

// termName is what the name of a terminal can be; it ends up in environments.
var termName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// take reads a pty-req, RFC 4254 6.2.
func (t *terminal) take(payload []byte) bool {
	var p struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &p) != nil {
		return false
	}
	t.asked, t.size = true, bounded(p.Columns, p.Rows)
	t.term = ""
	if termName.MatchString(p.Term) {
		t.term = p.Term
	}
	return true
}

// resize reads a window-change, RFC 4254 6.7. Only the last one counts.
func (t *terminal) resize(payload []byte) bool {
	var p struct{ Columns, Rows, Width, Height uint32 }
	if ssh.Unmarshal(payload, &p) != nil {
		return false
	}
	select {
	case <-t.sizes:
	default:
	}
	t.sizes <- bounded(p.Columns, p.Rows)
	return true
}

// bounded is a size that can be drawn. Nothing is what a client says that doesn't know.
func bounded(columns, rows uint32) Size {
	if columns == 0 || rows == 0 {
		return Size{80, 24}
	}
	return Size{int(min(columns, 1000)), int(min(rows, 1000))}
}

// show opens a pseudo terminal and stays between it and the client until either ends. A client
// that sends no more is still there, and may be watching: there says when it isn't.
func (s *Server) show(ctx, there context.Context, t terminal, session Session, ch ssh.Channel, late *sync.WaitGroup) {
	master, tty, err := openPTY(t.size)
	if err != nil {
		s.Tell("SSH: " + err.Error())
		refuse(ch, err.Error())
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var hangUp sync.Once
	session.Free = func() { hangUp.Do(func() { master.Close() }) }
	session.TTY = tty
	sizes := make(chan Size)
	session.Sizes = sizes
	late.Go(func() { resizing(ctx, master, t.sizes, sizes) })
	sent := make(chan struct{})
	late.Go(func() {
		defer close(sent)
		_, _ = io.Copy(ch, master)
	})
	late.Go(func() { _, _ = io.Copy(master, ch) })
	defer context.AfterFunc(there, session.Free)()
	err = s.Open(ctx, session)
	tty.Close()
	patience, done := context.WithTimeout(context.WithoutCancel(ctx), parting)
	defer done()
	select {
	case <-sent:
	case <-patience.Done():
	}
	status := uint32(0)
	if err != nil {
		status = 1
	}
	exit(ch, status)
	ch.Close()
	session.Free()
}

// resizing gives the terminal each size that comes, and passes it on.
func resizing(ctx context.Context, master *os.File, in <-chan Size, out chan<- Size) {
	for {
		select {
		case size := <-in:
			if setSize(master, size) != nil {
				return // it has hung up
			}
			select {
			case out <- size:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

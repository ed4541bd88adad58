package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jlaffaye/ftp"
)

// ftpSession is a connection that is logged in, and the one transfer it can
// have. It obeys one watch at a time: when that ends, all of it is closed.
type ftpSession struct {
	c    *ftp.ServerConn
	rest bool // the server can begin a transfer anywhere

	mu    sync.Mutex
	w     *watch
	stop  func() bool
	conns []net.Conn
}

func (s *ftpSession) obey(w *watch) {
	stop := context.AfterFunc(w.ctx, s.close)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w, s.stop = w, stop
}

// release makes s nobody's, with no more than its first connection, that of the commands.
func (s *ftpSession) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	s.w = nil
	s.conns = s.conns[:min(1, len(s.conns))]
}

// dial is for the control connection and for those of data.
func (s *ftpSession) dial(network, address string) (net.Conn, error) {
	s.mu.Lock()
	w := s.w
	s.mu.Unlock()
	d := net.Dialer{KeepAlive: 15 * time.Second}
	conn, err := d.DialContext(w.ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.heard()
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.ctx.Err() != nil {
		conn.Close()
		return nil, w.why(nil)
	}
	s.conns = append(s.conns, conn)
	return conn, nil
}

// close closes all connections, without a word: the server may be hung.
func (s *ftpSession) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

// features hears what a server says while one logs in: the library keeps the
// list of features to itself.
type features struct {
	said []byte
	done bool
}

// rest reports whether a transfer can begin anywhere; a server that lists no
// features (RFC 2389) is asked when it is needed.
func (f *features) rest() bool {
	f.done = true
	return bytes.Contains(f.said, []byte("REST STREAM")) || !bytes.Contains(f.said, []byte("211-"))
}

func (f *features) Write(p []byte) (int, error) {
	if !f.done && len(f.said) < 64<<10 {
		f.said = append(f.said, p...)
	}
	return len(p), nil
}

// ftpBody is a transfer. At its end the server says whether that was all.
type ftpBody struct {
	t    *ftpTree
	s    *ftpSession
	data *ftp.Response
	done bool
}

func (b *ftpBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	n, err := b.data.Read(p)
	if err != io.EOF {
		return n, err
	}
	b.done = true
	if err := b.data.Close(); err != nil {
		b.s.close()
		return n, &fault{ErrCut, fmt.Errorf("the server ended the transfer: %w", err)}
	}
	b.t.giveBack(b.s)
	return n, io.EOF
}

// Close of a transfer that isn't over ends the connection: servers answer an
// abort each in its own way.
func (b *ftpBody) Close() error {
	if !b.done {
		b.done = true
		b.s.close()
	}
	return nil
}

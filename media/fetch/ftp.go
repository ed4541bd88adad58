package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jlaffaye/ftp"
)

// maxIdleFTP is how many connections that are logged in wait for the next file.
const maxIdleFTP = 2

// ftpTree is a tree at an FTP server (RFC 959, 2428, 3659).
type ftpTree struct {
	*server
	address        string
	user, password string
	dir            string // relative to where the login leads to, or absolute

	mu   sync.Mutex
	idle []*ftpSession
}

func newFTP(s *server, u *url.URL) *ftpTree {
	t := &ftpTree{server: s, address: u.Host, user: "anonymous", password: "anonymous@"}
	if u.Port() == "" {
		t.address = u.Host + ":21"
	}
	if u.User != nil {
		t.user = u.User.Username()
		t.password, _ = u.User.Password()
	}
	// RFC 1738, 3.2.2: the first slash only ends the host.
	t.dir = strings.TrimPrefix(u.Path, "/")
	return t
}

func (t *ftpTree) Open(ctx context.Context, name string) (File, error) {
	path := t.dir
	if name != "" && path != "" {
		path = strings.TrimSuffix(path, "/") + "/"
	}
	path += name
	if !valid(name) || path == "" || strings.ContainsAny(path, "\r\n") {
		return nil, t.fail("open", name, &fault{ErrPath, errName})
	}
	return openRemote(ctx, t.server, name, &ftpFile{t: t, name: name, path: path})
}

func (t *ftpTree) Close() error {
	t.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.idle {
		s.close()
	}
	t.idle = nil
	return nil
}

// session takes a connection that waits, or logs in. reused: it may have been closed meanwhile.
func (t *ftpTree) session(w *watch, fresh bool) (s *ftpSession, reused bool, err error) {
	t.mu.Lock()
	if n := len(t.idle); n > 0 && !fresh {
		s = t.idle[n-1]
		t.idle = t.idle[:n-1]
	}
	t.mu.Unlock()
	if s != nil {
		s.obey(w)
		return s, true, nil
	}
	s, err = t.login(w)
	return s, false, err
}

func (t *ftpTree) login(w *watch) (*ftpSession, error) {
	s := &ftpSession{}
	s.obey(w)
	var greeting features
	c, err := ftp.Dial(t.address, ftp.DialWithDialFunc(s.dial), ftp.DialWithDebugOutput(&greeting))
	if err != nil {
		s.close()
		return nil, ftpFault(err)
	}
	s.c = c
	w.heard()
	if err := c.Login(t.user, t.password); err != nil {
		s.close()
		return nil, loginFault(err)
	}
	s.rest = greeting.rest()
	return s, nil
}

// loginFault tells a refusal from a server that is busy (4xx) or gone.
func loginFault(err error) error {
	var code *textproto.Error
	var network net.Error
	if errors.As(err, &code) && code.Code < 500 || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ftpFault(err)
	}
	return &fault{ErrLogin, err}
}

// giveBack keeps a connection whose transfer is over for the next one.
func (t *ftpTree) giveBack(s *ftpSession) {
	s.release()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) >= maxIdleFTP || t.ctx.Err() != nil {
		s.close()
		return
	}
	t.idle = append(t.idle, s)
}

// ftpFile asks for one file.
type ftpFile struct {
	t          *ftpTree
	name, path string
}

func (f *ftpFile) String() string {
	if f.name == "" {
		return f.t.where
	}
	return strings.TrimSuffix(f.t.where, "/") + "/" + f.name
}

func (f *ftpFile) request(w *watch, off, n int64) (*part, error) {
	for fresh := false; ; fresh = true {
		s, reused, err := f.t.session(w, fresh)
		if err != nil {
			return nil, err
		}
		p, err := f.ask(w, s, off)
		if err == nil {
			return p, nil
		}
		if definite(err) {
			f.t.giveBack(s)
			return nil, ftpFault(err)
		}
		s.close()
		if !reused || w.ctx.Err() != nil {
			return nil, ftpFault(err)
		}
	}
}

// definite reports whether err is the server's answer to a command, after
// which it takes another.
func definite(err error) bool {
	var code *textproto.Error
	return errors.As(err, &code) && code.Code >= 500 && code.Code != 530
}

// ask starts a transfer: size, time, then the file itself.
func (f *ftpFile) ask(w *watch, s *ftpSession, off int64) (*part, error) {
	p := &part{off: off, size: -1, ranges: s.rest}
	w.heard()
	size, err := s.c.FileSize(f.path)
	var code *textproto.Error
	switch {
	case err == nil:
		p.size = size
	case !errors.As(err, &code) || code.Code == ftp.StatusFileUnavailable:
		return nil, err
	}
	if s.c.IsGetTimeSupported() {
		w.heard()
		if at, err := s.c.GetTime(f.path); err == nil {
			p.version = "MDTM " + at.Format(time.RFC3339)
		} else if !errors.As(err, &code) {
			return nil, err
		}
	}
	w.heard()
	data, err := s.c.RetrFrom(f.path, uint64(off))
	if errors.As(err, &code) && off > 0 && code.Code != ftp.StatusFileUnavailable {
		return nil, &fault{ErrNoRanges, err}
	}
	if err != nil {
		return nil, err
	}
	p.body = &ftpBody{t: f.t, s: s, data: data}
	return p, nil
}

// ftpFault gives an answer of the server its reason.
func ftpFault(err error) error {
	var code *textproto.Error
	var known *fault
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.ErrUnexpectedEOF): // what textproto makes of io.EOF
		return &fault{ErrCut, errors.New("the server closed the connection")}
	case !errors.As(err, &code):
		return err
	}
	words := strings.ToLower(code.Msg)
	reason := ErrStatus
	switch {
	case code.Code == ftp.StatusNotLoggedIn:
		reason = ErrLogin
	case code.Code != ftp.StatusFileUnavailable:
	case strings.Contains(words, "permission") || strings.Contains(words, "denied") || strings.Contains(words, "not allowed"):
		reason = ErrForbidden
	default: // vsftpd says no more than "Could not get file size." for both
		reason = ErrNotFound
	}
	return &fault{reason, code}
}

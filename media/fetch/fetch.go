package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/molt-installer/molt/media"
)

// DefaultStall is Options.Stall when that is zero.
const DefaultStall = 30 * time.Second

// Tree opens files below one place.
type Tree interface {
	// Open opens a file by its name relative to the tree, with slashes and without "..". An
	// empty name is the place itself: the one file that a URL can name, too.
	Open(ctx context.Context, name string) (File, error)
	// String is for people; it holds no password.
	String() string
	// Close ends everything that is read from the tree. Closing again does nothing.
	Close() error
}

// File is an open file. Its methods can be called concurrently.
type File interface {
	// ReadAt reads all of p; or fewer with io.EOF at the file's end.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	// Size is the file's; -1: the server doesn't tell.
	Size(ctx context.Context) (int64, error)
	// Ranges reports whether any part can be read without all before it.
	Ranges() bool
	// Stream reads from off on. ctx is for the stream, until it is closed. It must be closed.
	Stream(ctx context.Context, off int64) (io.ReadCloser, error)
	// String is for people; it holds no password.
	String() string
	// Close ends everything that is read from the file. Closing again does nothing.
	Close() error
}

// Options are for trees at servers. The zero value has no proxy and trusts the system's CAs.
type Options struct {
	// Proxy is what inst.proxy= says: [http://][user:password@]host[:port], the port 3128 if none
	// is given; https:// and socks5:// too, socks5 not for FTP.
	Proxy    string
	CA       *x509.CertPool // nil: those of the system
	NoVerify bool           // inst.noverifyssl
	// Client is shown to servers that want to see a certificate; nil: none.
	Client *tls.Certificate
	// Stall is how long no byte may come.
	Stall time.Duration
	// Header is sent to the source's own server with every request, to no other that it redirects to.
	Header http.Header
	// Tell hears what happens without an error. It is called from the goroutine that reads.
	Tell func(Event)
	// Now is the clock that certificates are checked with; nil: the machine's.
	Now func() time.Time
}

// Event is something that happened while reading.
type Event struct {
	File string // File.String
	What string // "redirected to http://…", "resumed at 4096 after: …"
}

// Open opens the tree of an http, https or ftp source. Nothing is asked of the server yet.
func Open(ctx context.Context, src media.Source, o Options) (Tree, error) {
	o.Stall = cmp.Or(o.Stall, DefaultStall)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(Event) {}
	}
	fail := func(reason, err error) (Tree, error) {
		return nil, &Error{Op: "open", Where: src.Redacted(), Reason: reason, Err: err}
	}
	u, err := url.Parse(src.URL)
	if err != nil || src.URL == "" || u.Hostname() == "" {
		return fail(ErrUnsupported, errors.New("only http, https and ftp are opened by their URL"))
	}
	proxy, err := parseProxy(o.Proxy)
	if err != nil {
		return fail(ErrPath, err)
	}
	t := newServer(ctx, src.Redacted(), o)
	switch {
	case src.Scheme != "ftp":
		return newHTTP(t, u, proxy), nil
	case proxy == nil:
		return newFTP(t, u), nil
	case proxy.Scheme == "socks5":
		return fail(ErrUnsupported, errors.New("FTP by a SOCKS proxy; use one for HTTP"))
	}
	return newHTTP(t, u, proxy), nil
}

// ProxyURL is Options.Proxy for who uses the proxy for something else than reading; nil: none.
func ProxyURL(proxy string) (*url.URL, error) { return parseProxy(proxy) }

// parseProxy reads Options.Proxy.
func parseProxy(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("the proxy must be [http://][user:password@]host[:port]; in a password write %40 for @, %2F for /, %3A for :")
	}
	switch u.Scheme {
	case "http", "https":
		if u.Port() == "" {
			u.Host += ":3128"
		}
	case "socks5":
	default:
		return nil, fmt.Errorf("a proxy of the kind %s; http, https and socks5 are known", u.Scheme)
	}
	return u, nil
}

// valid reports whether name can be that of a file in a tree.
func valid(name string) bool { return name == "" || name != "." && fs.ValidPath(name) }

var errName = errors.New(`the name must be relative, with single slashes and without ".."`)

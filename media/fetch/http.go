package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// httpTree is a tree at a web server, or at an FTP server that a web proxy asks.
type httpTree struct {
	*server
	root   *url.URL // without user and password
	user   *url.Userinfo
	client *http.Client
	tr     *http.Transport
}

func newHTTP(s *server, u *url.URL, proxy *url.URL) *httpTree {
	t := &httpTree{server: s, user: u.User}
	root := *u
	root.User, root.Fragment, root.RawFragment = nil, "", ""
	t.root = &root
	// The watch ends an operation at Stall and says so; connections that nobody
	// waits for any more end by themselves a while later.
	unwatched := 2 * s.opts.Stall
	secure := &tls.Config{RootCAs: s.opts.CA, InsecureSkipVerify: s.opts.NoVerify, Time: s.opts.Now}
	if s.opts.Client != nil {
		secure.Certificates = []tls.Certificate{*s.opts.Client}
	}
	t.tr = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: unwatched, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:     secure,
		TLSHandshakeTimeout: unwatched,
		// The connection of an answer that is read on stays with it; these are for single parts.
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true, // the bytes as they are, and their number
		ReadBufferSize:      64 << 10,
	}
	if proxy != nil {
		t.tr.Proxy = http.ProxyURL(proxy)
		t.tr.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			return proxyFault(resp)
		}
	}
	t.client = &http.Client{Transport: t.tr, CheckRedirect: t.redirect}
	return t
}

// proxyFault is the error of an answer that comes from a proxy itself.
func proxyFault(resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return &fault{ErrLogin, fmt.Errorf("%w: %s", errProxy, resp.Status)}
	case resp.StatusCode != http.StatusOK && resp.Request != nil && resp.Request.Method == http.MethodConnect:
		return &fault{ErrStatus, fmt.Errorf("the proxy says: %s", resp.Status)}
	}
	return nil
}

// redirect decides whether a redirection is followed, and what the other server is told.
func (t *httpTree) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return &fault{ErrStatus, errors.New("redirected 10 times")}
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return &fault{ErrTLS, fmt.Errorf("redirected to %s, which is not encrypted; name it yourself if that will do", req.URL.Redacted())}
	}
	if !sameServer(t.root, req.URL) {
		req.Header.Del("Authorization")
		for key := range t.opts.Header {
			req.Header.Del(key)
		}
	}
	return nil
}

// sameServer reports whether u is asked with the secrets that are for root: the
// same host and port, or the same host's standard port for TLS instead of that without.
func sameServer(root, u *url.URL) bool {
	upgrade := root.Scheme == "http" && u.Scheme == "https" && root.Port() == "" && u.Port() == ""
	return strings.EqualFold(root.Hostname(), u.Hostname()) && (upgrade || root.Scheme == u.Scheme && root.Port() == u.Port())
}

func (t *httpTree) Open(ctx context.Context, name string) (File, error) {
	if !valid(name) {
		return nil, t.fail("open", name, &fault{ErrPath, errName})
	}
	u := *t.root
	if name != "" {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + name
		u.RawPath = strings.TrimSuffix(t.root.EscapedPath(), "/") + "/" + escapePath(name)
	}
	return openRemote(ctx, t.server, name, &httpFile{t: t, origin: &u})
}

// escapePath is for a name as it is at the server, with "%" in it too.
func escapePath(name string) string {
	words := strings.Split(name, "/")
	for i, w := range words {
		words[i] = url.PathEscape(w)
	}
	return strings.Join(words, "/")
}

func (t *httpTree) Close() error {
	t.close()
	t.tr.CloseIdleConnections()
	return nil
}

// httpFile asks for one file.
type httpFile struct {
	t      *httpTree
	origin *url.URL
	mu     sync.Mutex
	moved  *url.URL // where the origin sent us; nil: nowhere
	etag   string   // a strong one
}

func (f *httpFile) String() string { return f.origin.Redacted() }

// request asks where the file was last found: the next redirection could
// lead to a mirror with another version.
func (f *httpFile) request(w *watch, off, n int64) (*part, error) {
	f.mu.Lock()
	at := f.moved
	f.mu.Unlock()
	if at != nil {
		if p, err := f.ask(w, at, off, n); err == nil || w.ctx.Err() != nil {
			return p, err
		}
	}
	return f.ask(w, f.origin, off, n)
}

func (f *httpFile) ask(w *watch, u *url.URL, off, n int64) (*part, error) {
	req, err := f.newRequest(w.trace(), u, off, n)
	if err != nil {
		return nil, &fault{ErrPath, err}
	}
	resp, err := f.t.client.Do(req)
	if err != nil {
		return nil, err
	}
	p, err := f.read(resp, off)
	if err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	f.found(resp)
	return p, nil
}

func (f *httpFile) newRequest(ctx context.Context, u *url.URL, off, n int64) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if sameServer(f.t.root, u) {
		maps.Copy(req.Header, f.t.opts.Header.Clone())
		if pw, ok := f.t.user.Password(); f.t.user != nil && (ok || f.t.user.Username() != "") {
			req.SetBasicAuth(f.t.user.Username(), pw)
		}
	}
	if u.Scheme == "ftp" {
		f.t.viaProxy(req, u)
	}
	req.Header.Set("User-Agent", "molt")
	req.Header.Set("Accept-Encoding", "identity")
	if n < 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", off))
	} else {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if off > 0 && f.etag != "" {
		req.Header.Set("If-Range", f.etag)
	}
	return req, nil
}

// viaProxy makes req ask a web proxy for a file at an FTP server: the request line names it.
func (t *httpTree) viaProxy(req *http.Request, u *url.URL) {
	whole := *u
	whole.User = t.user
	req.Header.Del("Authorization")
	req.URL = &url.URL{Scheme: "http", Host: u.Host, Opaque: whole.String()}
}

// found notes what helps the next request.
func (f *httpFile) found(resp *http.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if etag := resp.Header.Get("ETag"); strings.HasPrefix(etag, `"`) && f.etag == "" {
		f.etag = etag
	}
	if resp.Request.Response == nil || resp.Request.URL.Opaque != "" {
		return
	}
	if f.moved == nil {
		f.t.opts.Tell(Event{f.String(), "redirected to " + resp.Request.URL.Redacted()})
	}
	f.moved = resp.Request.URL
}

// read understands an answer.
func (f *httpFile) read(resp *http.Response, off int64) (*part, error) {
	p := &part{body: resp.Body, size: -1, version: version(resp.Header)}
	switch resp.StatusCode {
	case http.StatusOK:
		p.size = resp.ContentLength
		return p, nil
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		return p, p.partial(resp, off)
	case http.StatusNotFound, http.StatusGone:
		return nil, &fault{ErrNotFound, errors.New(resp.Status)}
	case http.StatusForbidden:
		return nil, &fault{ErrForbidden, errors.New(resp.Status)}
	case http.StatusUnauthorized:
		return nil, &fault{ErrLogin, errors.New(resp.Status)}
	case http.StatusProxyAuthRequired:
		return nil, proxyFault(resp)
	}
	return nil, &fault{ErrStatus, errors.New(resp.Status)}
}

// version is what changes when the file does. It begins with its kind.
func version(h http.Header) string {
	for _, kind := range []string{"ETag", "Last-Modified"} {
		if v := h.Get(kind); v != "" {
			return kind + " " + v
		}
	}
	return ""
}

// partial understands Content-Range: bytes 5-9/10, bytes 5-9/*, or for what is
// beyond the end bytes */10 (RFC 9110, 14.4).
func (p *part) partial(resp *http.Response, off int64) error {
	field := resp.Header.Get("Content-Range")
	unfit := &fault{ErrStatus, fmt.Errorf("%s with Content-Range %q for what is at %d", resp.Status, field, off)}
	var first, last, size int64
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if _, err := fmt.Sscanf(field, "bytes */%d", &size); err != nil || size > off {
			return unfit
		}
		p.body, p.off, p.size, p.ranges = emptied(resp.Body), off, size, true
		return nil
	case strings.HasSuffix(field, "/*"):
		size = -1
		if _, err := fmt.Sscanf(field, "bytes %d-%d/", &first, &last); err != nil {
			return unfit
		}
	default:
		if _, err := fmt.Sscanf(field, "bytes %d-%d/%d", &first, &last, &size); err != nil {
			return unfit
		}
	}
	if first != off {
		return unfit
	}
	p.off, p.size, p.ranges = off, size, true
	return nil
}

// emptied is a body of which only the words of an error have come.
func emptied(body io.Closer) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{eof{}, body}
}

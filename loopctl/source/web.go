package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
)

// web is a file on a server that knows ranges.
type web struct {
	url    string // with user and password
	name   string // without
	client *http.Client
	own    *http.Transport // of a client of our own

	mu   sync.Mutex
	mark *version // of the first answer; nil before it
}

// version is what a file on a server is recognised by.
type version struct {
	size int64
	tag  string // ETag, else Last-Modified, else empty
}

func openWeb(spec string, o Options) (failover.Source, error) {
	u, err := url.Parse(spec)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: a URL is http://host/path, this one isn't", ErrSpec)
	}
	u.Fragment = ""
	w := &web{url: u.String(), name: nameOf(*u), client: o.Client}
	if w.client == nil {
		// HTTP/1 only: a request that is given up ends its connection there, so that the next
		// one gets a new connection. HTTP/2 would go on with one that is dead.
		only1 := &http.Protocols{}
		only1.SetHTTP1(true)
		w.own = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableCompression: true, Protocols: only1,
			MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
		}
		w.client = &http.Client{Transport: w.own, CheckRedirect: redirect}
	}
	return w, nil
}

// nameOf leaves out what may be secret: signed URLs have their key in the query.
func nameOf(u url.URL) string {
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = ""
		return u.String() + "?…"
	}
	return u.String()
}

func redirect(to *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than ten redirects")
	}
	if from := via[len(via)-1]; from.URL.Scheme == "https" && to.URL.Scheme != "https" {
		return errors.New("it redirects from https to " + to.URL.Scheme)
	}
	return nil
}

func (w *web) String() string { return w.name }

// Close lets idle connections go; requests end with their contexts.
func (w *web) Close() error {
	if w.own != nil {
		w.own.CloseIdleConnections()
	}
	return nil
}

// Size asks the server, by way of the first byte: not every one knows HEAD.
func (w *web) Size(ctx context.Context) (int64, error) {
	v, err := w.fetch(ctx, make([]byte, 1), 0)
	return v.size, err
}

func (w *web) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	v, err := w.fetch(ctx, p, off)
	if err != nil {
		return 0, err
	}
	if left := v.size - off; left < int64(len(p)) {
		return int(left), io.EOF
	}
	return len(p), nil
}

// fetch reads p, or what there is of it, and says what the file is now.
func (w *web) fetch(ctx context.Context, p []byte, off int64) (version, error) {
	resp, err := w.get(ctx, off, int64(len(p)))
	if err != nil {
		return version{}, err
	}
	defer resp.Body.Close()
	part, err := rangeOf(resp, off)
	if err != nil {
		return version{}, w.whole(resp, err)
	}
	now := version{part.total, tagOf(resp.Header)}
	if err := w.recognise(now); err != nil {
		return version{}, err
	}
	want := min(int64(len(p)), part.total-off)
	if part.n < want {
		return version{}, fmt.Errorf("%w: server gives %d of %d bytes at %d", failover.ErrShort, part.n, want, off)
	}
	if n, err := io.ReadFull(resp.Body, p[:want]); err != nil {
		return version{}, fmt.Errorf("%d of %d bytes at %d came: %w", n, want, off, bareURL(err))
	}
	// The end of the body has to be seen for the connection to be used again.
	io.CopyN(io.Discard, resp.Body, 1)
	return now, nil
}

func (w *web) get(ctx context.Context, off, n int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url, nil)
	if err != nil {
		return nil, errors.New("the URL is not understood")
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	req.Header.Set("Accept-Encoding", "identity")
	if tag := w.strongTag(); tag != "" {
		req.Header.Set("If-Range", tag)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		if w.own != nil {
			w.own.CloseIdleConnections() // they lead to the same place, and may be as dead
		}
		return nil, bareURL(err)
	}
	return resp, nil
}

// strongTag is what If-Range may be sent with (RFC 9110, 13.1.5).
func (w *web) strongTag() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mark == nil || strings.HasPrefix(w.mark.tag, "W/") {
		return ""
	}
	return w.mark.tag
}

func tagOf(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" {
		return tag
	}
	return h.Get("Last-Modified")
}

func (w *web) recognise(now version) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mark == nil {
		w.mark = &now
	}
	switch was := *w.mark; {
	case now.size != was.size:
		return fmt.Errorf("%w: it has %d bytes, and had %d", failover.ErrChanged, now.size, was.size)
	case now.tag != was.tag:
		return fmt.Errorf("%w: it is version %s, and was %s", failover.ErrChanged, now.tag, was.tag)
	}
	return nil
}

// whole explains an answer that is no range: one that comes instead of it because the
// file is another now, or err.
func (w *web) whole(resp *http.Response, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.mark == nil:
		return err
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: it is shorter than %d bytes now (%w)", failover.ErrChanged, w.mark.size, err)
	case resp.StatusCode != http.StatusOK:
		return err
	}
	if now := tagOf(resp.Header); now != w.mark.tag || resp.ContentLength >= 0 && resp.ContentLength != w.mark.size {
		return fmt.Errorf("%w: it is version %s of %d bytes, and was %s of %d",
			failover.ErrChanged, now, resp.ContentLength, w.mark.tag, w.mark.size)
	}
	return err
}

// bareURL is an error without the URL, which may hold secrets, and may be another one
// after a redirect.
func bareURL(err error) error {
	for {
		ue := (*url.Error)(nil)
		if !errors.As(err, &ue) {
			break
		}
		err = ue.Err
	}
	if strings.Contains(err.Error(), "Location header") { // and quotes it
		return errors.New("server redirects to what is no URL")
	}
	return err
}

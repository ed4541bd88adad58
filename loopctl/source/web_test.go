package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
)

// site is a web server with one file, which can be made to misbehave.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	content []byte
	etag    string
	date    time.Time
	misdo   http.HandlerFunc // instead of serving
	conns   int
	ranges  []string
	agent   http.Header // of the last request
}

func newSite(t *testing.T, content []byte) *site {
	t.Helper()
	s := &site{content: content, etag: `"one"`, date: time.Unix(1e9, 0)}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.set(func() { s.conns++ })
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, etag, date, misdo := s.content, s.etag, s.date, s.misdo
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	s.agent = r.Header.Clone()
	s.mu.Unlock()
	if misdo != nil {
		misdo(w, r)
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "image", date, bytes.NewReader(content))
}

func TestWeb(t *testing.T) {
	content := pattern(300_001)
	s := newSite(t, content)
	for _, tt := range []struct {
		name   string
		change func()
	}{
		{"ETag", func() {}},
		{"weak ETag", func() { s.etag = `W/"one"` }},
		{"Last-Modified", func() { s.etag = "" }},
		{"neither", func() { s.date = time.Time{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.set(tt.change)
			src := must(t, s.URL+"/image", Options{})
			serves(t, src, content)
			if src.String() != s.URL+"/image" {
				t.Errorf("it is called %s", src)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	content := pattern(300_001)
	server := httptest.NewUnstartedServer(&site{content: content, etag: `"one"`})
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is to fail
	server.StartTLS()
	defer server.Close()
	serves(t, must(t, server.URL+"/image", Options{Client: server.Client()}), content)
	_, err := must(t, server.URL+"/image", Options{}).Size(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

// TestConnectionReused: one after the other they need one connection.
func TestConnectionReused(t *testing.T) {
	s := newSite(t, pattern(300_001))
	src := must(t, s.URL, Options{})
	for i := range 50 {
		if _, err := src.ReadAt(t.Context(), make([]byte, 4096), int64(i)*4096); err != nil {
			t.Fatal(err)
		}
	}
	if s.set(func() {}); s.conns != 1 || len(s.ranges) != 50 || s.ranges[3] != "bytes=12288-16383" {
		t.Errorf("%d connections, %d requests: %v", s.conns, len(s.ranges), s.ranges[:min(5, len(s.ranges))])
	}
}

func answer(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		if code != http.StatusNotModified {
			fmt.Fprint(w, strings.Repeat("x", 10))
		}
	}
}

// TestWebRefuses: what a server can answer to the first request, and what is made of it.
func TestWebRefuses(t *testing.T) {
	s := newSite(t, pattern(10_000))
	for _, tt := range []struct {
		name  string
		misdo http.HandlerFunc
		is    error // nil: a StatusError
		says  string
	}{
		{"no ranges", answer(200), ErrNoRanges, "it sends the whole file"},
		{"404", answer(404), nil, "server answers 404 Not Found"},
		{"403", answer(403), nil, "server answers 403 Forbidden"},
		{"401", answer(401), nil, "server answers 401 Unauthorized"},
		{"500", answer(500), nil, "server answers 500 Internal Server Error"},
		{"503", answer(503), nil, "server answers 503 Service Unavailable"},
		{"416, as of an empty file", answer(416, "Content-Range", "bytes */0"), nil, "server answers 416"},
		{"size not told", answer(206, "Content-Range", "bytes 0-0/*"), ErrNoSize, ""},
		{"no Content-Range", answer(206), errAny, `Content-Range "", which is none`},
		{"another range", answer(206, "Content-Range", "bytes 5-5/100"), errAny, "to a request for bytes from 0"},
		{"nonsense", answer(206, "Content-Range", "bytes 0-99999999999999999999/100"), errAny, "to a request for bytes"},
		{"for ever", http.RedirectHandler("/again", 302).ServeHTTP, errAny, "more than ten redirects"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.set(func() { s.misdo = tt.misdo })
			_, err := must(t, s.URL+"/image", Options{}).Size(t.Context())
			var status *StatusError
			if err == nil || !strings.Contains(err.Error(), tt.says) ||
				tt.is == nil && !errors.As(err, &status) || tt.is != nil && tt.is != errAny && !errors.Is(err, tt.is) {
				t.Errorf("%v; want %q, %v", err, tt.says, tt.is)
			}
		})
	}
}

// errAny stands for an error that has no type of its own.
var errAny = errors.New("any")

// TestWebChanges: another version is noticed whatever gives it away.
func TestWebChanges(t *testing.T) {
	content := pattern(10_000)
	for _, tt := range []struct {
		name   string
		before func(*site)
		change func(*site)
		off    int64
	}{
		{"ETag", nil, func(s *site) { s.etag = `"two"` }, 0},
		{"weak ETag", func(s *site) { s.etag = `W/"one"` }, func(s *site) { s.etag = `W/"two"` }, 0},
		{"Last-Modified", func(s *site) { s.etag = "" }, func(s *site) { s.date = s.date.Add(time.Second) }, 0},
		{"longer", func(s *site) { s.etag, s.date = "", time.Time{} }, func(s *site) { s.content = pattern(10_001) }, 0},
		{"shorter", func(s *site) { s.etag, s.date = "", time.Time{} }, func(s *site) { s.content = pattern(9_999) }, 0},
		{"too short for the range", func(s *site) { s.etag, s.date = "", time.Time{} }, func(s *site) { s.content = pattern(100) }, 5000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, content)
			if tt.before != nil {
				tt.before(s)
			}
			src := must(t, s.URL, Options{})
			serves(t, src, content)
			s.set(func() { tt.change(s) })
			if _, err := src.ReadAt(t.Context(), make([]byte, 10), tt.off); !errors.Is(err, failover.ErrChanged) {
				t.Errorf("%v, want %v", err, failover.ErrChanged)
			}
		})
	}
}

// TestLosesRanges: a server that stops to know them has not changed the file.
func TestLosesRanges(t *testing.T) {
	content := pattern(10_000)
	s := newSite(t, content)
	src := must(t, s.URL, Options{})
	serves(t, src, content)
	s.set(func() { s.misdo = answer(200, "ETag", `"one"`, "Content-Length", "10000") })
	if _, err := src.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, ErrNoRanges) {
		t.Errorf("%v, want %v", err, ErrNoRanges)
	}
}

// TestCutOff: a connection that ends in the middle of an answer.
func TestCutOff(t *testing.T) {
	s := newSite(t, pattern(10_000))
	src := must(t, s.URL, Options{})
	if _, err := src.Size(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.set(func() {
		s.misdo = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", s.etag)
			w.Header().Set("Last-Modified", s.date.UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Range", "bytes 0-4095/10000")
			w.Header().Set("Content-Length", "4096")
			w.WriteHeader(206)
			w.Write(pattern(1000))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	n, err := src.ReadAt(t.Context(), make([]byte, 4096), 0)
	if n != 0 || err == nil || !strings.Contains(err.Error(), "1000 of 4096 bytes at 0 came") {
		t.Errorf("%d, %v", n, err)
	}
	s.set(func() { s.misdo = nil })
	serves(t, src, pattern(10_000))
}

// TestHungServer: the request ends with its context, and the next gets a new connection.
func TestHungServer(t *testing.T) {
	content := pattern(10_000)
	s := newSite(t, content)
	src := must(t, s.URL, Options{})
	serves(t, src, content)
	release := make(chan struct{})
	s.set(func() { s.misdo = func(http.ResponseWriter, *http.Request) { <-release } })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := src.ReadAt(ctx, make([]byte, 10), 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, context.DeadlineExceeded)
	}
	s.set(func() { s.misdo = nil })
	serves(t, src, content)
}

// TestSecrets: user, password and signed query go to the server and nowhere else.
func TestSecrets(t *testing.T) {
	content := pattern(10_000)
	s := newSite(t, content)
	host := strings.TrimPrefix(s.URL, "http://")
	spec := "http://alice:hunter2@" + host + "/image?sig=hunter2"
	src := must(t, spec, Options{})
	serves(t, src, content)
	if user, password, ok := (&http.Request{Header: s.agent}).BasicAuth(); !ok || user != "alice" || password != "hunter2" {
		t.Errorf("the server was told %q, %q, %v", user, password, ok)
	}
	away := httptest.NewServer(nil)
	gone := strings.TrimPrefix(away.URL, "http://")
	away.Close()
	said := []string{src.String()}
	for _, misdo := range []http.HandlerFunc{
		answer(403), answer(200),
		http.RedirectHandler("http://alice:hunter2@"+gone+"/image?sig=hunter2", 302).ServeHTTP,
		http.RedirectHandler("ldap://alice:hunter2@"+gone+"/image?sig=hunter2", 302).ServeHTTP,
		http.RedirectHandler("http://alice:hunter2@[::1/image?sig=hunter2", 302).ServeHTTP,
	} {
		s.set(func() { s.misdo = misdo })
		_, err := src.ReadAt(t.Context(), make([]byte, 10), 0)
		if err == nil {
			t.Error("no error")
		}
		said = append(said, fmt.Sprint(err))
	}
	for _, text := range said {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "alice") {
			t.Errorf("this tells the secret: %s", text)
		}
	}
	if want := "http://" + host + "/image?…"; src.String() != want {
		t.Errorf("it is called %s, want %s", src, want)
	}
}

// TestRedirect: followed, also to another server, but not down from https.
func TestRedirect(t *testing.T) {
	content := pattern(10_000)
	s := newSite(t, content)
	plain := httptest.NewServer(http.RedirectHandler(s.URL+"/elsewhere", http.StatusFound))
	defer plain.Close()
	serves(t, must(t, plain.URL, Options{}), content)

	from, _ := http.NewRequest("GET", "https://a/", nil)
	to, _ := http.NewRequest("GET", "http://a/", nil)
	if err := redirect(to, []*http.Request{from}); err == nil {
		t.Error("a redirect from https to http is followed")
	}
	if err := redirect(from, []*http.Request{to}); err != nil {
		t.Error(err)
	}
}

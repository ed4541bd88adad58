package fetch_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
)

func read(t testing.TB, tree fetch.Tree, name string) (string, error) {
	t.Helper()
	f, err := tree.Open(t.Context(), name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s, err := f.Stream(t.Context(), 0)
	if err != nil {
		return "", err
	}
	defer s.Close()
	data, err := io.ReadAll(s)
	return string(data), err
}

func mustRead(t testing.TB, tree fetch.Tree, name, want string) {
	t.Helper()
	if got, err := read(t, tree, name); err != nil || got != want {
		t.Errorf("%s is %q, %v; want %q", name, got, err, want)
	}
}

// checkWords wants an error with one reason and all of these words in it.
func checkWords(t testing.TB, err, reason error, words ...string) {
	t.Helper()
	mediatest.Check(t, err, reason)
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v\nlacks %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in %v", err)
	}
}

// withUser is a URL with user and password.
func withUser(url string) string { return strings.Replace(url, "://", "://me:secret@", 1) }

func TestBasicAuth(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, pw, _ := req.BasicAuth(); user != "me" || pw != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "for me")
	}))
	tree := open(t, withUser(server.URL), fetch.Options{})
	mustRead(t, tree, "x", "for me")
	if strings.Contains(tree.String(), "secret") {
		t.Errorf("it is called %s", tree)
	}
	_, err := read(t, open(t, server.URL, fetch.Options{}), "x")
	checkWords(t, err, fetch.ErrLogin, "401 Unauthorized", "check user and password")
}

func TestURLOfOneFile(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, req.URL.String()) }))
	mustRead(t, open(t, server.URL+"/ks.cfg?host=a%20b", fetch.Options{}), "", "/ks.cfg?host=a%20b")
	mustRead(t, open(t, server.URL+"/tree%2Fx/?key=1", fetch.Options{}), "a%3a b", "/tree%2Fx/a%253a%20b?key=1")
}

// Redirections: the file comes from the other server, which learns no secret, and is asked there again.
func TestRedirect(t *testing.T) {
	s := mediatest.NewStore(map[string][]byte{"x": mediatest.Bytes(1, 1<<20)})
	var mu sync.Mutex
	var leaked []string
	files := mediatest.Web{}.Handler(s)
	mirror := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		leaked = append(leaked, req.Header.Get("Authorization")+req.Header.Get("X-Mac")+req.Header.Get("Referer"))
		mu.Unlock()
		files.ServeHTTP(w, req)
	}))
	asked := 0
	origin := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		if req.Header.Get("X-Mac") == "" || req.Header.Get("Authorization") == "" {
			t.Error("the source's own server must be told")
		}
		http.Redirect(w, req, mirror.URL+req.URL.Path, http.StatusFound)
	}))
	var events []string
	tree := open(t, withUser(origin.URL), fetch.Options{Header: http.Header{"X-Mac": {"secret"}},
		Tell: func(e fetch.Event) { events = append(events, e.What) }})
	f, err := tree.Open(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, off := range []int64{900_000, 5} {
		if _, err := f.ReadAt(t.Context(), make([]byte, 10), off); err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if asked != 1 || len(leaked) < 2 || strings.Join(leaked, "") != strings.Repeat("http://"+origin.Listener.Addr().String()+"/x", 1) {
		t.Errorf("asked %d times; the mirror was told %q", asked, leaked)
	}
	if len(events) != 1 || !strings.HasPrefix(events[0], "redirected to "+mirror.URL) {
		t.Errorf("events: %q", events)
	}
}

func TestRedirectsRefused(t *testing.T) {
	plain := serve(t, http.NotFoundHandler())
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/loop" {
			http.Redirect(w, req, "/loop", http.StatusFound)
			return
		}
		http.Redirect(w, req, plain.URL, http.StatusFound)
	}))
	t.Cleanup(server.Close)
	tree := open(t, server.URL, fetch.Options{NoVerify: true})
	_, err := read(t, tree, "x")
	checkWords(t, err, fetch.ErrTLS, "not encrypted", plain.URL)
	_, err = read(t, tree, "loop")
	checkWords(t, err, fetch.ErrStatus, "10 times")
}

func TestTLSWords(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	clock := func(year int) func() time.Time {
		return func() time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	}
	name := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, tt := range []struct {
		url    string
		o      fetch.Options
		reason error
		words  []string
	}{
		{server.URL, fetch.Options{}, fetch.ErrTLS, []string{"certificate signed by unknown authority", `signed by "O=Acme Co"`, "the clock says 20", "inst.cacert="}},
		{server.URL, fetch.Options{CA: roots, Now: clock(1960)}, fetch.ErrTLS, []string{"the clock says 1960-01-01", "good from 1970-01-01", "set the clock"}},
		{server.URL, fetch.Options{CA: roots, Now: clock(2090)}, fetch.ErrTLS, []string{"expired", "the clock says 2090-01-01"}},
		{name, fetch.Options{CA: roots}, fetch.ErrTLS, []string{"not localhost"}},
		{strings.Replace(server.URL, "https", "http", 1), fetch.Options{}, fetch.ErrStatus, []string{"400"}},
		{server.URL, fetch.Options{NoVerify: true}, fetch.ErrNotFound, []string{"404 Not Found", "check the path"}},
	} {
		_, err := read(t, open(t, tt.url, tt.o), "x")
		checkWords(t, err, tt.reason, tt.words...)
	}
	plain := serve(t, http.NotFoundHandler())
	_, err := read(t, open(t, strings.Replace(plain.URL, "http", "https", 1), fetch.Options{}), "x")
	checkWords(t, err, fetch.ErrTLS, "HTTP response to HTTPS client")
}

// What there is besides a server that answers.
func TestNoServer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	for _, tt := range []struct {
		host   string
		reason error
		words  string
	}{
		{closed.Addr().String(), fetch.ErrRefused, "check that the server runs"},
		{deaf.Addr().String(), fetch.ErrTimeout, "nothing came for 1s"},
		{"name.invalid", fetch.ErrName, "nameserver="},
	} {
		for _, scheme := range []string{"http://", "https://", "ftp://"} {
			_, err := read(t, open(t, withUser(scheme+tt.host), fetch.Options{Stall: time.Second}), "x")
			checkWords(t, err, tt.reason, "open x at "+scheme+"me:…@", tt.words)
		}
	}
}

func TestStatus(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/500":
			w.WriteHeader(500)
		case "/other":
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "56789")
		case "/hangup":
			panic(http.ErrAbortHandler)
		}
	}))
	tree := open(t, server.URL, fetch.Options{})
	for name, want := range map[string]error{"500": fetch.ErrStatus, "other": fetch.ErrStatus, "hangup": fetch.ErrCut} {
		_, err := read(t, tree, name)
		checkWords(t, err, want, name[:1])
	}
}

// proxy is a web proxy that wants a password.
func proxy(t testing.TB) *httptest.Server {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret"))
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Proxy-Authorization") != want {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if req.Method != http.MethodConnect {
			fmt.Fprintf(w, "%s by proxy", req.RequestURI)
			return
		}
		far, err := net.Dial("tcp", req.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer far.Close()
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		near, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer near.Close()
		var copies sync.WaitGroup
		copies.Go(func() { io.Copy(far, buffered); far.(*net.TCPConn).CloseWrite() })
		io.Copy(near, far)
		near.Close()
		copies.Wait()
	}))
}

func TestProxy(t *testing.T) {
	p := proxy(t)
	host := p.Listener.Addr().String()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, "far away") }))
	t.Cleanup(secure.Close)
	o := fetch.Options{Proxy: "http://me:secret@" + host, NoVerify: true}
	mustRead(t, open(t, "http://name.invalid/a", o), "b", "http://name.invalid/a/b by proxy")
	mustRead(t, open(t, "ftp://u:pw@name.invalid/a", o), "b", "ftp://u:pw@name.invalid/a/b by proxy")
	mustRead(t, open(t, secure.URL, o), "b", "far away")
	o.Proxy = "me:secret@" + host
	mustRead(t, open(t, "http://name.invalid", o), "b", "http://name.invalid/b by proxy")
	for _, url := range []string{"http://name.invalid", secure.URL} {
		o.Proxy = host
		_, err := read(t, open(t, url, o), "b")
		checkWords(t, err, fetch.ErrLogin, "the proxy wants a user and a password", "check inst.proxy=")
		o.Proxy = "http://me:secret@127.0.0.1:1"
		_, err = read(t, open(t, url, o), "b")
		checkWords(t, err, fetch.ErrRefused, "check inst.proxy=")
	}
	for _, bad := range []string{"gopher://x", "http://", "me:sec/ret@host"} {
		src, _ := media.ParseSource("http://server")
		_, err := fetch.Open(t.Context(), src, fetch.Options{Proxy: bad})
		checkWords(t, err, fetch.ErrPath, "proxy")
	}
}

// A server that dies and comes back at the same address while a stream is read.
func TestServerComesBack(t *testing.T) {
	want := mediatest.Bytes(1, 8<<20)
	s := mediatest.NewStore(map[string][]byte{"x": want})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := &httptest.Server{Listener: listener, Config: &http.Server{Handler: mediatest.Web{}.Handler(s)}}
	first.Start()
	tree := open(t, first.URL, fetch.Options{Stall: 20 * time.Second})
	f, err := tree.Open(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := f.Stream(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make([]byte, 1<<20)
	if _, err := io.ReadFull(r, got); err != nil {
		t.Fatal(err)
	}
	first.CloseClientConnections()
	first.Close()
	address := listener.Addr().String()
	var back sync.WaitGroup
	back.Go(func() {
		<-time.After(time.Second) // while the stream finds nobody there
		again, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		second := &httptest.Server{Listener: again, Config: first.Config}
		second.Config = &http.Server{Handler: mediatest.Web{}.Handler(s)}
		second.Start()
		t.Cleanup(second.Close)
	})
	rest, err := io.ReadAll(r)
	back.Wait()
	if err != nil || !bytes.Equal(append(got, rest...), want) {
		t.Errorf("%d bytes, %v", len(got)+len(rest), err)
	}
}

func TestCancelWhileConnecting(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	for _, scheme := range []string{"http://", "https://", "ftp://"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := open(t, scheme+deaf.Addr().String(), fetch.Options{Stall: time.Minute}).Open(ctx, "x")
		mediatest.Check(t, err, fetch.ErrTimeout)
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%s: it took %v", scheme, d)
		}
	}
}

package fetch_test

import (
	"crypto/x509"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
)

// open opens the tree of a URL.
func open(t testing.TB, url string, o fetch.Options) fetch.Tree {
	t.Helper()
	src, err := media.ParseSource(url)
	if err != nil {
		t.Fatal(err)
	}
	if o.Stall == 0 {
		o.Stall = mediatest.Stall
	}
	tree, err := fetch.Open(t.Context(), src, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// serve serves on loopback until the test ends.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

func overHTTP(web mediatest.Web) func(testing.TB, *mediatest.Store) fetch.Tree {
	return func(t testing.TB, s *mediatest.Store) fetch.Tree {
		return open(t, serve(t, web.Handler(s)).URL, fetch.Options{})
	}
}

func overTLS(t testing.TB, s *mediatest.Store) fetch.Tree {
	server := httptest.NewTLSServer(mediatest.Web{}.Handler(s))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return open(t, server.URL, fetch.Options{CA: roots})
}

func overFTP(t testing.TB, s *mediatest.Store) fetch.Tree {
	return open(t, "ftp://me:p%40ss@"+mediatest.FTP(t, s, "me", "p@ss"), fetch.Options{})
}

func inDir(t testing.TB, s *mediatest.Store) fetch.Tree { return fetch.Dir(mediatest.InDir(t, s)) }

// inISO is the tree in an image that is in a tree of another kind.
func inISO(over func(testing.TB, *mediatest.Store) fetch.Tree) func(testing.TB, *mediatest.Store) fetch.Tree {
	return func(t testing.TB, s *mediatest.Store) fetch.Tree {
		f, err := over(t, mediatest.InISO(t, s)).Open(t.Context(), mediatest.ImageName)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := fetch.ISO(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
}

func TestConformance(t *testing.T) {
	web := overHTTP(mediatest.Web{})
	for name, k := range map[string]mediatest.Kind{
		"dir":              {Open: inDir},
		"http":             {Open: web, Faults: true},
		"http no tags":     {Open: overHTTP(mediatest.Web{NoTags: true}), Faults: true},
		"http no ranges":   {Open: overHTTP(mediatest.Web{NoRanges: true}), Faults: true, NoRanges: true},
		"http chunked":     {Open: overHTTP(mediatest.Web{Chunked: true}), Faults: true, NoRanges: true, NoSize: true},
		"https private CA": {Open: overTLS, Faults: true},
		"ftp":              {Open: overFTP, Faults: true},
		"iso in dir":       {Open: inISO(inDir)},
		"iso over http":    {Open: inISO(web), Faults: true, NoForbidden: true},
		"iso over https":   {Open: inISO(overTLS), Faults: true, NoForbidden: true},
		"iso over ftp":     {Open: inISO(overFTP), Faults: true, NoForbidden: true},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			mediatest.Run(t, k)
		})
	}
}

// TestMain lets more tests wait at a time than there are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "24")
	os.Exit(m.Run())
}

// quiet is the log of a server whose clients refuse it on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

package fetch_test

import (
	"bufio"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/mediatest"
)

// nginx and vsftpd serve a directory.
func nginx(t testing.TB, dir string) (string, *mediatest.Daemon) {
	d := mediatest.Nginx{Dir: dir}.Start(t)
	return "http://" + d.Address, d
}

func vsftpd(t testing.TB, dir string, more ...string) (string, *mediatest.Daemon) {
	d := mediatest.Vsftpd{Dir: dir, More: more}.Start(t)
	return "ftp://" + d.Address, d
}

// Conformance, as far as real servers can be asked for it.
func TestRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	over := func(serve func(testing.TB, string) string) func(testing.TB, *mediatest.Store) fetch.Tree {
		return func(t testing.TB, s *mediatest.Store) fetch.Tree {
			return open(t, serve(t, mediatest.InDir(t, s)), fetch.Options{})
		}
	}
	web := over(func(t testing.TB, dir string) string { url, _ := nginx(t, dir); return url })
	files := over(func(t testing.TB, dir string) string { url, _ := vsftpd(t, dir); return url })
	passive := over(func(t testing.TB, dir string) string {
		url, _ := vsftpd(t, dir, "cmds_denied=EPSV")
		return url
	})
	for name, k := range map[string]mediatest.Kind{
		"nginx": {Open: web}, "vsftpd": {Open: files}, "vsftpd-PASV": {Open: passive},
		"iso-at-nginx": {Open: inISO(web)}, "iso-at-vsftpd": {Open: inISO(files)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mediatest.Run(t, k)
		})
	}
}

// A server that is stopped in the middle, cancelled, and one that is killed for good.
func TestRealServersHang(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"x": mediatest.Bytes(1, 32<<20)}))
	for name, start := range map[string]func(testing.TB, string) (string, *mediatest.Daemon){
		"nginx":  nginx,
		"vsftpd": func(t testing.TB, dir string) (string, *mediatest.Daemon) { return vsftpd(t, dir) },
	} {
		for _, tt := range []struct {
			name    string
			signal  unix.Signal
			reasons []error
		}{
			{"stopped", unix.SIGSTOP, []error{fetch.ErrTimeout}},
			{"killed", unix.SIGKILL, []error{fetch.ErrRefused}},
		} {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				url, server := start(t, dir)
				tree := open(t, url, fetch.Options{})
				f, err := tree.Open(t.Context(), "x")
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				s, err := f.Stream(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Read(make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				server.Signal(tt.signal)
				begin := time.Now()
				_, err = bufio.NewReader(s).WriteTo(discard{})
				mediatest.Check(t, err, tt.reasons...)
				if d := time.Since(begin); d > 3*mediatest.Stall {
					t.Errorf("it took %v", d)
				}
				t.Log(err)
			})
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestRealServersRefuse(t *testing.T) {
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"closed/x": []byte("x")}))
	url, _ := nginx(t, dir)
	_, err := read(t, open(t, url, fetch.Options{}), "closed/x")
	checkWords(t, err, fetch.ErrForbidden, "403 Forbidden")
	url, _ = vsftpd(t, dir)
	_, err = read(t, open(t, withUser(url), fetch.Options{}), "closed/x")
	checkWords(t, err, fetch.ErrLogin, "anonymous only")
}

// A user with a password, at a server that knows no others.
func TestRealServerLogin(t *testing.T) {
	dir := mediatest.InDir(t, mediatest.NewStore(map[string][]byte{"x": []byte("content")}))
	d := mediatest.Vsftpd{Dir: dir, User: "me", Password: "p@ss"}.Start(t)
	got, err := read(t, open(t, "ftp://me:p%40ss@"+d.Address, fetch.Options{}), "x")
	if err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
	_, err = read(t, open(t, "ftp://me:wr0ng@"+d.Address, fetch.Options{}), "x")
	mediatest.Check(t, err, fetch.ErrLogin)
	web := mediatest.Nginx{Dir: dir}.Start(t)
	proxy := mediatest.Nginx{User: "me", Password: "p@ss"}.Start(t)
	for login, reason := range map[string]error{"me:p%40ss@": nil, "me:wr0ng@": fetch.ErrLogin} {
		got, err = read(t, open(t, "http://"+web.Address, fetch.Options{Proxy: "http://" + login + proxy.Address}), "x")
		if reason == nil && (err != nil || string(got) != "content") {
			t.Errorf("by proxy: read %q, %v", got, err)
		} else if reason != nil {
			mediatest.Check(t, err, reason)
		}
	}
}

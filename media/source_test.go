package media

import (
	std "cmp"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSource(t *testing.T) {
	tests := []struct {
		in   string
		want Source
		out  string // in again, if it differs
	}{
		{"cdrom", Source{Scheme: "cdrom"}, ""},
		{"cdrom:", Source{Scheme: "cdrom"}, "cdrom"},
		{"cdrom:/dev/sr0", Source{Scheme: "cdrom", Device: "/dev/sr0"}, ""},
		{"cdrom:sr1", Source{Scheme: "cdrom", Device: "/dev/sr1"}, "cdrom:/dev/sr1"},
		{"cdrom:/ks.cfg", Source{Scheme: "cdrom", Path: "/ks.cfg"}, ""},
		{"cdrom:/dev/sr0:/ks.cfg", Source{Scheme: "cdrom", Device: "/dev/sr0", Path: "/ks.cfg"}, ""},
		{"hd:sda1:/images/stage2.img", Source{Scheme: "hd", Device: "/dev/sda1", Path: "/images/stage2.img"}, "hd:/dev/sda1:/images/stage2.img"},
		{"hd:/dev/vda2", Source{Scheme: "hd", Device: "/dev/vda2", Path: "/"}, "hd:/dev/vda2:/"},
		{"hd:LABEL=OEMDRV:/ks.cfg", Source{Scheme: "hd", Device: "LABEL=OEMDRV", Path: "/ks.cfg"}, ""},
		{"hd:LABEL=OEMDRV:ks.cfg", Source{Scheme: "hd", Device: "LABEL=OEMDRV", Path: "/ks.cfg"}, "hd:LABEL=OEMDRV:/ks.cfg"},
		{`hd:LABEL=My\x20disk\x3a1:/`, Source{Scheme: "hd", Device: "LABEL=My disk:1", Path: "/"}, ""},
		{"hd:UUID=1A2B-3C4D:/x:y", Source{Scheme: "hd", Device: "UUID=1A2B-3C4D", Path: "/x:y"}, ""},
		{"hd:LABEL=X:/a/../../b", Source{Scheme: "hd", Device: "LABEL=X", Path: "/b"}, "hd:LABEL=X:/b"},
		{"file:/ks.cfg", Source{Scheme: "file", Path: "/ks.cfg"}, ""},
		{"file:///a//b", Source{Scheme: "file", Path: "/a/b"}, "file:/a/b"},
		{"nfs:server:/export/disc", Source{Scheme: "nfs", Server: "server", Path: "/export/disc"}, ""},
		{"nfs:vers=3,nolock:10.0.2.2:/x", Source{Scheme: "nfs", Options: "vers=3,nolock", Server: "10.0.2.2", Path: "/x"}, ""},
		{"nfs4:ro:[2001:db8::1]:/x:y", Source{Scheme: "nfs4", Options: "ro", Server: "2001:db8::1", Path: "/x:y"}, ""},
		{"nfs:[fe80::1%eth0]:/", Source{Scheme: "nfs", Server: "fe80::1%eth0", Path: "/"}, ""},
		{"nfs:server://a/../b/", Source{Scheme: "nfs", Server: "server", Path: "/b"}, "nfs:server:/b"},
		{"HTTPS://Server/X", Source{Scheme: "https", URL: "https://Server/X"}, "https://Server/X"},
		{"http://server", Source{Scheme: "http", URL: "http://server"}, ""},
		{"http://server:8080/tree/boot.ipxe/..", Source{Scheme: "http", URL: "http://server:8080/tree"}, "http://server:8080/tree"},
		{"http://[::1]:8080/tree?os=13#x", Source{Scheme: "http", URL: "http://[::1]:8080/tree?os=13#x"}, ""},
		{"https://me:p%40ss@server/a@b", Source{Scheme: "https", URL: "https://me:p%40ss@server/a@b"}, ""},
		{"ftp://me:secret@server//srv/tree", Source{Scheme: "ftp", URL: "ftp://me:secret@server//srv/tree"}, ""},
	}
	for _, tt := range tests {
		got, err := ParseSource(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.in, diff)
		}
		if want := std.Or(tt.out, tt.in); got.String() != want {
			t.Errorf("%s: String is %s, want %s", tt.in, got, want)
		}
	}
}

func TestParseSourceErrors(t *testing.T) {
	tests := []struct {
		in    string
		is    error
		words string
	}{
		{"nfs:server", nil, "[options:]server:/path"},
		{"nfs:server:path", nil, "[options:]server:/path"},
		{"nfs:/path", nil, "[options:]server:/path"},
		{"nfs::/path", nil, "[options:]server:/path"},
		{"nfs:2001:db8::1:/path", nil, "in [brackets]"},
		{"nfs:[server]:/path", nil, "in [brackets]"},
		{"nfs:ro[::1]:/path", nil, "in [brackets]"},
		{"nfs://server/path", nil, "[options:]server:/path"},
		{"nfs4:a b:/path", nil, "nfs4:[options:]"},
		{"http:server/tree", nil, "http://"},
		{"http:///tree", nil, "names no server"},
		{"http://:80/tree", nil, "names no server"},
		{"http://server:port/tree", nil, `invalid port ":port"`},
		{"https://me:sec/ret@server/a@b", nil, `"https://me:…@b": is no URL; in a password write %40`},
		{"https://me:sec ret@server/a", nil, `"https://me:…@server/a": is no URL`},
		{"disk:sda", ErrScheme, "must begin with"},
		{"", ErrScheme, ""},
		{"hd:", nil, "hd:DEVICE:/path"},
		{"hd:LABEL=:/x", nil, "no device"},
		{"hd:/dev/:/x", nil, "no device"},
		{"hd:../x:/x", nil, "no device"},
		{"file:x", nil, "absolute"},
	}
	for _, tt := range tests {
		_, err := ParseSource(tt.in)
		var u *URLError
		if !errors.As(err, &u) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%q: error %v, want a URLError, %v", tt.in, err, tt.is)
			continue
		}
		checkError(t, err, std.Or(tt.words, "source"))
	}
}

func TestSourceRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"http://server/a:b@c":             "http://server/a:b@c",
		"http://me@server/":               "http://me@server/",
		"http://me:secret@server/":        "http://me:…@server/",
		"http://me:secret@server?a=b@c":   "http://me:…@server?a=b@c",
		"ftp://me:sec%2Fret@server/x":     "ftp://me:…@server/x",
		"nfs:server:/x":                   "nfs:server:/x",
		"hd:LABEL=a:/x":                   "hd:LABEL=a:/x",
		"https://:secret@server:8443/x/y": "https://:…@server:8443/x/y",
	} {
		s, err := ParseSource(in)
		if err != nil || s.Redacted() != want {
			t.Errorf("%s is shown as %s, want %s (%v)", in, s.Redacted(), want, err)
		}
		if s.Remote() != (s.Scheme != "hd") {
			t.Errorf("%s: remote is %v", in, s.Remote())
		}
	}
}

func TestSourceMatch(t *testing.T) {
	v := Volume{Path: "/dev/sda1", Label: "OEMDRV", UUID: "1A2B-3C4D"}
	for in, want := range map[string]bool{
		"hd:sda1":           true,
		"hd:sda2":           false,
		"hd:LABEL=OEMDRV":   true,
		"hd:LABEL=oemdrv":   false,
		"hd:UUID=1a2b-3c4d": true,
		"hd:UUID=1a2b":      false,
		"cdrom":             true,
	} {
		s, err := ParseSource(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Match(v); got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func FuzzParseSource(f *testing.F) {
	for _, s := range []string{"cdrom", "cdrom:/dev/sr0:/ks.cfg", "hd:LABEL=a\\x20b:/", "hd:UUID=1:x", "file:///x", "http://a:b@c/",
		"nfs:vers=3:server:/x", "nfs4:[::1]:/x:y", "nfs:o:[fe80::1%eth0]://", "https://[::1]:443/x?y#z", "ftp://u:p%2f@h//x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseSource(in)
		if err != nil {
			return
		}
		again, err := ParseSource(s.String())
		if err != nil {
			t.Fatalf("%q from %q: %v", s.String(), in, err)
		}
		if s != again {
			t.Errorf("%q → %+v → %+v", in, s, again)
		}
		if u, err := url.Parse(s.URL); err == nil && s.URL != "" && u.User != nil {
			again, err := url.Parse(strings.Replace(s.Redacted(), ":…@", ":hidden@", 1))
			if err != nil {
				t.Fatal(err)
			}
			if again.Host != u.Host || again.User.Username() != u.User.Username() {
				t.Errorf("%q is shown as %q", s.URL, s.Redacted())
			}
			if secret, ok := again.User.Password(); ok && secret != "hidden" {
				t.Errorf("%q shows the password %q", in, secret)
			}
		}
	})
}

package ksearly

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
)

func none(string) ([]byte, error) { return nil, errors.New("nothing is included here") }

// TestRepo also has media read the spelling, which is what stage 1 does with it.
func TestRepo(t *testing.T) {
	for line, want := range map[string]string{
		"":                                     "",
		"cdrom":                                "",
		"url --url=http://10.0.0.1/tree/":      "http://10.0.0.1/tree/",
		"url --url https://a/x":                "https://a/x",
		`url "--url=ftp://a/x" # the mirror`:   "ftp://a/x",
		"url --ur=http://a/":                   "http://a/",
		"url --url=nfs://10.0.0.1/export":      "nfs:10.0.0.1:/export",
		"url --url=nfs://srv:2049/x":           "nfs:port=2049:srv:/x",
		"url --url=nfs://[2001:db8::1]:2049/x": "nfs:port=2049:[2001:db8::1]:/x",
		"url --url=NFS://srv/x":                "nfs:srv:/x",
		"url --url=HTTPS://Srv/X":              "https://Srv/X",
		"url \\\n  --url=http://a/":            "http://a/",
		"nfs --server=10.0.0.1 --dir=/export":  "nfs:10.0.0.1:/export",
		"nfs --server=2001:db8::1 --dir=export/x --opts=vers=3,nolock":  "nfs:vers=3,nolock:[2001:db8::1]:/export/x",
		"harddrive --partition=sda1 --dir=/iso":                         "hd:sda1:/iso",
		"harddrive --partition=/dev/sda1 --dir=.":                       "hd:/dev/sda1:/",
		`harddrive --partition="LABEL=My disk" --dir=/iso`:              `hd:LABEL=My\x20disk:/iso`,
		`harddrive --partition=/dev/disk/by-label/A\\x20b --dir=/`:      `hd:LABEL=A\x20b:/`,
		"harddrive --partition=/dev/disk/by-uuid/12-ab --dir=/iso/x":    "hd:UUID=12-ab:/iso/x",
		"url --url=http://a/\ncdrom":                                    "",
		"cdrom\nurl --url=http://a/":                                    "http://a/",
		"url --url=http://a/\nliveimg --url=http://b/root.img":          "",
		"%post\nurl --url=http://a/\n%end":                              "",
		"%packages\nvim\n%end\nurl --url=http://a/":                     "http://a/",
		"echo 'unclosed\nurl --url=http://a/":                           "http://a/",
		"\ufeffurl --url=http://a/":                                     "http://a/",
		"url --unknown=1 --noverifyssl --url=http://a/":                 "http://a/",
		"%include /tmp/made-by-pre\r\nurl --url=http://a/\r\n":          "http://a/",
		"%include file:///tmp/made-by-pre\nurl --url=http://a/":         "http://a/",
		"%pre\n%include http://in.a/script\n%end\nurl --url=http://a/x": "http://a/x",
	} {
		got, err := Read([]byte(line), none)
		if err != nil || got.Source.Repo() != want {
			t.Errorf("%q: %q, %v; want %q", line, got.Source.Repo(), err, want)
		}
		if want == "" {
			continue
		}
		if src, err := media.ParseSource(want); err != nil || src.Scheme == "" {
			t.Errorf("%q: %+v, %v", want, src, err)
		}
	}
}

func TestRead(t *testing.T) {
	file := `url --url=https://a/x --proxy=http://p:3128 --noverifyssl --sslcacert=/etc/ca.pem --sslclientcert /c.pem --sslclientkey=/k.pem
updates http://a/updates.img
driverdisk sdb1
driverdisk --source=http://a/dd.cpio
%certificate --filename=ca.pem --dir=/etc
-----BEGIN CERTIFICATE-----
x
-----END CERTIFICATE-----
%end
`
	want := Commands{
		Source: Source{Kind: "url", URL: "https://a/x", Proxy: "http://p:3128", NoVerify: true, CACert: "/etc/ca.pem",
			ClientCert: "/c.pem", ClientKey: "/k.pem"},
		Updates: "http://a/updates.img", Drivers: []string{"hd:sdb1", "http://a/dd.cpio"},
		Certificates: []Certificate{{"ca.pem", "/etc", []byte("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")}},
	}
	got, err := Read([]byte(file), none)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestInclude(t *testing.T) {
	files := map[string]string{"http://a/common.ks": "%include http://a/more.ks\n", "http://a/more.ks": "url --url=http://a/\n"}
	read := func(name string) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			return nil, errors.New(name + " isn't there")
		}
		return []byte(data), nil
	}
	got, err := Read([]byte("%include http://a/common.ks\n"), read)
	if err != nil || got.Source.URL != "http://a/" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Read([]byte("%include http://a/gone.ks\n"), read); err == nil || !strings.Contains(err.Error(), "gone.ks isn't there") {
		t.Errorf("%v", err)
	}
	files["http://a/more.ks"] = "%include http://a/common.ks\n"
	if _, err := Read([]byte("%include http://a/common.ks\n"), read); err == nil || !strings.Contains(err.Error(), "includes itself") {
		t.Errorf("%v", err)
	}
}

// FuzzRead: whatever a file holds, it is read to its end.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"url --url=http://a/", "%certificate --filename=x\n%end", "driverdisk", "url '", "nfs --server"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _ := Read(data, none)
		got.Source.Repo()
	})
}

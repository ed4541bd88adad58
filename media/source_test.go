package media

import (
	std "cmp"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSource(t *testing.T) {
	tests := []struct {
		in   string
		want Source
		out  string // in again, if it differs
	}{
		{"cdrom", Source{"cdrom", "", ""}, ""},
		{"cdrom:", Source{"cdrom", "", ""}, "cdrom"},
		{"cdrom:/dev/sr0", Source{"cdrom", "/dev/sr0", ""}, ""},
		{"cdrom:sr1", Source{"cdrom", "/dev/sr1", ""}, "cdrom:/dev/sr1"},
		{"cdrom:/ks.cfg", Source{"cdrom", "", "/ks.cfg"}, ""},
		{"cdrom:/dev/sr0:/ks.cfg", Source{"cdrom", "/dev/sr0", "/ks.cfg"}, ""},
		{"hd:sda1:/images/stage2.img", Source{"hd", "/dev/sda1", "/images/stage2.img"}, "hd:/dev/sda1:/images/stage2.img"},
		{"hd:/dev/vda2", Source{"hd", "/dev/vda2", "/"}, "hd:/dev/vda2:/"},
		{"hd:LABEL=OEMDRV:/ks.cfg", Source{"hd", "LABEL=OEMDRV", "/ks.cfg"}, ""},
		{"hd:LABEL=OEMDRV:ks.cfg", Source{"hd", "LABEL=OEMDRV", "/ks.cfg"}, "hd:LABEL=OEMDRV:/ks.cfg"},
		{`hd:LABEL=My\x20disk\x3a1:/`, Source{"hd", "LABEL=My disk:1", "/"}, ""},
		{"hd:UUID=1A2B-3C4D:/x:y", Source{"hd", "UUID=1A2B-3C4D", "/x:y"}, ""},
		{"hd:LABEL=X:/a/../../b", Source{"hd", "LABEL=X", "/b"}, "hd:LABEL=X:/b"},
		{"file:/ks.cfg", Source{"file", "", "/ks.cfg"}, ""},
		{"file:///a//b", Source{"file", "", "/a/b"}, "file:/a/b"},
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
		{"nfs:server:/path", ErrUnsupported, "cdrom, hd and file are"},
		{"http://server/tree", ErrUnsupported, `"http://server/tree"`},
		{"https://me:secret@server/a@b", ErrUnsupported, `"https://me:…@server/a@b"`},
		{"ftp://server", ErrUnsupported, ""},
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
	for _, s := range []string{"cdrom", "cdrom:/dev/sr0:/ks.cfg", "hd:LABEL=a\\x20b:/", "hd:UUID=1:x", "file:///x", "http://a:b@c/"} {
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
	})
}

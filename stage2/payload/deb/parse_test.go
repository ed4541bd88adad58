package deb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/payload"
)

const stanza = "Package: a\nVersion: 1:2\nArchitecture: all\nInstalled-Size: 3\nEssential: yes\nDepends: b (>= 1) | c:any,\n d\nProvides: v (= 2)\nFilename: disc2/pool/a.deb\nSize: 7\nSHA256: "

func TestParseIndex(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	got, err := parseIndex(strings.NewReader(stanza + sum + "\n\n\n"))
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	want := payload.Package{Name: "a", Version: "1:2", Arch: "all", Disc: 2, Path: "pool/a.deb", Size: 7, SHA256: sum, InstalledSize: 3072, Essential: true}
	if d := cmp.Diff(want, got[0].Package); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([][]string{{"b", "c", "d"}, {"v"}}, [][]string{got[0].depends, got[0].provides}); d != "" {
		t.Error(d)
	}
}

func TestSplitDiscRefuses(t *testing.T) {
	for _, name := range []string{"", "pool/a.deb", "disc/a", "disc0/a", "disc1/", "disc1/../a", "disc1//a", "disc1/a/../../../etc/passwd", "discX/a"} {
		if n, path, err := splitDisc(name); err == nil {
			t.Errorf("%q: accepted as %d, %q", name, n, path)
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add(stanza + strings.Repeat("ab", 32) + "\n\n")
	f.Add("Package: a\n b\n\nc")
	f.Fuzz(func(t *testing.T, text string) {
		records, err := parseIndex(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, r := range records {
			if r.Name == "" || r.Size < 0 || r.Disc < 1 || strings.Contains("/"+r.Path+"/", "/../") {
				t.Errorf("accepted %+v", r)
			}
		}
	})
}

// what dpkg says when a package fails.
const failing = `Unpacking other (1.0) ...
Setting up service:amd64 (1.0) ...
trying hard
dpkg: error processing package service:amd64 (--configure):
 installed service package post-installation script subprocess returned error exit status 7
dpkg: too many errors, stopping
Errors were encountered while processing:
 service:amd64`

func FuzzWatcher(f *testing.F) {
	f.Add(failing, "pmstatus:libc6:43.5:Configuring libc6")
	f.Add("dpkg: error processing archive /x/a_1_all.deb (--unpack):\n new a package pre-installation script", "status: a:amd64: installed")
	f.Add("", "status: a : error : b")
	f.Add("", "pmstatus:dpkg-exec:NaN:Running dpkg\nstatus:")
	f.Fuzz(func(t *testing.T, output, status string) {
		p := &progress{}
		w := newWatcher(p, 10)
		w.span(4)
		for _, l := range strings.Split(output, "\n") {
			w.output(l)
		}
		for _, l := range strings.Split(status, "\n") {
			w.status(l)
			if p.last < 0 || p.last > 10 {
				t.Errorf("%q: %d of 10", l, p.last)
			}
		}
		if len(w.tail) > maxTail {
			t.Errorf("tail of %d lines", len(w.tail))
		}
	})
}

func TestWatcherBlames(t *testing.T) {
	w := newWatcher(&progress{}, 2)
	for _, l := range strings.Split(failing, "\n") {
		w.output(l)
	}
	want := &PackageError{
		Package: "service", Tail: []string{"trying hard"},
		Reason: "installed service package post-installation script subprocess returned error exit status 7",
	}
	if d := cmp.Diff(want, w.explain(nil)); d != "" {
		t.Error(d)
	}
}

func TestInitrdFits(t *testing.T) {
	p := &Payload{catalog: media.Catalog{Initrd: &media.Initrd{Kernel: "6.12"}, Base: []string{"btrfs-progs"}}}
	for name, want := range map[string]bool{
		"linux-image-amd64 linux-image-6.12":     true,
		"linux-image-6.12 btrfs-progs":           true,
		"linux-image-6.12 lvm2":                  false,
		"linux-image-6.12 linux-image-6.1-cloud": false,
		"linux-image-6.11":                       false,
		"busybox":                                false,
	} {
		sel := &payload.Selection{}
		for _, n := range strings.Fields(name) {
			sel.Packages = append(sel.Packages, payload.Package{Name: n})
		}
		if got := p.initrdFits(sel); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

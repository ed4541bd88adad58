package deb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// record is a payload.Progress that remembers.
type progress struct {
	mu       sync.Mutex
	last     int64
	total    int64
	items    []string
	lines    []string
	warnings []string
	start    time.Time // when set, lines get the time since then
}

func (p *progress) Advance(done, total int64, unit, item string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.total = done, total
	p.items = append(p.items, item)
}

func (p *progress) Line(l string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.start.IsZero() {
		l = fmt.Sprintf("%7.2f %s", time.Since(p.start).Seconds(), l)
	}
	p.lines = append(p.lines, l)
}

func (p *progress) Warn(m string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warnings = append(p.warnings, m)
}

// small is a set in the style of tiny: no shell on the target, so no scripts.
func small(t *testing.T) *set {
	return &set{
		dir: t.TempDir(),
		catalog: media.Catalog{
			Base:     []string{"alpha"},
			Firmware: map[string][]string{"bios": {"boot"}},
			Groups:   []media.Group{{ID: "tools", Packages: []string{"delta"}}},
		},
		discs: map[int][]string{
			1: {
				testDeb(t, "Package: alpha\nDepends: beta\n", map[string]string{"usr/bin/alpha": "#!/bin/sh\n"}),
				testDeb(t, "Package: boot\nInstalled-Size: 7\n", map[string]string{"boot/loader": "x"}),
			},
			2: {
				testDeb(t, "Package: beta\nVersion: 1:2.0~rc1+b\nProvides: virtual\n", map[string]string{"etc/beta.conf": "b\n"}),
				testDeb(t, "Package: gamma\nConflicts: alpha\n", nil),
			},
			3: {testDeb(t, "Package: delta\nDepends: virtual\n", map[string]string{"usr/share/delta": "d"})},
		},
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if syscall.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func TestResolve(t *testing.T) {
	p := small(t).build(t, t.TempDir())
	tests := map[string]struct {
		r    payload.Request
		want []string
	}{
		"base":     {payload.Request{}, []string{"1 alpha 1.0", "2 beta 1:2.0~rc1+b"}},
		"firmware": {payload.Request{Firmware: "bios"}, []string{"1 alpha 1.0", "1 boot 1.0", "2 beta 1:2.0~rc1+b"}},
		"group": {payload.Request{Software: config.Software{Groups: []string{"core", "@tools"}}},
			[]string{"1 alpha 1.0", "2 beta 1:2.0~rc1+b", "3 delta 1.0"}},
		"extra":    {payload.Request{Extra: []string{"virtual"}}, []string{"1 alpha 1.0", "2 beta 1:2.0~rc1+b"}},
		"excluded": {payload.Request{Software: config.Software{Packages: []string{"gam*"}, Exclude: []string{"alpha", "nothing"}}}, []string{"2 gamma 1.0"}},
	}
	for name, test := range tests {
		sel, err := p.Resolve(context.Background(), test.r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, k := range sel.Packages {
			got = append(got, string(rune('0'+k.Disc))+" "+k.Name+" "+k.Version)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	p := small(t).build(t, t.TempDir())
	_, err := p.Resolve(context.Background(), payload.Request{
		Software: config.Software{Groups: []string{"tool"}, Packages: []string{"delat", "alpha", "nothing-like-it"}},
	})
	var unknown *UnknownError
	want := []Unknown{{"group", "tool", []string{"tools"}}, {"package", "delat", nil}, {"package", "nothing-like-it", nil}}
	if !errors.As(err, &unknown) {
		t.Fatalf("got %v", err)
	}
	if d := cmp.Diff(want, unknown.Names, cmpopts.IgnoreFields(Unknown{}, "Near")); d != "" {
		t.Error(d)
	}
	if near := unknown.Names[0].Near; len(near) == 0 || near[0] != "tools" {
		t.Errorf("near %v", near)
	}
	_, err = p.Resolve(context.Background(), payload.Request{Extra: []string{"gamma"}})
	var conflict *ConflictError
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "gamma : Conflicts: alpha") {
		t.Errorf("conflict: %v", err)
	}
	_, err = p.Resolve(context.Background(), payload.Request{Software: config.Software{Exclude: []string{"beta"}}})
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "beta") {
		t.Errorf("excluded dependency: %v", err)
	}
}

func TestResolveChecksDisc(t *testing.T) {
	for _, name := range []string{"InRelease", "main/binary-amd64/Packages.gz"} {
		s := small(t)
		p := s.build(t, t.TempDir())
		path := filepath.Join(s.dir, "disc1", media.IndexPath, "dists/test", name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		put(t, path, string(data), 0o644)
		if _, err := p.Resolve(context.Background(), payload.Request{}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fetchAll copies everything that sel needs.
func (s *set) fetchAll(p *Payload, sel *payload.Selection, target string, pr payload.Progress) error {
	for _, n := range sel.Discs() {
		root := filepath.Join(s.dir, discDir(n))
		f := payload.Fetch{Selection: sel, Disc: n, From: fetch.Dir(root), Root: root, Target: target, Progress: pr}
		if err := p.Fetch(context.Background(), f); err != nil {
			return err
		}
	}
	return nil
}

func TestFetch(t *testing.T) {
	s := small(t)
	p := s.build(t, t.TempDir())
	sel, err := p.Resolve(context.Background(), payload.Request{Firmware: "bios"})
	if err != nil {
		t.Fatal(err)
	}
	target, pr := t.TempDir(), &progress{}
	deb := filepath.Join(s.dir, "disc2/pool", filepath.Base(sel.OnDisc(2)[0].Path))
	good, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	bad := append([]byte{}, good...)
	bad[len(bad)-1] ^= 1
	put(t, deb, string(bad), 0o644)
	var disc *DiscError
	if err := s.fetchAll(p, sel, target, pr); !errors.As(err, &disc) || disc.Disc != 2 || disc.Item != "beta" {
		t.Errorf("damaged package: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(target, setDir, "disc2/pool/*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	os.Remove(deb)
	if err := s.fetchAll(p, sel, target, pr); !errors.As(err, &disc) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing package: %v", err)
	}
	put(t, deb, string(good), 0o644)
	os.RemoveAll(filepath.Join(s.dir, "disc1/pool")) // what is fetched already isn't read again
	if err := s.fetchAll(p, sel, target, pr); err != nil {
		t.Errorf("again: %v", err)
	}
	if pr.last != pr.total || pr.total != int64(len(good)) {
		t.Errorf("progress %d of %d", pr.last, pr.total)
	}
}

func TestFetchNoSpace(t *testing.T) {
	needRoot(t)
	s := small(t)
	p := s.build(t, t.TempDir())
	sel, err := p.Resolve(context.Background(), payload.Request{})
	if err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	if err := syscall.Mount("molt-test", target, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(target, syscall.MNT_DETACH)
	var full *TargetError
	if err := s.fetchAll(p, sel, target, &progress{}); !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
}

func TestInstallWithoutShell(t *testing.T) {
	needRoot(t)
	s := small(t)
	p := s.build(t, t.TempDir())
	ctx := context.Background()
	sel, err := p.Resolve(ctx, payload.Request{Firmware: "bios", Software: config.Software{Groups: []string{"tools"}}})
	if err != nil {
		t.Fatal(err)
	}
	target, pr := t.TempDir(), &progress{}
	if err := s.fetchAll(p, sel, target, pr); err != nil {
		t.Fatal(err)
	}
	if err := p.Install(ctx, sel, target, pr); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(pr.lines, "\n"))
	}
	if pr.last != 4 || pr.total != 4 {
		t.Errorf("progress %d of %d", pr.last, pr.total)
	}
	if err := p.Finish(ctx, sel, target, pr); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"usr/bin/alpha", "etc/beta.conf", "boot/loader", "usr/share/delta"} {
		if _, err := os.Stat(filepath.Join(target, name)); err != nil {
			t.Error(err)
		}
	}
	if got := command(t, "dpkg-query", "--admindir="+filepath.Join(target, "var/lib/dpkg"), "-f", "${Package} ${db:Status-Abbrev}\n", "-W"); got != "alpha ii \nbeta ii \nboot ii \ndelta ii \n" {
		t.Errorf("dpkg says %q", got)
	}
	if _, err := os.Stat(filepath.Join(target, filepath.Dir(setDir))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the fetched packages are still there: %v", err)
	}
}

// withShell has a static shell on the target, and a package whose script
// fails as long as /fail is there.
func withShell(t *testing.T) *set {
	busybox, err := os.ReadFile("/usr/bin/busybox")
	if err != nil {
		busybox, err = os.ReadFile("/bin/busybox")
	}
	if err != nil {
		t.Skip("needs a static busybox")
	}
	postinst := "#!/bin/sh\necho trying hard\nif [ -e /fail ]; then echo cannot do it >&2; exit 7; fi\necho $PATH $DEBIAN_FRONTEND $LC_ALL > /script-env\n"
	shell := testDeb(t, "Package: shell\nEssential: yes\nDepends: lib\n", map[string]string{"bin/sh": string(busybox), "usr/sbin/update-initramfs": "#!/bin/sh\n> /real-one-ran\n"})
	return &set{
		dir:     t.TempDir(),
		catalog: media.Catalog{Base: []string{"service"}, Bootstrap: true},
		discs: map[int][]string{
			1: {
				shell,
				testDeb(t, "Package: lib\n", map[string]string{"lib/lib": "l"}),
				testDeb(t, "Package: service\n", map[string]string{"DEBIAN/postinst": postinst, "DEBIAN/preinst": "#!/bin/sh\n/usr/sbin/update-initramfs -u\n"}),
				testDeb(t, "Package: later\nDepends: service\n", nil),
			},
		},
	}
}

func TestInstallFailingPackage(t *testing.T) {
	needRoot(t)
	s := withShell(t)
	p := s.build(t, t.TempDir())
	ctx := context.Background()
	sel, err := p.Resolve(ctx, payload.Request{Extra: []string{"later"}})
	if err != nil {
		t.Fatal(err)
	}
	target, pr := t.TempDir(), &progress{}
	if err := s.fetchAll(p, sel, target, pr); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(target, "fail"), "", 0o644)
	err = p.Install(ctx, sel, target, pr)
	want := &PackageError{Package: "service", Tail: []string{"trying hard", "cannot do it"}}
	var failed *PackageError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v\n%s", err, strings.Join(pr.lines, "\n"))
	}
	if d := cmp.Diff(want, failed, cmpopts.IgnoreFields(PackageError{}, "Reason")); d != "" {
		t.Error(d)
	}
	if !strings.Contains(failed.Reason, "exit status 7") {
		t.Errorf("reason %q", failed.Reason)
	}
	if _, err := os.Stat(filepath.Join(target, "real-one-ran")); err == nil {
		t.Error("update-initramfs was not diverted")
	}
	os.Remove(filepath.Join(target, "fail"))
	if err := p.Install(ctx, sel, target, pr); err != nil {
		t.Fatalf("again: %v\n%s", err, strings.Join(pr.lines, "\n"))
	}
	if err := p.Finish(ctx, sel, target, pr); err != nil {
		t.Error(err)
	}
	env, err := os.ReadFile(filepath.Join(target, "script-env"))
	if err != nil || string(env) != "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin noninteractive C.UTF-8\n" {
		t.Errorf("environment %q, %v", env, err)
	}
	if _, err := os.Stat(filepath.Join(target, "real-one-ran")); err != nil {
		t.Errorf("update-initramfs was wanted by a package and not run in the end: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(target, wanted+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Lstat(filepath.Join(target, "usr/sbin/update-initramfs")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("update-initramfs was not put back: %v", err)
	}
	for _, name := range []string{"usr/sbin/start-stop-daemon", "usr/sbin/policy-rc.d", "usr/bin/mandb"} {
		if _, err := os.Lstat(filepath.Join(target, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
}

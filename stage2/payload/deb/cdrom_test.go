package deb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

func TestListName(t *testing.T) { // as apt-cdrom of apt 3.0.3 named them
	got := listName("Debian _13_ - amd64 disc 2 of 2", "dists/trixie/main/binary-amd64/Packages")
	if want := "Debian%20%5f13%5f%20-%20amd64%20disc%202%20of%202_dists_trixie_main_binary-amd64_Packages"; got != want {
		t.Errorf("got %s", got)
	}
	if got := discLabel(`Debian "13" [x]` + "\nmore\n"); got != "Debian _13_ _x_" {
		t.Errorf("label %q", got)
	}
}

// withApt has two discs that are repositories, and a package named apt.
func withApt(t *testing.T) (*set, *Payload) {
	s := &set{
		dir:     t.TempDir(),
		catalog: media.Catalog{Base: []string{"apt"}},
		discs: map[int][]string{
			1: {testDeb(t, "Package: apt\n", nil)},
			2: {testDeb(t, "Package: more\n", nil), testDeb(t, "Package: still-more\n", nil)},
		},
	}
	p := s.build(t, t.TempDir())
	if _, err := p.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range s.discs {
		packages, err := p.packagesOf(n)
		if err != nil {
			t.Fatal(err)
		}
		root := filepath.Join(s.dir, discDir(n))
		put(t, filepath.Join(root, diskInfo), fmt.Sprintf("Test \"1\" disc %d\n", n), 0o644)
		put(t, filepath.Join(root, "dists/test/InRelease"), signed(t, s.key, fmt.Sprintf(
			"Origin: Test\nSuite: test\nCodename: test\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %d main/binary-amd64/Packages\n",
			time.Now().Add(-time.Hour).UTC().Format(time.RFC1123), digest([]byte(packages)), len(packages))), 0o644)
	}
	return s, p
}

// finishApt lets p meet discs and writes the target's sources.
func finishApt(t *testing.T, s *set, p *Payload, discs ...int) (string, *progress) {
	t.Helper()
	target, pr := t.TempDir(), &progress{}
	sel, err := p.Resolve(context.Background(), payload.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range discs {
		root := filepath.Join(s.dir, discDir(n))
		f := payload.Fetch{Selection: sel, Disc: n, From: fetch.Dir(root), Root: root, Target: target, Progress: pr}
		if err := p.Fetch(context.Background(), f); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.configureApt(sel, target); err != nil {
		t.Fatal(err)
	}
	return target, pr
}

func needAptCdrom(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("apt-cdrom"); err != nil {
		t.Skip("needs apt: ", err)
	}
}

// TestAptKnowsDiscs has the host's own apt work with the files of a target.
func TestAptKnowsDiscs(t *testing.T) {
	needAptCdrom(t)
	s, p := withApt(t)
	target, pr := finishApt(t, s, p, 1, 2)
	if len(pr.warnings) > 0 {
		t.Errorf("warnings: %q", pr.warnings)
	}
	list := filepath.Join(target, "etc/apt/sources.list")
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	put(t, list, strings.ReplaceAll(string(text), "signed-by=/", "signed-by="+target+"/"), 0o644)
	for _, dir := range []string{"var/lib/dpkg", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "etc/apt/preferences.d"} {
		if err := os.MkdirAll(filepath.Join(target, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(target, "var/lib/dpkg/status"), "", 0o644)
	put(t, filepath.Join(target, "apt.conf"), fmt.Sprintf("Dir \"%s\";\nDir::State::status \"%s/var/lib/dpkg/status\";\nAPT::Architecture \"amd64\";\nAPT::Architectures { \"amd64\"; };\nAPT::Sandbox::User \"root\";\n", target, target), 0o644)
	t.Setenv("APT_CONFIG", filepath.Join(target, "apt.conf"))
	if out := command(t, "apt-get", "--error-on=any", "update"); strings.Contains(out, "W:") || strings.Count(out, "Hit:") != 2 {
		t.Errorf("update: %s", out)
	}
	out := command(t, "apt-get", "--print-uris", "-y", "install", "still-more")
	if !strings.Contains(out, "'cdrom://Test%20%5f1%5f%20disc%202/pool/still-more_1.0_amd64.deb'") && !strings.Contains(out, "disc 2/pool/still-more_1.0_amd64.deb'") {
		t.Errorf("install: %s", out)
	}
}

func TestAptDoesntKnowDisc(t *testing.T) {
	needAptCdrom(t)
	s, p := withApt(t)
	put(t, filepath.Join(s.dir, "disc2/dists/test/InRelease"), "SHA256:\n "+strings.Repeat("0", 64)+" 1 main/binary-amd64/Packages\n", 0o644)
	target, pr := finishApt(t, s, p, 1, 2)
	if len(pr.warnings) != 1 || !strings.Contains(pr.warnings[0], "its package list is not the one of the set") {
		t.Errorf("warnings: %q", pr.warnings)
	}
	got, err := os.ReadFile(filepath.Join(target, "etc/apt/sources.list"))
	if err != nil {
		t.Fatal(err)
	}
	want := `# The discs of Test 1, from which this system was installed.
deb [signed-by=/usr/share/keyrings/test-set.asc] cdrom:[Test _1_ disc 1]/ test main
# Disc 2 has not been in the drive. To use it, put it in and run: apt-cdrom add
`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(filepath.Join(target, "etc/apt/trusted.gpg.d/test-set.asc")); err != nil {
		t.Errorf("apt-cdrom add would refuse disc 2: %v", err)
	}
}

func TestSourcesOfMirror(t *testing.T) {
	s, p := withApt(t)
	p.catalog.Suites, p.catalog.Components = []string{"test", "test-updates"}, []string{"main", "non-free-firmware"}
	p.Mirrors = []config.Mirror{{URL: "http://mirror.example/debian"}}
	target, _ := finishApt(t, s, p, 1)
	got, err := os.ReadFile(filepath.Join(target, "etc/apt/sources.list.d/debian.sources"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("Types: deb\nURIs: http://mirror.example/debian\nSuites: test test-updates\nComponents: main non-free-firmware\n", string(got)); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(filepath.Join(target, "etc/apt/sources.list")); err == nil {
		t.Error("the discs are there, too")
	}
}

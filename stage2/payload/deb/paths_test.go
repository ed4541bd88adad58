package deb

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// documented are files of a package of which some are documentation or translations.
func documented() map[string]string {
	files := map[string]string{}
	for _, name := range []string{
		"usr/bin/tool", "usr/share/doc/tool/copyright", "usr/share/doc/tool/changelog.gz", "usr/share/doc/tool/examples/a",
		"usr/share/man/man1/tool.1.gz", "usr/share/man/de/man1/tool.1.gz", "usr/share/man/fr/man1/tool.1.gz", "usr/share/man/pt_BR/man1/tool.1.gz",
		"usr/share/info/tool.info.gz", "usr/share/locale/locale.alias", "usr/share/locale/de/LC_MESSAGES/tool.mo",
		"usr/share/locale/de_AT/LC_MESSAGES/tool.mo", "usr/share/locale/den/LC_MESSAGES/tool.mo", "usr/share/locale/pt/LC_MESSAGES/tool.mo",
		"usr/share/locale/pt_BR/LC_MESSAGES/tool.mo", "usr/share/locale/pt_PT/LC_MESSAGES/tool.mo",
	} {
		files[name] = "x"
	}
	return files
}

// What is there of them with --excludedocs and --inst-langs=de.
func left() []string {
	return []string{
		"usr/bin/tool", "usr/share/locale/locale.alias", "usr/share/doc/tool/copyright",
		"usr/share/locale/de/LC_MESSAGES/tool.mo", "usr/share/locale/de_AT/LC_MESSAGES/tool.mo",
	}
}

func TestPathRules(t *testing.T) {
	all := func() []string {
		var names []string
		for name := range documented() {
			names = append(names, name)
		}
		return sorted(names)
	}()
	without := func(parts ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
		})
	}
	for name, test := range map[string]struct {
		software config.Software
		want     []string
	}{
		"all of it":    {config.Software{}, all},
		"every one":    {config.Software{InstLangs: []string{"all"}}, all},
		"no documents": {config.Software{ExcludeDocs: true}, without("change", "examples", "/man/", "/info/")},
		"German":       {config.Software{InstLangs: []string{"de"}}, without("/fr/", "/den/", "/pt")},
		"Brazil":       {config.Software{InstLangs: []string{"pt_BR.UTF-8"}}, without("/fr/", "/den/", "/de/", "/de_AT/", "/pt_PT/")},
		"none":         {config.Software{InstLangs: []string{"C"}}, without("/fr/", "/den/", "/de/", "/de_AT/", "/pt")},
		"both":         {config.Software{ExcludeDocs: true, InstLangs: []string{"de"}}, left()},
	} {
		f := newPathFilter(pathRules(test.software))
		got := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return f.leavesOut("/"+name, 0) })
		if d := cmp.Diff(sorted(slices.Clone(test.want)), got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestInstallExcludes: dpkg and what is unpacked without it leave out the same, and the
// rules are there for later.
func TestInstallExcludes(t *testing.T) {
	needRoot(t)
	s := withShell(t)
	files := documented()
	s.discs[1] = append(s.discs[1],
		testDeb(t, "Package: early\nEssential: yes\n", files),
		testDeb(t, "Package: late\n", renamed(files, "tool", "late")),
		testDeb(t, "Package: dpkg\n", nil))
	p := s.build(t, t.TempDir())
	ctx := context.Background()
	sel, err := p.Resolve(ctx, payload.Request{Extra: []string{"late", "dpkg"}, Software: config.Software{ExcludeDocs: true, InstLangs: []string{"de"}}})
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
	var got, want []string
	for _, name := range left() {
		want = append(want, name)
		if strings.Contains(name, "tool") {
			want = append(want, strings.ReplaceAll(name, "tool", "late"))
		}
	}
	for _, dir := range []string{"usr/bin", "usr/share"} {
		err := filepath.WalkDir(filepath.Join(target, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !strings.HasSuffix(path, "/mandb") {
				got = append(got, strings.TrimPrefix(path, target+"/"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
		t.Errorf("installed files: %s", d)
	}
	if _, err := os.Stat(filepath.Join(target, "usr/share/man/man1")); err != nil {
		t.Errorf("maintainer scripts put links there: %v", err)
	}
	rules, err := os.ReadFile(filepath.Join(target, rulesFile))
	if err != nil || !strings.Contains(string(rules), "\npath-exclude=/usr/share/locale/*/*\n") {
		t.Errorf("rules for later: %q, %v", rules, err)
	}
}

// renamed are the files with another name in the place of one; locale.alias is of one package only.
func renamed(files map[string]string, was, is string) map[string]string {
	all := map[string]string{}
	for name, text := range files {
		if strings.Contains(name, was) {
			all[strings.ReplaceAll(name, was, is)] = text
		}
	}
	return all
}

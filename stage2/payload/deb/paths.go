package deb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// rulesFile is where the installed system's dpkg finds the rules, so that what is
// installed later is like what is installed now.
const rulesFile = "etc/dpkg/dpkg.cfg.d/molt-excludes"

// pathRules are dpkg's rules for what --excludedocs and --inst-langs leave out; the last one that
// fits a path counts. Licences stay (Debian policy 12.5), and so do the directories of
// manual pages, which maintainer scripts put links into, and locale.alias(5).
func pathRules(s config.Software) []string {
	var rules []string
	exclude := func(patterns ...string) {
		for _, p := range patterns {
			rules = append(rules, "path-exclude=/usr/share/"+p)
		}
	}
	include := func(patterns ...string) {
		for _, p := range patterns {
			rules = append(rules, "path-include=/usr/share/"+p)
		}
	}
	if len(s.InstLangs) > 0 && !slices.Contains(s.InstLangs, "all") {
		exclude("locale/*/*", "man/*/man*/*")
		for _, name := range languages(s.InstLangs) {
			include("locale/"+name+"/*", "man/"+name+"/*")
		}
	}
	if s.ExcludeDocs {
		exclude("doc/*", "man/*/*", "info/*", "doc-base/*", "gtk-doc/*", "gnome/help/*", "help/*")
		include("doc/*/copyright")
	}
	return rules
}

// languages are the names of directories in which gettext(3) and man(1) look for a
// language, as patterns: de is also de_AT, and pt_BR falls back to pt.
func languages(asked []string) []string {
	var names []string
	for _, l := range asked {
		name, _, _ := strings.Cut(l, ".")
		name, variant, _ := strings.Cut(name, "@")
		language, country, _ := strings.Cut(name, "_")
		switch {
		case language == "C" || language == "POSIX":
			continue
		case country == "":
			names = append(names, language, language+"_*", language+"@*", language+".*")
		default:
			names = append(names, language, name, name+"@*", name+".*")
		}
		if variant != "" {
			names = append(names, language+"@"+variant)
		}
	}
	return sorted(names)
}

// keepRules writes the rules for the installed system's dpkg, if it has one.
func keepRules(sel *payload.Selection, target string) error {
	if len(sel.Paths) == 0 || !hasPackage(sel, "dpkg") {
		return nil
	}
	text := "# What the installation was told to leave out of packages; see dpkg.cfg(5).\n" + strings.Join(sel.Paths, "\n") + "\n"
	return writeFiles(target, map[string]string{rulesFile: text})
}

// pathFilter is dpkg's filter (src/main/filters.c there), for what is unpacked without dpkg.
type pathFilter []pathRule

type pathRule struct {
	include bool
	pattern *regexp.Regexp
	literal string // the pattern up to its first star, without a slash at the end
}

func newPathFilter(rules []string) pathFilter {
	var f pathFilter
	for _, r := range rules {
		kind, pattern, _ := strings.Cut(r, "=")
		literal, _, _ := strings.Cut(pattern, "*")
		star := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") // fnmatch(3) without FNM_PATHNAME
		f = append(f, pathRule{kind == "path-include", regexp.MustCompile("^" + star + "$"), strings.TrimRight(literal, "/")})
	}
	return f
}

// leavesOut reports whether dpkg would not unpack path. Directories, and links that
// may lead to one, stay where a later rule could bring something in them back.
func (f pathFilter) leavesOut(path string, mode fs.FileMode) bool {
	out := false
	for _, r := range f {
		if r.pattern.MatchString(path) {
			out = !r.include
		}
	}
	if !out || mode&(fs.ModeDir|fs.ModeSymlink) == 0 {
		return out
	}
	return !slices.ContainsFunc(f, func(r pathRule) bool { return r.include && strings.HasPrefix(path, r.literal) })
}

// sweep removes from a target what is left out, and directories that are empty then.
func (f pathFilter) sweep(target string) error {
	var roots []string
	for _, r := range f {
		roots = append(roots, r.literal)
	}
	var out []string
	for _, root := range sorted(roots) {
		err := filepath.WalkDir(filepath.Join(target, root), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && f.leavesOut(strings.TrimPrefix(path, filepath.Clean(target)), d.Type()) {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, path := range slices.Backward(out) {
		err := os.Remove(path)
		if err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	module    = "github.com/molt-installer/molt"
	fileLines = 400
	funcLines = 60
)

// source is the module's code without its tests, by package directory.
type source struct {
	set   *token.FileSet
	dirs  map[string][]*ast.File
	lines map[*ast.File]int
	names map[*ast.File]string
}

func load(t *testing.T) *source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s := &source{token.NewFileSet(), map[string][]*ast.File{}, map[*ast.File]int{}, map[*ast.File]string{}}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if d.IsDir() {
			if rel == "build" || d.Name() == "testdata" || d.Name() != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		return s.add(filepath.ToSlash(rel), name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *source) add(rel, name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(s.set, rel, data, parser.ParseComments)
	if err != nil {
		return err
	}
	dir := path.Dir(rel)
	s.dirs[dir] = append(s.dirs[dir], f)
	s.lines[f], s.names[f] = bytes.Count(data, []byte("\n")), rel
	return nil
}

// each calls check for every file, in order.
func (s *source) each(check func(dir string, f *ast.File)) {
	var dirs []string
	for dir := range s.dirs {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		for _, f := range s.dirs[dir] {
			check(dir, f)
		}
	}
}

// level is the tier of a package and the name in the table that gave it.
func level(pkg string) (int, string, bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		for i, tier := range tiers() {
			if slices.Contains(tier, p) {
				return i, p, true
			}
		}
	}
	return 0, "", false
}

func isAside(pkg string) bool {
	return slices.ContainsFunc(aside(), func(a string) bool { return below(pkg, a) })
}

// below reports whether pkg is dir or somewhere below it.
func below(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// judge says what is wrong with pkg importing imp; empty when nothing is.
func judge(pkg, imp string) string {
	mine, _, ok := level(pkg)
	if isAside(pkg) {
		return ""
	}
	if !ok {
		return "has no tier: add it to tiers_test.go and docs/architecture.md"
	}
	if isAside(imp) {
		if pkg == "cmd/molt" {
			return ""
		}
		return "imports " + imp + ", which is for tests and cmd/molt"
	}
	for _, n := range never() {
		if below(pkg, n[0]) && below(imp, n[1]) {
			return "imports " + imp + ", and the two are not to know each other"
		}
	}
	theirs, _, ok := level(imp)
	switch {
	case !ok:
		return "imports " + imp + ", which has no tier"
	case theirs < mine:
		return ""
	case theirs == mine && slices.Contains(sameTier()[pkg], imp):
		return ""
	}
	return fmt.Sprintf("(tier %d) imports %s (tier %d): imports go down only", mine, imp, theirs)
}

func TestImportsGoDown(t *testing.T) {
	s := load(t)
	s.each(func(dir string, f *ast.File) {
		for _, im := range f.Imports {
			imp, ours := strings.CutPrefix(strings.Trim(im.Path.Value, `"`), module+"/")
			if !ours {
				continue
			}
			if wrong := judge(dir, imp); wrong != "" {
				t.Errorf("%s: %s %s", s.names[f], dir, wrong)
			}
		}
	})
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		pkg, imp string
		ok       bool
	}{
		{"stage2/plan", "stage2/host", true},
		{"stage2/host", "stage2/plan", false},
		{"stage2/tui", "stage2/engine", false},
		{"stage2/engine", "stage2/tui", false},
		{"media", "loopctl", false},
		{"loopctl", "media", false},
		{"stage1", "stage2/host", false},
		{"stage2", "stage1", false},
		{"stage2/kickstart", "stage2/config", true},
		{"stage2/config", "stage2/kickstart", false},
		{"cmd/molt", "internal/vm", true},
		{"stage2", "internal/vm", false},
		{"new/thing", "media", false},
	} {
		if got := judge(tt.pkg, tt.imp); (got == "") != tt.ok {
			t.Errorf("judge(%s, %s) = %q", tt.pkg, tt.imp, got)
		}
	}
}

// TestDocumented compares the table in docs/architecture.md with tiers.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, row := range regexp.MustCompile(`(?m)^\| \d \| (.*) \|$`).FindAllSubmatch(text, -1) {
		var names []string
		remarks := regexp.MustCompile(`\([^)]*\)`)
		for _, m := range regexp.MustCompile("`([^`]+?)(/\\*)?`").FindAllSubmatch(remarks.ReplaceAll(row[1], nil), -1) {
			names = append(names, string(m[1]))
		}
		got = append(got, names)
	}
	if diff := cmp.Diff(tiers(), got); diff != "" {
		t.Errorf("docs/architecture.md (+) has other tiers than tiers_test.go (-):\n%s", diff)
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	s := load(t)
	for dir, files := range s.dirs {
		if !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestSizes(t *testing.T) {
	s := load(t)
	s.each(func(_ string, f *ast.File) {
		if n := s.lines[f]; n > fileLines {
			t.Errorf("%s has %d lines; at most %d", s.names[f], n, fileLines)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.set.Position(fn.End()).Line - s.set.Position(fn.Pos()).Line + 1; n > funcLines {
				t.Errorf("%s: %s has %d lines; at most %d", s.names[f], fn.Name.Name, n, funcLines)
			}
		}
	})
}

func TestNoInit(t *testing.T) {
	s := load(t)
	s.each(func(_ string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init()", s.names[f])
			}
		}
	})
}

package words

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/leonelquinteros/gotext"

	"github.com/molt-installer/molt/internal/golden"
)

var _ = flag.Bool("update", false, "write po/molt.pot anew")

// text is a text of the interface, as the source has it.
type text struct {
	context, id, plural string
	where               []string // files
}

// texts finds all texts of the interface in the source below root.
type texts struct {
	root  string
	found map[[2]string]*text
	file  string
}

// saidIn are the packages whose errors and step titles people are shown by Said.
func saidIn(dir string) bool {
	for _, d := range []string{"stage2/dialog", "stage2/devices", "stage2/plan"} {
		if dir == d || strings.HasPrefix(dir, d+"/") {
			return true
		}
	}
	return false
}

// collect reads the source.
func collect(t *testing.T, root string) map[[2]string]*text {
	t.Helper()
	c := &texts{root: root, found: map[[2]string]*text{}}
	err := filepath.WalkDir(filepath.Join(root, "stage2"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		c.file, err = filepath.Rel(root, path)
		c.read(f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.found
}

func (c *texts) read(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			c.call(n)
		case *ast.KeyValueExpr:
			c.pageText(n)
		case *ast.FuncDecl:
			if n.Name.Name == "Title" && n.Recv != nil && saidIn(filepath.Dir(c.file)) {
				c.title(n)
			}
		}
		return true
	})
}

// call takes T("…"), N("…", "…", …) and, where they are shown by Said, errors.
func (c *texts) call(n *ast.CallExpr) {
	name := ""
	switch f := n.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, ok := f.X.(*ast.Ident); ok && (x.Name == "errors" || x.Name == "fmt") {
			name = x.Name + "." + name
		}
	case *ast.Ident:
		name = f.Name
	}
	switch {
	case name == "T" && len(n.Args) > 0:
		c.add("", n.Args[0], nil)
	case name == "N" && len(n.Args) > 2:
		c.add("", n.Args[0], n.Args[1])
	case (name == "errors.New" || name == "fmt.Errorf") && saidIn(filepath.Dir(c.file)) && !strings.HasPrefix(c.file, "stage2/plan/"):
		c.add(said, n.Args[0], nil)
	case c.file == "stage2/plan/text.go" && (name == "section" || strings.HasSuffix(name, "WriteString")):
		c.add(said, n.Args[0], nil)
	case c.file == "stage2/plan/text.go" && name == "fmt.Fprintf":
		c.add(said, n.Args[1], nil)
	case name == "Add" && len(n.Args) > 2 && saidIn(filepath.Dir(c.file)): // a problem of the plan
		c.add(said, n.Args[2], nil)
	}
}

// pageText takes the Title and Help of pages.
func (c *texts) pageText(n *ast.KeyValueExpr) {
	key, ok := n.Key.(*ast.Ident)
	switch dir := filepath.Dir(c.file); {
	case !ok:
	case dir == "stage2/dialog" && (key.Name == "Title" || key.Name == "Help"):
		c.add("", n.Value, nil)
	case dir == "stage2" && (key.Name == "Title" || key.Name == "Text" || key.Name == "Label"): // of questions
		c.add(said, n.Value, nil)
	}
}

// title takes what a step's Title returns: literals and formats.
func (c *texts) title(f *ast.FuncDecl) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				c.add(said, r, nil)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
				c.add(said, n.Args[0], nil)
			}
		}
		return true
	})
}

func (c *texts) add(context string, id, plural ast.Expr) {
	s := literal(id)
	if context == said { // Said is given a line
		s = strings.Trim(s, " \n")
	}
	if !strings.ContainsFunc(verb.ReplaceAllString(s, ""), func(r rune) bool { return unicode.IsLetter(r) }) {
		return // nothing to translate
	}
	key := [2]string{context, s}
	if c.found[key] == nil {
		c.found[key] = &text{context: context, id: s}
	}
	if p := literal(plural); p != "" {
		c.found[key].plural = p
	}
	if w := c.found[key]; !slices.Contains(w.where, c.file) {
		w.where = append(w.where, c.file)
	}
}

// literal is a string literal, or several that are added up; with what else is
// added as %s.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		left, right := literal(e.X), literal(e.Y)
		if left == "" && right == "" {
			return ""
		}
		return orVerb(left) + orVerb(right)
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return ""
}

func orVerb(s string) string {
	if s == "" {
		return "%s"
	}
	return s
}

// TestTemplate: po/molt.pot has all texts. With -update it is written anew.
func TestTemplate(t *testing.T) {
	found := collect(t, filepath.Join("..", ".."))
	var b bytes.Buffer
	b.WriteString("# All texts of the molt installer: copy this to CODE.po and fill it in.\n# Made by: go test ./stage2/words -update\n" +
		"msgid \"\"\nmsgstr \"\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n\"Plural-Forms: nplurals=2; plural=(n != 1);\\n\"\n")
	keys := slices.SortedFunc(maps.Keys(found), func(x, y [2]string) int { return strings.Compare(x[0]+x[1], y[0]+y[1]) })
	for _, k := range keys {
		w := found[k]
		fmt.Fprintf(&b, "\n#: %s\n", strings.Join(w.where, " "))
		if w.context != "" {
			fmt.Fprintf(&b, "msgctxt %q\n", w.context)
		}
		fmt.Fprintf(&b, "msgid %q\n", w.id)
		if w.plural != "" {
			fmt.Fprintf(&b, "msgid_plural %q\nmsgstr[0] \"\"\nmsgstr[1] \"\"\n", w.plural)
		} else {
			b.WriteString("msgstr \"\"\n")
		}
	}
	golden.Check(t, "po/molt.pot", b.String())
}

// TestTranslations: each language has every text, with the same verbs in it.
func TestTranslations(t *testing.T) {
	found := collect(t, filepath.Join("..", ".."))
	for _, code := range Languages() {
		if code == English {
			continue
		}
		c := Open(code)
		said := c.po.GetDomain().GetCtxTranslations()[said]
		for key, w := range found {
			tr := c.texts[w.id]
			if key[0] != "" {
				tr = said[w.id]
			}
			checkText(t, code, w, tr)
		}
	}
}

func checkText(t *testing.T, code string, w *text, tr *gotext.Translation) {
	t.Helper()
	if tr == nil || !tr.IsTranslated() {
		t.Errorf("%s.po lacks %q (%s)", code, w.id, strings.Join(w.where, " "))
		return
	}
	for form, s := range tr.Trs {
		want := w.id
		if form > 0 {
			want = w.plural
		}
		if s == "" || !sameVerbs(want, s) {
			t.Errorf("%s.po: %q has other verbs than %q", code, s, want)
		}
	}
}

func sameVerbs(a, b string) bool {
	x, y := verb.FindAllString(a, -1), verb.FindAllString(b, -1)
	if strings.Contains(b, "%[") { // reordered: as many is enough
		return len(x) == len(y)
	}
	return slices.Equal(x, y)
}

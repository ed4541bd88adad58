package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// constructors make values that never change.
func constructors() []string {
	return []string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "crc32.MakeTable", "sync.OnceValue"}
}

// TestNoMutableVariables: a package variable is a sentinel, an embedded file, a
// check that a type implements an interface, or a table that nobody assigns to.
func TestNoMutableVariables(t *testing.T) {
	s := load(t)
	s.each(func(dir string, f *ast.File) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if strings.Contains(comments(g)+comments(v), "//go:embed") {
					continue
				}
				for i, name := range v.Names {
					if why := mutable(s.dirs[dir], v, name.Name, i); why != "" {
						t.Errorf("%s: variable %s %s", s.names[f], name.Name, why)
					}
				}
			}
		}
	})
}

// comments are those of a declaration, directives too, which Text leaves out.
func comments(n ast.Node) string {
	var doc *ast.CommentGroup
	switch n := n.(type) {
	case *ast.GenDecl:
		doc = n.Doc
	case *ast.ValueSpec:
		doc = n.Doc
	}
	var b strings.Builder
	if doc != nil {
		for _, c := range doc.List {
			b.WriteString(c.Text)
		}
	}
	return b.String()
}

// mutable says why the i-th name of v could change; empty when it can't.
func mutable(files []*ast.File, v *ast.ValueSpec, name string, i int) string {
	if name == "_" {
		return ""
	}
	if i >= len(v.Values) {
		return "has no value of its own, so somebody will set it"
	}
	switch value := v.Values[i].(type) {
	case *ast.CompositeLit:
	case *ast.UnaryExpr:
		return "is a pointer"
	case *ast.CallExpr:
		if fn := exprName(value.Fun); !slices.Contains(constructors(), fn) {
			return "is what " + fn + " returns"
		}
	default:
		return "could be a constant"
	}
	if slices.ContainsFunc(files, func(f *ast.File) bool { return assigns(f, v, name) }) {
		return "is assigned to"
	}
	return ""
}

func exprName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprName(e.X) + "." + e.Sel.Name
	}
	return "an expression"
}

// assigns reports whether f assigns to the package variable, or to a part of it.
func assigns(f *ast.File, v *ast.ValueSpec, name string) bool {
	found := false
	hit := func(e ast.Expr) {
		id := root(e)
		// Names of the same file are resolved, those of another are not.
		if id != nil && id.Name == name && (id.Obj == nil || id.Obj.Decl == v) {
			found = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					hit(e)
				}
			}
		case *ast.IncDecStmt:
			hit(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				hit(n.X)
			}
		}
		return true
	})
	return found
}

// root is the variable that an expression is a part of.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	}
	return nil
}

package regional

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// Layout is a keyboard layout of XKB.
type Layout struct {
	Code     string // XKBLAYOUT: "de"
	Name     string // "German"
	Variants []Variant
}

// Variant is one of a layout's variants.
type Variant struct {
	Code string // XKBVARIANT: "nodeadkeys"
	Name string // "German (no dead keys)"
}

// Find is what the layout is found by besides its Name.
func (l Layout) Find() string {
	texts := []string{l.Code}
	for _, v := range l.Variants {
		texts = append(texts, v.Code, v.Name)
	}
	return words(texts...)
}

// Layout is the one of a code.
func (l *Lists) Layout(code string) (Layout, bool) {
	i := slices.IndexFunc(l.Layouts, func(one Layout) bool { return one.Code == code })
	if i < 0 {
		return Layout{}, false
	}
	return l.Layouts[i], true
}

// has reports whether there is such a layout and, unless it is empty, variant.
func (l *Lists) has(layout, variant string) bool {
	found, ok := l.Layout(layout)
	return ok && (variant == "" || slices.ContainsFunc(found.Variants, func(v Variant) bool { return v.Code == variant }))
}

// KeyboardName is what a keyboard is called: "German (no dead keys)", "Russian, English (US)".
func (l *Lists) KeyboardName(k config.Keyboard) string {
	variants := strings.Split(k.Variant, ",")
	var names []string
	for i, code := range strings.Split(k.Layout, ",") {
		layout, _ := l.Layout(code)
		name := cmp.Or(layout.Name, code)
		if i < len(variants) && variants[i] != "" {
			name = variantName(layout, variants[i])
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func variantName(l Layout, code string) string {
	for _, v := range l.Variants {
		if v.Code == code {
			return v.Name
		}
	}
	return cmp.Or(l.Name, l.Code) + " (" + code + ")"
}

// readLayouts reads the list of xkeyboard-config, with "! layout" above lines of a code and a name,
// and "! variant" above lines of a code, the layout's code, a colon and a name.
func readLayouts(root fs.FS) ([]Layout, error) {
	text, err := lines(root, layoutFile)
	if err != nil {
		return nil, err
	}
	var all []Layout
	variants := map[string][]Variant{}
	section := ""
	for _, line := range text {
		code, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		switch {
		case code == "!":
			section = rest
		case section == "layout" && code != "custom": // which is for a person's own files
			all = append(all, Layout{Code: code, Name: rest})
		case section == "variant":
			layout, name, _ := strings.Cut(rest, ":")
			variants[layout] = append(variants[layout], Variant{code, strings.TrimSpace(name)})
		}
	}
	for i, l := range all {
		all[i].Variants = variants[l.Code]
	}
	slices.SortStableFunc(all, func(a, b Layout) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

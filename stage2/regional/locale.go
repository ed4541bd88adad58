package regional

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"
)

// Locale is a language as it is spoken somewhere.
type Locale struct {
	Name     string // as a kickstart file has it: "de_AT.UTF-8", "sr_RS.UTF-8@latin"
	Language string // "German"; empty for C.UTF-8
	Country  string // "Austria"; empty where there is none, as for Esperanto
	// Native and Home are both in the language itself: "Deutsch", "Österreich".
	// Either can be empty.
	Native, Home string
	also         string // what the language is called there: "Austrian German"
}

// Label is what the locale is called in English: "German (Austria)".
func (l Locale) Label() string {
	if l.Language == "" {
		return l.Name
	}
	return withPlace(l.Language, l.Country, l.Name)
}

// NativeLabel is its name in the language itself, "Deutsch (Österreich)", or empty. Not every
// console has the letters.
func (l Locale) NativeLabel() string {
	if l.Native == "" {
		return ""
	}
	return withPlace(l.Native, l.Home, l.Name)
}

// withPlace adds country and modifier to a language.
func withPlace(language, country, name string) string {
	_, modifier, _ := strings.Cut(name, "@")
	place := strings.Trim(country+", "+modifier, ", ")
	if place == "" {
		return language
	}
	return language + " (" + place + ")"
}

// Find is what the locale is found by besides its Label.
func (l Locale) Find() string { return words(l.Name, l.also, l.NativeLabel()) }

// Locale is the one of a name, which can lack its ".UTF-8".
func (l *Lists) Locale(name string) (Locale, bool) {
	name = complete(name)
	i := slices.IndexFunc(l.Locales, func(one Locale) bool { return one.Name == name })
	if i < 0 {
		return Locale{}, false
	}
	return l.Locales[i], true
}

// complete gives a locale the character set that all here have.
func complete(name string) string {
	base, modifier, _ := strings.Cut(name, "@")
	if !strings.Contains(base, ".") {
		base += ".UTF-8"
	}
	if modifier != "" {
		modifier = "@" + modifier
	}
	return base + modifier
}

// parts takes a locale apart: "de", "AT" of "de_AT.UTF-8".
func parts(name string) (language, territory string) {
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ".")
	language, territory, _ = strings.Cut(name, "_")
	return language, territory
}

// readLocales reads what media/disc lists: name, language, territory, and language and territory
// in the language itself.
func readLocales(root fs.FS) ([]Locale, error) {
	text, err := lines(root, localeFile)
	if err != nil {
		return nil, err
	}
	var all []Locale
	for _, line := range text {
		f := append(strings.Split(line, "\t"), "", "", "", "")
		all = append(all, Locale{Name: complete(f[0]), Language: f[1], Country: f[2], Native: f[3], Home: f[4], also: f[1]})
	}
	name := names(all)
	for i, l := range all {
		code, _ := parts(l.Name)
		all[i].Language = name[code].english
		all[i].Native = cmp.Or(l.Native, name[code].native)
	}
	slices.SortStableFunc(all, func(a, b Locale) int {
		return cmp.Or(cmp.Compare(a.Language, b.Language), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// named is what a language is called wherever it is spoken.
type named struct{ english, native string }

// names finds the one name of each language: what the names that its locales give it
// end in, "German" for "Austrian German", "German" and "Swiss High German". Where they have
// nothing in common, as "Low German" and "Low Saxon", it is the first.
func names(all []Locale) map[string]named {
	of := map[string]named{}
	for _, l := range all {
		code, _ := parts(l.Name)
		n, seen := of[code]
		if !seen {
			of[code] = named{l.Language, l.Native}
			continue
		}
		if end := commonEnd(n.english, l.Language); end != "" {
			n.english = end
		}
		n.native = cmp.Or(n.native, l.Native)
		of[code] = n
	}
	return of
}

// commonEnd are the last words that a and b share.
func commonEnd(a, b string) string {
	x, y := strings.Fields(a), strings.Fields(b)
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return strings.Join(x[len(x)-n:], " ")
}

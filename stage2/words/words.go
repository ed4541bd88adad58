// Package words holds the texts of the interface in the languages it speaks.
// The English text is the key: what a catalogue lacks is shown in English.
//
// A language is one file, po/CODE.po, in gettext's notation (GNU gettext
// manual, "The Format of PO Files"), and nothing else: a file that is put there
// is a language more. The package knows no terminals; which languages one can
// show is stage2/console's to say.
//
// Texts that other packages make in English, as the titles of steps, are
// translated by their shape: see Said.
package words

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/leonelquinteros/gotext"
)

//go:embed po/*.po
var files embed.FS

// said is the context (msgctxt) of texts that are made elsewhere.
const said = "said"

// English is the language that needs no file.
const English = "en"

// Catalog is the texts in one language. It can be used from several goroutines.
type Catalog struct {
	code   string
	po     *gotext.Po // nil: English
	texts  map[string]*gotext.Translation
	shapes func() []shape
}

// shape is a text with verbs in it, as a pattern.
type shape struct {
	text *regexp.Regexp
	then string // with %s for each of its groups
}

// Open returns the catalogue for a locale, "de_AT.UTF-8", or a language, "de";
// English when there is none.
func Open(locale string) *Catalog {
	code, _, _ := strings.Cut(locale, ".")
	code, _, _ = strings.Cut(code, "@")
	language, _, _ := strings.Cut(code, "_")
	for _, name := range []string{code, language} {
		data, err := files.ReadFile("po/" + name + ".po")
		if err != nil {
			continue
		}
		po := gotext.NewPo()
		po.Parse(data)
		return &Catalog{code: name, po: po, texts: po.GetDomain().GetTranslations(), shapes: sync.OnceValue(func() []shape { return shapes(po) })}
	}
	return &Catalog{code: English}
}

// Language is the code of the catalogue's language: "de".
func (c *Catalog) Language() string { return c.code }

// Languages are the codes of all languages there are, sorted, with English.
func Languages() []string {
	codes := []string{English}
	names, _ := fs.Glob(files, "po/*.po") // the pattern is good
	for _, name := range names {
		codes = append(codes, strings.TrimSuffix(path.Base(name), ".po"))
	}
	slices.Sort(codes)
	return codes
}

// T is the text for id. With args it is a format for them, as in fmt.
func (c *Catalog) T(id string, args ...any) string {
	text := id
	if t, ok := c.texts[id]; ok && t.IsTranslated() {
		text = t.Get()
	}
	return format(text, args)
}

// N is the text for n of something: one for 1, many for others, by the rules of
// the language. Args are those of both.
func (c *Catalog) N(one, many string, n int, args ...any) string {
	text := many
	if n == 1 {
		text = one
	}
	if c.po != nil && c.po.IsTranslatedN(one, n) {
		text = c.po.GetN(one, many, n)
	}
	return format(text, args)
}

func format(text string, args []any) string {
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Said translates a text that was made in English elsewhere, when the catalogue
// has its shape: "Install %d packages" under the context "said" stands for
// "Install 285 packages". What stands before it in a list, "12  ", or says what it is
// about, "/home: ", stays. Other texts stay as they are.
func (c *Catalog) Said(text string) string {
	if c.po == nil {
		return text
	}
	rest := strings.TrimLeft(text, " 0123456789.")
	if then, ok := c.said(rest); ok {
		return text[:len(text)-len(rest)] + then
	}
	if then, ok := c.said(text); ok {
		return then
	}
	if subject, about, ok := strings.Cut(text, ": "); ok {
		return subject + ": " + c.Said(about)
	}
	return text
}

func (c *Catalog) said(text string) (string, bool) {
	if text == "" {
		return "", false
	}
	if t, ok := c.texts[text]; ok && t.IsTranslated() {
		return t.Get(), true
	}
	for _, s := range c.shapes() {
		if m := s.text.FindStringSubmatch(text); m != nil {
			return strings.ReplaceAll(format(s.then, groups(m)), "%%", "%"), true
		}
	}
	return "", false
}

func groups(match []string) []any {
	var all []any
	for _, m := range match[1:] {
		all = append(all, m)
	}
	return all
}

package words

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/leonelquinteros/gotext"
)

// verb is what a format has for an argument, with an index if it is given.
var verb = regexp.MustCompile(`%(\[\d+\])?[-+ 0]*[0-9.]*[sdqvfwx]`)

// shapes are the patterns of all texts under the context said, those with most
// letters of their own first: "Install %s" mustn't take what "Install %d
// packages" is for.
func shapes(po *gotext.Po) []shape {
	type found struct {
		shape
		letters int
	}
	var all []found
	for id, t := range po.GetDomain().GetCtxTranslations()[said] {
		then := t.Get()
		plain := verb.ReplaceAllString(id, "")
		if id == "" || then == "" || then == id || vague(id, plain) {
			continue
		}
		all = append(all, found{shape{pattern(id), verb.ReplaceAllString(then, "%${1}s")}, len(plain)})
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.letters, a.letters), strings.Compare(a.text.String(), b.text.String()))
	})
	out := make([]shape, len(all))
	for i, f := range all {
		out[i] = f.shape
	}
	return out
}

// vague reports whether a format would match all kinds of texts: "%s from %s".
func vague(id, plain string) bool {
	all := verb.FindAllStringIndex(id, -1)
	return len(all) > 0 && all[0][0] == 0 && all[len(all)-1][1] == len(id) && len(plain) < 12
}

// pattern matches what the format id makes of any arguments.
func pattern(id string) *regexp.Regexp {
	var b strings.Builder
	at := 0
	for _, v := range verb.FindAllStringIndex(id, -1) {
		b.WriteString(regexp.QuoteMeta(strings.ReplaceAll(id[at:v[0]], "%%", "%")) + "(.+?)")
		at = v[1]
	}
	b.WriteString(regexp.QuoteMeta(strings.ReplaceAll(id[at:], "%%", "%")))
	return regexp.MustCompile(`(?s)^` + b.String() + `$`)
}

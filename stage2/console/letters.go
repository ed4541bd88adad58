package console

import (
	"strings"
	"unicode"
)

// Letters reports whether a terminal shows all of a text's characters.
type Letters func(text string) bool

// LettersOf are those of a terminal by its kind and its language, TERM and LANG: real terminals and
// what pretends to be one (vt100, vt102, vt220), and what nobody knows, show ASCII. The kernel's own
// console shows what own says; nil is another machine's, with the letters of western Europe. All
// others show everything, unless the language says that they don't speak UTF-8.
func LettersOf(term, lang string, own Letters) Letters {
	kind, _, _ := strings.Cut(strings.ToLower(term), "-")
	_, charset, given := strings.Cut(lang, ".")
	charset = strings.ToLower(strings.ReplaceAll(charset, "-", ""))
	switch {
	case kind == "linux" && own != nil:
		return own
	case kind == "" || kind == "dumb" || kind == "unknown" || kind == "ansi" || strings.HasPrefix(kind, "vt"):
		return upTo(0x7f)
	case given && !strings.HasPrefix(charset, "utf8"), lang == "C", lang == "POSIX":
		return upTo(0x7f)
	case kind == "linux":
		return upTo(0xff)
	}
	return upTo(unicode.MaxRune)
}

func upTo(last rune) Letters {
	return func(text string) bool {
		return !strings.ContainsFunc(text, func(r rune) bool { return r > last })
	}
}

// Readable reports whether a language can be read in whose texts there are these characters: its
// letters have to be there. That a console has no dash or quotation mark of its own is no hindrance.
func Readable(characters string, has Letters) bool {
	return has(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, characters))
}

package kickstart

import "strings"

// xkbOf is the layout and variant of XKB that has the keys of a console keymap of kbd's: Debian's
// console takes its keys from XKB. The source is systemd's kbd-model-map; what isn't in it is named
// as XKB names it, before the first hyphen: "de-latin1" is "de".
func xkbOf(keymap string) (layout, variant string) {
	words := map[string]string{
		"uk": "gb", "slovene": "si", "croat": "hr", "et": "ee", "et-nodeadkeys": "ee nodeadkeys",
		"sv": "se", "sv-latin1": "se", "la-latin1": "latam", "jp106": "jp", "trq": "tr", "trf": "tr f", "cf": "ca",
		"sg": "ch", "sg-latin1": "ch", "sg-latin1-lk450": "ch", "fr_CH": "ch fr", "fr_CH-latin1": "ch fr",
		"de-nodeadkeys": "de nodeadkeys", "de-latin1-nodeadkeys": "de nodeadkeys", "neo": "de neo", "fr-latin9": "fr latin9",
		"dvorak": "us dvorak", "colemak": "us colemak", "us-acentos": "us intl", "hu101": "hu qwerty",
		"cz-lat2": "cz qwerty", "cz-us-qwertz": "cz", "sk-qwerty": "sk qwerty", "sk-qwertz": "sk", "pl2": "pl", "it2": "it",
		"ruwin_alt-UTF-8": "ru", "sr-latin": "rs latin", "bg_bds-utf8": "bg", "bg_pho-utf8": "bg phonetic", "kazakh": "kz",
	}[keymap]
	if words == "" {
		words, _, _ = strings.Cut(keymap, "-")
	}
	layout, variant, _ = strings.Cut(words, " ")
	return layout, variant
}

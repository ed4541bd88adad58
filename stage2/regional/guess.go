package regional

import (
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// toggle switches between several layouts, as keyboard-configuration has it by default.
const toggle = "grp:alt_shift_toggle"

// KeyboardFor is the keyboard that most people have who use a locale, by the rules of Debian's
// keyboard-configuration. Where letters aren't Latin it has the American
// layout too, and Alt+Shift switches.
func (l *Lists) KeyboardFor(locale string) config.Keyboard {
	language, territory := parts(locale)
	of := localeKeyboards()[language+"_"+territory]
	if of == "" {
		of = countryKeyboards()[territory]
	}
	if of == "" {
		of = languageKeyboards()[language]
	}
	layout, variant, _ := strings.Cut(of, " ")
	k := config.Keyboard{Layout: layout, Variant: variant}
	if !l.knows(k) {
		k = config.Keyboard{Layout: "us"}
	}
	if strings.Contains(k.Layout, ",") {
		k.Options = toggle
	}
	return k
}

// knows reports whether all layouts and variants of k are in the lists.
func (l *Lists) knows(k config.Keyboard) bool {
	variants := strings.Split(k.Variant, ",")
	for i, layout := range strings.Split(k.Layout, ",") {
		variant := ""
		if i < len(variants) {
			variant = variants[i]
		}
		if !l.has(layout, variant) {
			return false
		}
	}
	return true
}

// localeKeyboards are for locales that differ from what others of their country have. Values
// here and below are XKBLAYOUT and XKBVARIANT of keyboard(5).
func localeKeyboards() map[string]string {
	return map[string]string{
		"fr_CA": "ca", "fr_CH": "ch fr", "ast_ES": "es ast", "ca_ES": "es cat", "bo_CN": "us,cn ,tib", "bo_IN": "us,cn ,tib",
		"se_FI": "fi smi", "se_NO": "no smi", "se_SE": "se smi", "zh_TW": "tw", "es_US": "latam", "es_PR": "latam",
		"ku_TR": "tr ku", "ug_CN": "us,cn ,ug", "os_RU": "ru os", "de_LI": "ch",
	}
}

// countryKeyboards are for countries, by their ISO 3166 code.
func countryKeyboards() map[string]string {
	of := map[string]string{
		"AL": "al", "AZ": "az", "BA": "ba", "BD": "us,bd", "BE": "be", "BG": "us,bg", "BR": "br", "BT": "us,bt", "BY": "us,by",
		"CA": "us", "CH": "ch", "CZ": "cz", "DK": "dk", "EE": "ee", "ES": "es", "ET": "us,et", "FI": "fi", "FO": "fo",
		"FR": "fr latin9", "GB": "gb", "GG": "gb", "HU": "hu", "IE": "ie", "IL": "us,il", "IM": "gb", "IR": "us,ir", "IS": "is",
		"IT": "it", "JE": "gb", "JP": "jp", "KG": "us,kg", "KH": "us,kh", "KR": "kr kr104", "KZ": "us,kz", "LK": "us,lk",
		"LT": "lt", "LV": "lv", "MA": "us,ma", "MK": "us,mk", "MM": "us,mm", "MN": "us,mn", "MT": "mt", "NL": "us", "NO": "no",
		"NP": "us,np", "PH": "ph", "PL": "pl", "PT": "pt", "RO": "ro", "RU": "us,ru", "SE": "se", "SI": "si", "SK": "sk",
		"TH": "us,th", "TJ": "us,tj", "TR": "tr", "UA": "us,ua", "VN": "vn", "ZA": "za",
	}
	for _, c := range strings.Fields("AR BO CL CO CR CU DO EC GT HN MX NI PA PE PY SV UY VE") {
		of[c] = "latam"
	}
	return of
}

// languageKeyboards are for what is left, wherever the language is spoken.
func languageKeyboards() map[string]string {
	return map[string]string{
		"ar": "us,ara", "bn": "us,in ,ben", "bs": "ba", "de": "de", "el": "us,gr", "eo": "epo", "fr": "fr latin9",
		"gu": "us,in ,guj", "hi": "us,in", "hr": "hr", "hy": "us,am", "ka": "us,ge", "kab": "dz", "kn": "us,in ,kan",
		"ku": "tr ku", "lb": "fr latin9", "lo": "us,la", "ml": "us,in ,mal", "mr": "us,in", "pa": "us,in ,guru",
		"sr": "rs,rs latin,", "sv": "se", "ta": "us,in ,tam", "te": "us,in ,tel", "tg": "us,tj", "tl": "ph", "zh": "cn",
	}
}

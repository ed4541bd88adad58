package dialog

import (
	"cmp"
	"context"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/words"
)

type languageDraft struct{ locale string }

// newLanguageDraft begins with American English, as the first screen has to be in some language.
func newLanguageDraft(s *State) languageDraft {
	const first = "en_US.UTF-8"
	if _, ok := s.regions().Locale(first); ok {
		return languageDraft{cmp.Or(s.Given.Language, first)}
	}
	return languageDraft{cmp.Or(s.Given.Language, "C.UTF-8")}
}

func languagePage() Page {
	return Page{
		ID: "language", Title: "Language",
		Help: "The language of the installed system, and the country, which decides how numbers, dates and money are written. " +
			"Type to search: the English name, the name in the language itself, or a code such as de_AT.\n\n" +
			"The installer speaks the language too, if it knows it and this terminal has the letters. " +
			"The keyboard and the time zone are guessed from it, and can be changed.",
		Fields: func(s *State) []Field {
			label := s.Words.T("Language")
			if len(s.regions().Locales) == 0 {
				return []Field{Text{Key: "locale", Label: label, Value: &s.language.locale}}
			}
			return []Field{Choice{Key: "locale", Label: label, Options: localeOptions(s), Value: &s.language.locale, Changed: func() {
				s.keyboard.guess(s)
				s.zone.guess(s)
			}}}
		},
		Leave:    func(ctx context.Context, s *State) error { s.speak(ctx); return nil },
		answered: func(s *State) bool { return s.Given.Language != "" },
		answer: func(s *State, a *config.Answers) error {
			a.Language = s.language.locale
			return nil
		},
		summary: func(s *State) []string { return []string{localeName(s, s.language.locale)} },
	}
}

// localeOptions are all languages, with their own names where the terminal has the letters.
func localeOptions(s *State) []Option {
	all := s.regions().Locales
	options := make([]Option, 0, len(all))
	for _, l := range all {
		options = append(options, Option{Value: l.Name, Label: localeName(s, l.Name), Find: l.Find()})
	}
	return options
}

// localeName is "German (Austria), Deutsch (Österreich)".
func localeName(s *State, name string) string {
	l, ok := s.regions().Locale(name)
	if !ok {
		return name
	}
	label, own := l.Label(), l.NativeLabel()
	if own != "" && own != label && s.Facts.Local.shows(own) {
		label += ", " + own
	}
	return label
}

// speak has the chosen language and the keyboard that goes with it take effect here.
func (s *State) speak(ctx context.Context) {
	locale := s.language.locale
	w := words.Open(locale)
	if !s.Facts.Local.readable(locale, w.Letters()) {
		w = words.Open(words.English)
	}
	s.Facts.Local.language(ctx, locale)
	s.Words = w
	s.keyboard.use(ctx, s)
}

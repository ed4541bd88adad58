package dialog

import (
	"cmp"

	"github.com/molt-installer/molt/stage2/config"
)

type languageDraft struct{ locale string }

func newLanguageDraft(s *State) languageDraft {
	return languageDraft{locale: cmp.Or(s.Given.Language, "C.UTF-8")}
}

func languagePage() Page {
	return Page{
		ID: "language", Title: "Language",
		Help: "The language of the installed system.",
		Fields: func(s *State) []Field {
			return []Field{Text{Key: "locale", Label: s.Words.T("Language"), Value: &s.language.locale}}
		},
		answered: func(s *State) bool { return s.Given.Language != "" },
		answer: func(s *State, a *config.Answers) error {
			a.Language = s.language.locale
			return nil
		},
		summary: func(s *State) []string { return []string{s.language.locale} },
	}
}

package dialog

import "github.com/molt-installer/molt/stage2/config"

type sourceDraft struct{}

func newSourceDraft(*State) sourceDraft { return sourceDraft{} }

func sourcePage() Page {
	return Page{
		ID: "source", Title: "Installation source",
		Help: "Where the packages come from.",
		Fields: func(s *State) []Field {
			return []Field{Note{Text: s.Words.T("The discs the installer was started from.")}}
		},
		answered: func(*State) bool { return true },
		answer:   func(*State, *config.Answers) error { return nil },
		summary:  func(s *State) []string { return nil },
	}
}

package dialog

import (
	"cmp"

	"github.com/molt-installer/molt/stage2/config"
)

type keyboardDraft struct{ layout string }

func newKeyboardDraft(s *State) keyboardDraft {
	return keyboardDraft{layout: cmp.Or(s.Given.Keyboard.Layout, "us")}
}

func keyboardPage() Page {
	return Page{
		ID: "keyboard", Title: "Keyboard",
		Help: "The keyboard's layout, now and in the installed system.",
		Fields: func(s *State) []Field {
			return []Field{Text{Key: "layout", Label: s.Words.T("Keyboard layout"), Value: &s.keyboard.layout}}
		},
		answered: func(s *State) bool { return s.Given.Keyboard != (config.Keyboard{}) },
		answer: func(s *State, a *config.Answers) error {
			a.Keyboard = config.Keyboard{Layout: s.keyboard.layout}
			return nil
		},
		summary: func(s *State) []string { return []string{s.keyboard.layout} },
	}
}

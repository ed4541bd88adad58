package dialog

import (
	"context"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/regional"
)

// Local is where the questions are asked: what takes effect there at once. What is nil has no
// effect there.
type Local struct {
	// Language has the terminal show the letters of a locale's language, as far as it can.
	Language func(ctx context.Context, locale string)
	// Keyboard gives the keys their layout; nil too where the keyboard is another machine's.
	Keyboard func(ctx context.Context, k config.Keyboard) error
	// Shows reports whether the terminal shows all letters of a text. Readable asks the same of
	// texts in a locale's language, once Language has been called for it.
	Shows    func(text string) bool
	Readable func(locale, characters string) bool
}

func (l Local) language(ctx context.Context, locale string) {
	if l.Language != nil {
		l.Language(ctx, locale)
	}
}

func (l Local) keyboard(ctx context.Context, k config.Keyboard) error {
	if l.Keyboard == nil {
		return nil
	}
	return l.Keyboard(ctx, k)
}

func (l Local) shows(text string) bool { return l.Shows == nil || l.Shows(text) }

func (l Local) readable(locale, characters string) bool {
	return l.Readable == nil || l.Readable(locale, characters)
}

// regions are the lists to choose from, never nil.
func (s *State) regions() *regional.Lists {
	if s.Facts.Regions == nil {
		return &regional.Lists{}
	}
	return s.Facts.Regions
}

package dialog

import (
	"cmp"
	"context"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// keyboardDraft is a layout with a variant, and the keyboard that was given or guessed. That one can be
// more than the fields say, and counts until one of them is changed.
type keyboardDraft struct {
	keys
	from    config.Keyboard
	try     string
	used    *config.Keyboard // what the keys have now
	trouble string
}

// keys are what the fields say of a keyboard.
type keys struct {
	layout, variant string
	american        bool // the American layout too, and a switch
}

const (
	american = "us"
	toggle   = "grp:alt_shift_toggle"
)

// layoutOf is what the fields say for a keyboard. Of several layouts the American one is the other one.
func layoutOf(k config.Keyboard) keys {
	layouts, variants := strings.Split(k.Layout, ","), strings.Split(k.Variant, ",")
	at, both := 0, len(layouts) == 2 && layouts[0] == american
	if both {
		at = 1
	}
	f := keys{layout: cmp.Or(layouts[at], american), american: both}
	if at < len(variants) {
		f.variant = variants[at]
	}
	return f
}

func newKeyboardDraft(s *State) keyboardDraft {
	given := s.Given.Keyboard
	if given == (config.Keyboard{}) {
		guess := s.regions().KeyboardFor(s.language.locale)
		return keyboardDraft{keys: layoutOf(guess), from: guess}
	}
	return keyboardDraft{keys: layoutOf(given), from: given, used: &given}
}

// guess takes the keyboard that goes with the language, unless another one was given or chosen.
func (d *keyboardDraft) guess(s *State) {
	if s.Given.Keyboard == (config.Keyboard{}) && d.keys == layoutOf(d.from) {
		d.from = s.regions().KeyboardFor(s.language.locale)
		d.keys = layoutOf(d.from)
	}
}

// keyboard is what has been chosen.
func (d *keyboardDraft) keyboard() config.Keyboard {
	if d.keys == layoutOf(d.from) {
		return d.from
	}
	k := config.Keyboard{Layout: d.layout, Variant: d.variant}
	if d.american && d.layout+d.variant != american {
		k.Layout, k.Options = american+","+d.layout, toggle
		if d.variant != "" {
			k.Variant = "," + d.variant
		}
	}
	return k
}

func keyboardPage() Page {
	return Page{
		ID: "keyboard", Title: "Keyboard",
		Help: "The layout of the keyboard, now and in the installed system. Type to search: the name or the code of the layout, " +
			"or the name of a variant.\n\n" +
			"Passwords are typed with it. Try the letters that you need on the line below, after loading the layout.\n\n" +
			"Over a serial line or over SSH, the layout of your own machine's keyboard holds; what is chosen here is for the keyboard of the machine that is installed.",
		Fields:   keyboardFields,
		Leave:    func(ctx context.Context, s *State) error { s.keyboard.use(ctx, s); return nil },
		answered: func(s *State) bool { return s.Given.Keyboard != (config.Keyboard{}) },
		answer: func(s *State, a *config.Answers) error {
			a.Keyboard = s.keyboard.keyboard()
			return nil
		},
		summary: func(s *State) []string { return []string{s.regions().KeyboardName(s.keyboard.keyboard())} },
	}
}

func keyboardFields(s *State) []Field {
	d, w := &s.keyboard, s.Words
	if len(s.regions().Layouts) == 0 {
		return []Field{Text{Key: "layout", Label: w.T("Keyboard layout"), Value: &d.layout}}
	}
	fields := []Field{Choice{Key: "layout", Label: w.T("Keyboard layout"), Options: layoutOptions(s), Value: &d.layout, Changed: func() { d.variant = "" }}}
	if l, _ := s.regions().Layout(d.layout); len(l.Variants) > 0 {
		options := []Option{{Value: "", Label: w.T("the usual one")}}
		for _, v := range l.Variants {
			options = append(options, Option{Value: v.Code, Label: v.Name, Find: v.Code})
		}
		fields = append(fields, Choice{Key: "variant", Label: w.T("Variant"), Options: options, Value: &d.variant})
	}
	if d.layout+d.variant != american {
		fields = append(fields, Yes{Key: "american", Label: w.T("English (US) too: Alt+Shift switches between the two"), Value: &d.american})
	}
	return append(fields, s.tryFields()...)
}

func layoutOptions(s *State) []Option {
	all := s.regions().Layouts
	options := make([]Option, 0, len(all))
	for _, l := range all {
		options = append(options, Option{Value: l.Code, Label: l.Name, Find: l.Find()})
	}
	return options
}

// tryFields load the layout and try it, where the keyboard is this machine's.
func (s *State) tryFields() []Field {
	d, w := &s.keyboard, s.Words
	if s.Facts.Local.Keyboard == nil {
		return nil
	}
	fields := []Field{
		Button{Key: "load", Label: w.T("Load this layout now"), Do: func(ctx context.Context) (*Page, error) {
			d.use(ctx, s)
			return nil, nil
		}},
		Text{Key: "try", Label: w.T("Try it here"), Value: &d.try},
	}
	if d.trouble != "" {
		fields = append(fields, Note{Text: d.trouble, Bad: true})
	}
	return fields
}

// use gives the keys the chosen layout, unless they have it. That it can't be done is told, and
// keeps nobody from installing with it.
func (d *keyboardDraft) use(ctx context.Context, s *State) {
	k := d.keyboard()
	if d.used != nil && *d.used == k {
		return
	}
	d.trouble = ""
	if err := s.Facts.Local.keyboard(ctx, k); err != nil {
		d.trouble = s.Words.T("The keys keep their layout: %s", err.Error())
		return
	}
	d.used = &k
}

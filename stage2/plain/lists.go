package plain

import (
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/dialog"
)

const (
	shortList = 15 // is read out as a whole; longer ones are searched
	mostShown = 30 // of what a search found
)

// ordinal is what stands before entry i.
func ordinal(i int) string { return strconv.Itoa(i+1) + ") " }

// search are the options with all the words.
func search(options []dialog.Option, words string) []dialog.Option {
	var found []dialog.Option
	wanted := strings.Fields(strings.ToLower(words))
	for _, o := range options {
		text := strings.ToLower(strings.Join([]string{o.Value, o.Label, o.Find, o.Hint}, " "))
		if !slices.ContainsFunc(wanted, func(w string) bool { return !strings.Contains(text, w) }) {
			found = append(found, o)
		}
	}
	return found
}

// exact is the option that is called so.
func exact(options []dialog.Option, name string) (dialog.Option, bool) {
	i := slices.IndexFunc(options, func(o dialog.Option) bool {
		return strings.EqualFold(o.Value, name) || strings.EqualFold(o.Label, name)
	})
	if i < 0 || name == "" {
		return dialog.Option{}, false
	}
	return options[i], true
}

func find(options []dialog.Option, value string) (dialog.Option, bool) {
	i := slices.IndexFunc(options, func(o dialog.Option) bool { return o.Value == value })
	if i < 0 {
		return dialog.Option{}, false
	}
	return options[i], true
}

// list reads options out, and says what of them it leaves out. It returns those that have a number now.
func (t *talk) list(options []dialog.Option, mark func(dialog.Option) string) []dialog.Option {
	shown := options[:min(len(options), mostShown)]
	for i, o := range shown {
		line := ordinal(i) + mark(o) + oneSpace(o.Label)
		if o.Hint != "" {
			line += ": " + oneSpace(o.Hint)
		}
		t.out.line(line)
	}
	if more := len(options) - len(shown); more > 0 {
		t.out.line(t.T("and %d more: type more of the name", more))
	}
	return shown
}

// begin reads a short list out; a long one has to be searched.
func (t *talk) begin(options []dialog.Option, mark func(dialog.Option) string) []dialog.Option {
	if len(options) <= shortList {
		return t.list(options, mark)
	}
	t.out.line(t.T("There are %d. Type a part of the name to search.", len(options)))
	return nil
}

// look searches, and reads out what was found. When that is nothing, the list before it keeps
// its numbers.
func (t *talk) look(options []dialog.Option, line string, mark func(dialog.Option) string, before []dialog.Option) []dialog.Option {
	found := search(options, line)
	_, err := strconv.Atoi(line)
	switch {
	case len(found) > 0:
		return t.list(found, mark)
	case err == nil && len(before) > 0:
		t.out.line(t.T("Type a number from 1 to %d.", len(before)))
	default:
		t.out.line(t.T("Nothing has %q in its name.", line))
	}
	return before
}

// choice asks for one of several.
func (t *talk) choice(f dialog.Choice, help func()) (move, error) {
	none := func(dialog.Option) string { return "" }
	t.out.line(head(f.Label))
	t.hint(f.Hint)
	shown := t.begin(f.Options, none)
	for {
		now, known := find(f.Options, *f.Value)
		prompt := strings.TrimRight(f.Label, ":?")
		if known || *f.Value != "" {
			prompt += " [" + labelOf(now, *f.Value) + "]"
		}
		line, m, err := t.line(prompt, false, help)
		line = strings.TrimSpace(line)
		switch n, numbered := number(line, len(shown)); {
		case err != nil || m != next:
			return m, err
		case line == "" && (known || *f.Value != "" || len(f.Options) == 0):
			return next, nil
		case line == "":
			t.out.line(t.T("Choose one by its number."))
		case numbered:
			t.choose(f, shown[n-1])
			return next, nil
		default:
			if o, ok := exact(f.Options, line); ok {
				t.choose(f, o)
				return next, nil
			}
			shown = t.look(f.Options, line, none, shown)
		}
	}
}

// labelOf is the option's label, or the value itself when no option has it.
func labelOf(o dialog.Option, value string) string {
	if o.Label == "" {
		return value
	}
	return oneSpace(o.Label)
}

// oneSpace is s without the columns that screens have.
func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

// head is the line above a list.
func head(label string) string { return strings.TrimRight(label, ":?") + ":" }

func (t *talk) choose(f dialog.Choice, o dialog.Option) {
	t.out.line(t.T("Chosen: %s", oneSpace(o.Label)))
	changed := *f.Value != o.Value
	*f.Value = o.Value
	if changed && f.Changed != nil {
		f.Changed()
	}
}

// marks asks for any number of several.
func (t *talk) marks(f dialog.Marks, help func()) (move, error) {
	mark := func(o dialog.Option) string {
		if slices.Contains(*f.Values, o.Value) {
			return "[x] "
		}
		return "[ ] "
	}
	t.out.line(head(f.Label))
	t.hint(f.Hint)
	shown := t.begin(f.Options, mark)
	for {
		line, m, err := t.line(t.T("Numbers to choose, or to choose no more; Enter goes on"), false, help)
		line = strings.TrimSpace(line)
		if err != nil || m != next {
			return m, err
		}
		if line == "" {
			if err := wrong(f); err == nil {
				return next, nil
			} else {
				t.say(err)
				continue
			}
		}
		if line == "-" {
			*f.Values = nil
			t.out.line(t.T("Nothing is chosen."))
			continue
		}
		picked, ok := pick(line, shown)
		if o, named := exact(f.Options, line); named && !ok {
			picked, ok = []dialog.Option{o}, true
		}
		if !ok {
			shown = t.look(f.Options, line, mark, shown)
			continue
		}
		t.toggle(f, picked)
	}
}

// pick reads "1 3,4" as options.
func pick(line string, shown []dialog.Option) ([]dialog.Option, bool) {
	var picked []dialog.Option
	for _, w := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, ok := number(w, len(shown))
		if !ok {
			return nil, false
		}
		picked = append(picked, shown[n-1])
	}
	return picked, len(picked) > 0
}

func (t *talk) toggle(f dialog.Marks, picked []dialog.Option) {
	for _, o := range picked {
		if slices.Contains(*f.Values, o.Value) {
			*f.Values = slices.DeleteFunc(slices.Clone(*f.Values), func(v string) bool { return v == o.Value })
			t.out.line(t.T("No longer chosen: %s", oneSpace(o.Label)))
			continue
		}
		*f.Values = append(slices.Clone(*f.Values), o.Value)
		t.out.line(t.T("Chosen: %s", oneSpace(o.Label)))
	}
}

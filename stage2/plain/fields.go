package plain

import (
	"context"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/dialog"
)

// ask puts one question of p.
func (t *talk) ask(p dialog.Page, f dialog.Field) (move, error) {
	help := func() { t.out.paragraph(t.T(p.Help)) }
	switch f := f.(type) {
	case dialog.Note:
		t.note(f)
		return next, nil
	case dialog.Text:
		return t.text(f, help)
	case dialog.Choice:
		return t.choice(f, help)
	case dialog.Marks:
		return t.marks(f, help)
	case dialog.Yes:
		return t.yes(f, help)
	case dialog.Button:
		return t.button(f, help)
	case dialog.Table:
		return t.table(f, help)
	}
	return next, nil
}

func (t *talk) note(f dialog.Note) {
	if f.Bad {
		t.out.paragraph(t.T("Mind: %s", f.Text))
		return
	}
	t.out.paragraph(f.Text)
}

func (t *talk) hint(text string) {
	if text != "" {
		t.out.paragraph(text)
	}
}

// text asks for a line to type.
func (t *talk) text(f dialog.Text, help func()) (move, error) {
	t.hint(f.Hint)
	for {
		line, m, err := t.line(strings.TrimRight(f.Label, ":?")+t.current(f), f.Secret, help)
		if err != nil || m != next {
			return m, err
		}
		old := *f.Value
		switch {
		case line == "-":
			*f.Value = ""
		case line != "" && f.Secret:
			*f.Value = line
		case line != "":
			*f.Value = strings.TrimSpace(line)
		}
		if f.Check != nil {
			if err := f.Check(*f.Value); err != nil {
				t.say(err)
				*f.Value = old
				continue
			}
		}
		t.typed = ""
		if *f.Value != old || line != "" {
			t.typed = f.Key
		}
		if f.Remark != nil && *f.Value != "" && *f.Value != old {
			t.hint(f.Remark(*f.Value))
		}
		return next, nil
	}
}

// current is the answer so far, in brackets.
func (t *talk) current(f dialog.Text) string {
	switch {
	case *f.Value == "":
		return ""
	case f.Secret:
		return " [" + t.T("is set") + "]"
	}
	return " [" + *f.Value + "]"
}

// yes asks a question of yes or no.
func (t *talk) yes(f dialog.Yes, help func()) (move, error) {
	t.hint(f.Hint)
	return t.yesNo(f.Label, f.Value, help)
}

func (t *talk) yesNo(label string, value *bool, help func()) (move, error) {
	yes, no := t.T("yes"), t.T("no")
	now := no
	if *value {
		now = yes
	}
	label = strings.TrimRight(label, ":?")
	for {
		line, m, err := t.line(t.T("%s, %s or %s", label, yes, no)+" ["+now+"]", false, help)
		line = strings.ToLower(strings.TrimSpace(line))
		switch {
		case err != nil || m != next || line == "":
			return m, err
		case line == "yes" || strings.HasPrefix(yes, line):
			*value = true
			return next, nil
		case line == "no" || strings.HasPrefix(no, line):
			*value = false
			return next, nil
		}
		t.out.line(t.T("Type %s or %s.", yes, no))
	}
}

// button asks whether it is to be pressed; one that belongs to a text is when that was typed.
func (t *talk) button(f dialog.Button, help func()) (move, error) {
	if f.Of != "" && f.Of != t.typed {
		return next, nil
	}
	press := f.Of != ""
	if !press {
		if m, err := t.yesNo(f.Label, &press, help); err != nil || m != next {
			return m, err
		}
	}
	t.typed = ""
	if !press {
		return next, nil
	}
	t.out.line(t.T("One moment ..."))
	return next, t.act(f.Do)
}

// table shows rows, and does things to them until that is enough.
func (t *talk) table(f dialog.Table, help func()) (move, error) {
	t.out.line(head(f.Label))
	t.hint(f.Hint)
	t.rows(f)
	line, m, err := t.line(t.T("%s; Enter goes on", t.actions(f)), false, func() {
		help()
		t.out.line(strings.Join(f.Head, ", "))
	})
	line = strings.TrimSpace(line)
	if err != nil || m != next || line == "" {
		return m, err
	}
	action, row, ok := t.rowAction(f, line)
	if !ok {
		return again, nil
	}
	return again, t.act(func(ctx context.Context) (*dialog.Page, error) { return action.Do(ctx, row) })
}

func (t *talk) rows(f dialog.Table) {
	for i, r := range f.Rows {
		cells := slices.DeleteFunc(slices.Clone(r.Cells), func(c string) bool { return strings.Trim(c, " -") == "" })
		line := ordinal(i) + strings.Join(cells, ", ")
		if r.Bad != "" {
			line += ". " + t.T("Mind: %s", r.Bad)
		}
		t.out.line(line)
	}
}

// actions are "a add, e NUMBER change".
func (t *talk) actions(f dialog.Table) string {
	var all []string
	for _, a := range f.Actions {
		switch {
		case a.Whole:
			all = append(all, a.Key+" "+a.Label)
		case len(f.Rows) > 0:
			all = append(all, t.T("%s and a number: %s", a.Key, a.Label))
		}
	}
	return strings.Join(all, "; ")
}

// rowAction reads "a", "e 2", "e2", or "2" for the first action.
func (t *talk) rowAction(f dialog.Table, line string) (dialog.RowAction, string, bool) {
	for _, a := range f.Actions {
		rest, ok := strings.CutPrefix(line, a.Key)
		n, numbered := number(rest, len(f.Rows))
		switch {
		case ok && a.Whole && rest == "":
			return a, "", true
		case ok && !a.Whole && rest == "" && len(f.Rows) == 1:
			return a, f.Rows[0].Key, true
		case ok && !a.Whole && numbered:
			return a, f.Rows[n-1].Key, true
		}
	}
	i := slices.IndexFunc(f.Actions, func(a dialog.RowAction) bool { return !a.Whole })
	if n, ok := number(line, len(f.Rows)); ok && i >= 0 {
		return f.Actions[i], f.Rows[n-1].Key, true
	}
	t.out.line(t.T("That is no number and nothing that can be done here."))
	return dialog.RowAction{}, "", false
}

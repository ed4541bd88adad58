package plain

import (
	"context"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
)

// decide shows what was chosen, lets it be changed, and has the plan confirmed.
func (t *talk) decide() (config.Answers, error) {
	for {
		lines := t.state.Summary()
		t.overview(lines)
		line, err := t.read(t.ctx, t.T("The number of what is to be changed; Enter shows what will be done"), false)
		if err != nil {
			return config.Answers{}, err
		}
		line = strings.TrimSpace(line)
		if n, ok := number(line, len(lines)); ok {
			err = t.change(lines[n-1].Page)
		} else if line != "" {
			t.out.line(t.T("Type a number from 1 to %d.", len(lines)))
		} else if i := firstMissing(lines); i >= 0 {
			err = t.change(lines[i].Page)
		} else if a, sure, confirmErr := t.confirm(); sure || confirmErr != nil {
			return a, confirmErr
		}
		if err != nil {
			return config.Answers{}, err
		}
	}
}

func firstMissing(lines []dialog.Line) int {
	for i, l := range lines {
		if l.Missing != "" {
			return i
		}
	}
	return -1
}

func (t *talk) change(p dialog.Page) error {
	t.heading = t.T(p.Title)
	_, err := t.page(p)
	return err
}

// overview reads out what was chosen, page by page.
func (t *talk) overview(lines []dialog.Line) {
	t.out.line("")
	t.out.line(t.T("What has been chosen:"))
	for i, l := range lines {
		t.out.line(ordinal(i) + t.T(l.Page.Title) + ": " + strings.Join(l.Text, "; "))
		if l.Missing != "" {
			t.out.line(t.T("   Still missing: %s", l.Missing))
		}
	}
}

// confirm shows what the answers would do. Only the word is a yes: Enter never is.
func (t *talk) confirm() (config.Answers, bool, error) {
	a, err := t.state.Answers()
	if err != nil {
		t.say(err)
		return a, false, nil
	}
	t.out.line(t.T("Working out what will be done ..."))
	review, err := t.state.Facts.Review(t.ctx, a)
	switch {
	case t.ctx.Err() != nil:
		return a, false, context.Cause(t.ctx)
	case err != nil:
		t.say(err)
		return a, false, nil
	case len(review.Problems) > 0:
		t.out.line(t.T("This can't be done:"))
		for _, p := range review.Problems {
			t.out.paragraph("  " + t.state.Words.Said(p))
		}
		return a, false, nil
	}
	t.review(review)
	return t.sure(a)
}

func (t *talk) review(r dialog.Review) {
	t.out.line("")
	for line := range strings.Lines(r.Text) {
		t.out.line(t.state.Words.Said(strings.TrimRight(line, "\n")))
	}
	t.out.line("")
	if len(r.Lost) == 0 {
		t.out.line(t.T("Nothing will be erased."))
		return
	}
	t.out.line(t.T("WILL BE ERASED:"))
	for _, l := range r.Lost {
		t.out.line("  " + t.state.Words.Said(l))
	}
}

func (t *talk) sure(a config.Answers) (config.Answers, bool, error) {
	yes := t.T("yes")
	line, err := t.read(t.ctx, t.T("Type the word %s to do this; Enter goes back", yes), false)
	line = strings.ToLower(strings.TrimSpace(line))
	if err == nil && t.in.open {
		err = ErrEnded
	}
	if err != nil || line != yes && line != "yes" {
		return a, false, err
	}
	t.out.line(t.T("The installation begins. Nothing more is asked unless a disc is needed or something fails."))
	return a, true, nil
}

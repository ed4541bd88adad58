package stage2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/headless"
	"github.com/molt-installer/molt/stage2/plain"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/words"
)

// Plain is the front end of plain prompts, on the terminal or the pipe that the
// program was started on.
func Plain(s Setup) (Frontend, error) { return PlainOn(s, os.Stdin, os.Stdout), nil }

// PlainOn is Plain on another line. It never waits for out.
func PlainOn(s Setup, in io.Reader, out io.Writer) Frontend {
	q := headless.NewQueue(out)
	return &plainFace{ui: plain.Start(in, q, s.Name, words.Open(language(s))), out: q, setup: s}
}

// wantsPlain reports whether screens are not to be drawn on a terminal of that kind.
func wantsPlain(s Setup, term string) bool { return s.Options.Plain || term == "dumb" }

// language is the locale that the questions are first asked in.
func language(s Setup) string {
	if s.Answers.Language != "" {
		return s.Answers.Language
	}
	return s.Options.Lang
}

// plainFace is a Frontend over plain prompts.
type plainFace struct {
	ui    *plain.UI
	out   *headless.Queue
	setup Setup
}

// Emit shows an event.
func (p *plainFace) Emit(e event.Event) { p.ui.Emit(e) }

// Close waits until all has been written.
func (p *plainFace) Close() error {
	err := p.ui.Close()
	p.out.Close(grace)
	return err
}

// Decide implements Frontend. When the input ends before the confirmation, nothing is done.
func (p *plainFace) Decide(ctx context.Context, d Dialog) (*plan.Plan, error) {
	q := &questions{dialog: d}
	_, err := p.ui.Ask(ctx, q.state(words.Open(language(p.setup))))
	if errors.Is(err, plain.ErrEnded) {
		return nil, fmt.Errorf("%w: %w", ErrLeft, err)
	}
	if err != nil {
		return nil, err
	}
	return q.shown()
}

// Ask implements engine.Asker.
func (p *plainFace) Ask(ctx context.Context, q engine.Question) (engine.Choice, error) {
	labels := map[engine.Choice]string{engine.Retry: "Try again", engine.Skip: "Go on without it", engine.Back: "Back to the questions", engine.Abort: "End the installation"}
	var choices []plain.Choice
	for _, c := range q.Choices {
		choices = append(choices, plain.Choice{Key: string(c), Label: labels[c]})
	}
	key, err := p.ui.Choose(ctx, plain.Question{Title: q.Title, Text: q.Err.Error(), Choices: choices})
	return engine.Choice(key), err
}

// End implements Frontend. When nobody answers any more, the answers say what happens.
func (p *plainFace) End(ctx context.Context, failure error) (handoff.Action, error) {
	q := plain.Question{Title: "The system is installed", Text: "Take the discs out before it starts.", Choices: []plain.Choice{
		{Key: string(handoff.Reboot), Label: "Restart"}, {Key: string(handoff.Poweroff), Label: "Switch off"}, {Key: string(handoff.Shell), Label: "Shell"},
	}}
	if failure != nil {
		q = plain.Question{Title: "The installation failed", Text: failure.Error(), Choices: []plain.Choice{
			{Key: string(handoff.Ask), Label: "Leave to the menu"}, {Key: string(handoff.Retry), Label: "Start again"},
			{Key: string(handoff.Shell), Label: "Shell"}, {Key: string(handoff.Reboot), Label: "Restart"},
		}}
	}
	key, err := p.ui.Choose(ctx, q)
	return handoff.Action(key), err
}

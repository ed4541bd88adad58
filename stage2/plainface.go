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
	key, err := p.choose(ctx, plain.Question{Title: q.Title, Text: q.Err.Error(), Output: true, Choices: choices})
	return engine.Choice(key), err
}

// End implements Frontend. When nobody answers any more, the answers say what happens.
func (p *plainFace) End(ctx context.Context, failure error) (handoff.Action, error) {
	restart, off, shell := plain.Choice{Key: string(handoff.Reboot), Label: "Restart"}, plain.Choice{Key: string(handoff.Poweroff), Label: "Switch off"}, plain.Choice{Key: string(handoff.Shell), Label: "Shell"}
	q := plain.Question{Title: "The system is installed", Text: "Take the discs out before it starts.", Choices: []plain.Choice{restart, off, shell}}
	if failure != nil {
		q = plain.Question{Title: "The installation failed", Text: failure.Error(), Output: true, Choices: []plain.Choice{
			{Key: string(handoff.Ask), Label: "Leave to the first menu"}, {Key: string(handoff.Retry), Label: "Start again"}, shell, restart, off,
		}}
	}
	key, err := p.choose(ctx, q)
	return handoff.Action(key), err
}

// What can be chosen about the logs.
const (
	takeLogs = "logs"
	byURL    = "url"
	nowhere  = "nowhere"
)

// choose puts a question, with which the logs can be taken along before it is answered.
func (p *plainFace) choose(ctx context.Context, q plain.Question) (string, error) {
	if p.setup.Logs != nil {
		q.Choices = append(q.Choices, plain.Choice{Key: takeLogs, Label: "Save the logs"})
	}
	for {
		key, err := p.ui.Choose(ctx, q)
		if err != nil || key != takeLogs {
			return key, err
		}
		if err := p.takeLogs(ctx); err != nil {
			return "", err
		}
	}
}

// takeLogs saves the logs where the person says. That it can't be done is told.
func (p *plainFace) takeLogs(ctx context.Context) error {
	places, err := p.setup.Logs.Places(ctx)
	if err != nil {
		p.ui.Tell("Not possible: %s", err.Error())
	}
	q := plain.Question{Title: "Save the logs"}
	for _, place := range places {
		q.Choices = append(q.Choices, plain.Choice{Key: place.Key, Label: place.Label})
	}
	q.Choices = append(q.Choices, plain.Choice{Key: byURL, Label: "To a server, by its URL"}, plain.Choice{Key: nowhere, Label: "Not now"})
	where, err := p.ui.Choose(ctx, q)
	if err == nil && where == byURL {
		where, err = p.ui.Line(ctx, "URL, beginning with http:// or https://")
	}
	if err != nil || where == nowhere || where == "" {
		return err
	}
	saved, err := p.setup.Logs.Save(ctx, where)
	if err != nil {
		p.ui.Tell("Not possible: %s", err.Error())
		return ctx.Err()
	}
	p.ui.Tell("The logs are in %s.", saved)
	return nil
}

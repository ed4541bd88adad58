package stage2

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/tui"
	"github.com/molt-installer/molt/stage2/words"
)

// Terminal is the front end on the terminal the program was started on.
func Terminal(s Setup) (Frontend, error) {
	if wantsPlain(s, os.Getenv("TERM")) {
		return Plain(s)
	}
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, errors.New("there is no terminal to ask on; give a complete kickstart (inst.ks=)")
	}
	ui := tui.New(s.Name, func(text string) { fmt.Fprintln(os.Stderr, text) })
	here := tui.Terminal{In: os.Stdin, Out: os.Stdout, Environ: os.Environ()}
	if !s.Dry {
		here.Shell = ownTerminal{os.Stdin, os.Stdout}.Shell
	}
	ui.Console(here)
	return &terminal{ui: ui}, nil
}

// terminal is a Frontend over the screens.
type terminal struct {
	ui *tui.UI
}

func (t *terminal) Emit(e event.Event) { t.ui.Emit(e) }

func (t *terminal) Close() error { return t.ui.Close() }

// Decide implements Frontend. The plan that was shown is the one that runs.
func (t *terminal) Decide(ctx context.Context, d Dialog) (*plan.Plan, error) {
	q := &questions{dialog: d}
	_, err := t.ui.Ask(ctx, q.state(words.Open(d.Answers.Language)))
	if errors.Is(err, tui.ErrQuit) {
		return nil, fmt.Errorf("%w: %w", ErrLeft, err)
	}
	if err != nil {
		return nil, err
	}
	return q.shown()
}

// Ask implements engine.Asker.
func (t *terminal) Ask(ctx context.Context, q engine.Question) (engine.Choice, error) {
	labels := map[engine.Choice]string{engine.Retry: "Try again", engine.Skip: "Go on without it", engine.Abort: "End the installation"}
	var choices []tui.Choice
	for _, c := range q.Choices {
		choices = append(choices, tui.Choice{Key: string(c), Label: labels[c]})
	}
	key, err := t.ui.Choose(ctx, tui.Question{Title: q.Title, Text: q.Err.Error(), Choices: choices})
	return engine.Choice(key), err
}

// End implements Frontend.
func (t *terminal) End(ctx context.Context, failure error) (handoff.Action, error) {
	q := tui.Question{Title: "The system is installed", Text: "Take the discs out before it starts.", Choices: []tui.Choice{
		{Key: string(handoff.Reboot), Label: "Restart"}, {Key: string(handoff.Poweroff), Label: "Switch off"}, {Key: string(handoff.Shell), Label: "Shell"},
	}}
	if failure != nil {
		q = tui.Question{Title: "The installation failed", Text: failure.Error(), Choices: []tui.Choice{
			{Key: string(handoff.Ask), Label: "Leave to the menu"}, {Key: string(handoff.Retry), Label: "Start again"},
			{Key: string(handoff.Shell), Label: "Shell"}, {Key: string(handoff.Reboot), Label: "Restart"},
		}}
	}
	key, err := t.ui.Choose(ctx, q)
	return handoff.Action(key), err
}

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
	t := &terminal{ui: ui}
	if !s.Dry {
		t.logs = screenLogs{s.Logs}
		here.Shell = tui.ShellOn(os.Stdout, os.Environ())
	}
	ui.Console(here)
	return t, nil
}

// terminal is a Frontend over the screens.
type terminal struct {
	ui   *tui.UI
	logs tui.Logs
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
	known := map[engine.Choice]tui.Choice{
		engine.Retry: {Label: "Try again", Hint: "do this step once more"},
		engine.Skip:  {Label: "Go on without it", Hint: "the system will be sound, but for this"},
		engine.Back:  {Label: "Back to the questions", Hint: "nothing has been written yet"},
		engine.Abort: {Label: "End the installation", Hint: "then: start again, restart, switch off"},
	}
	var choices []tui.Choice
	for _, c := range q.Choices {
		choice := known[c]
		choice.Key = string(c)
		choices = append(choices, choice)
	}
	key, err := t.ui.Choose(ctx, tui.Question{Title: "Something went wrong", Failed: q.Title, Text: q.Err.Error(), Output: true, Choices: choices, Logs: t.logs})
	return engine.Choice(key), err
}

// End implements Frontend.
func (t *terminal) End(ctx context.Context, failure error) (handoff.Action, error) {
	restart, off := tui.Choice{Key: string(handoff.Reboot), Label: "Restart"}, tui.Choice{Key: string(handoff.Poweroff), Label: "Switch off"}
	q := tui.Question{Title: "The system is installed", Text: "Take the discs out before it starts.", Choices: []tui.Choice{restart, off}, Logs: t.logs}
	if failure != nil {
		q.Title, q.Text, q.Output = "The installation failed", failure.Error(), true
		q.Choices = []tui.Choice{
			{Key: string(handoff.Ask), Label: "Leave to the first menu", Hint: "another source, network, boot options"},
			{Key: string(handoff.Retry), Label: "Start again", Hint: "from the first question"}, restart, off,
		}
	}
	key, err := t.ui.Choose(ctx, q)
	return handoff.Action(key), err
}

// screenLogs is a LogKeeper as the screens know it.
type screenLogs struct{ LogKeeper }

// Places implements tui.Logs.
func (l screenLogs) Places(ctx context.Context) ([]tui.Place, error) {
	places, err := l.LogKeeper.Places(ctx)
	var out []tui.Place
	for _, p := range places {
		out = append(out, tui.Place(p))
	}
	return out, err
}

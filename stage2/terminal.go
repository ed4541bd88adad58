package stage2

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/tui"
)

// Terminal is the front end on the terminal the program was started on.
func Terminal(s Setup) (Frontend, error) {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, errors.New("there is no terminal to ask on; give a complete kickstart (inst.ks=)")
	}
	return &terminal{ui: tui.Start(os.Stdin, os.Stdout, os.Environ(), s.Name)}, nil
}

// terminal is a Frontend over the screens.
type terminal struct {
	ui   *tui.UI
	mu   sync.Mutex // one review at a time: who goes back and forth quickly starts several
	plan *plan.Plan
}

func (t *terminal) Emit(e event.Event) { t.ui.Emit(e) }

func (t *terminal) Close() error { return t.ui.Close() }

// Decide implements Frontend. The plan that was shown is the one that runs.
func (t *terminal) Decide(ctx context.Context, d Dialog) (*plan.Plan, error) {
	disks, refused := plan.Targets(d.Machine, d.Record)
	_, err := t.ui.Ask(ctx, tui.Session{
		Product: d.Name, Answers: d.Answers, Disks: disks, Refused: refused, Catalog: d.Catalog, Zones: zones(),
		Hostname: plan.KnownHostname(d.Record), Connected: d.Record.Network != nil,
		Hash:   func(plain string) (string, error) { return kickstart.HashPassword(rand.Reader, plain) },
		Review: func(ctx context.Context, a config.Answers) (tui.Review, error) { return t.review(ctx, d, a) },
	})
	if errors.Is(err, tui.ErrQuit) {
		return nil, fmt.Errorf("%w: %w", ErrLeft, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.plan, err
}

func (t *terminal) review(ctx context.Context, d Dialog, a config.Answers) (tui.Review, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plan = nil
	if err := ctx.Err(); err != nil {
		return tui.Review{}, err
	}
	p, err := d.Build(ctx, a)
	var problems plan.Problems
	if errors.As(err, &problems) {
		return tui.Review{Problems: problems.Lines()}, nil
	}
	if err != nil {
		return tui.Review{}, err
	}
	t.plan = p
	return tui.Review{Lost: p.Lost(), Text: p.After()}, nil
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

// zones are the names of the tz database, without those that have no region.
func zones() []string {
	names := []string{"Etc/UTC"}
	f, err := os.Open("/usr/share/zoneinfo/tzdata.zi")
	if err != nil {
		return names
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		// zic(8): "Z NAME …" is a zone, "L TARGET NAME" a link.
		if w := strings.Fields(in.Text()); len(w) > 2 && w[0] == "Z" && strings.Contains(w[1], "/") {
			names = append(names, w[1])
		} else if len(w) == 3 && w[0] == "L" && strings.Contains(w[2], "/") {
			names = append(names, w[2])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

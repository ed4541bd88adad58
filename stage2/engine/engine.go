// Package engine carries a plan out: it runs the steps in their order, tells
// what happens as events, and asks what to do when one fails.
//
// It knows nothing about disks, packages or screens; steps do the work and
// sinks show it.
//
// # Contract
//
// The first event is plan, with all steps and their weights. Every start has
// exactly one finish, also when the step panics or ctx is cancelled. The last event
// is done or failed, but for a run that ends in ErrBack. After a failure that nobody mends, first the %onerror
// scripts run, before them the %traceback scripts if a step has panicked, while the target is still there, then the steps that were
// started are undone, the last first. Of progress at most ten events a second
// are told. A secret of the plan is in no event.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/plan"
)

// Choice is an answer to a Question.
type Choice string

// The choices.
const (
	Retry Choice = "retry" // run the step again
	Skip  Choice = "skip"  // go on without it
	Back  Choice = "back"  // undo, and let the person decide anew
	Abort Choice = "abort" // undo and end
)

// Question is asked when a step has failed.
type Question struct {
	Step    string
	Title   string // of the step
	Err     error
	Choices []Choice // the first is the default
}

// Asker asks a person. An error is taken for Abort.
type Asker interface {
	Ask(ctx context.Context, q Question) (Choice, error)
}

// Skipper is a step without which the result is still sound.
type Skipper interface{ Skippable() bool }

// Harmless is a step that writes nothing to a disk. While no other has been started,
// a person can go back to the questions.
type Harmless interface{ Harmless() bool }

// Saboteur is a step that knows how to fail by itself for FailStep; others just
// aren't run.
type Saboteur interface {
	Sabotage(ctx context.Context, env *plan.Env) error
}

// Options say how to run. The zero value runs unattended and silently.
type Options struct {
	Sink     event.Sink
	Asker    Asker            // without one, a failure ends the run
	FailStep string           // id of a step that is made to fail
	Now      func() time.Time // time.Now unless a test says otherwise
}

// StepError is the step that ended a run. As text it has no secrets: it gets
// to all consoles by way of the result.
type StepError struct {
	Step string
	Err  error
	text string // without the plan's secrets
}

func (e *StepError) Error() string { return cmp.Or(e.text, e.Step+": "+e.Err.Error()) }

// Unwrap is the step's own error.
func (e *StepError) Unwrap() error { return e.Err }

// Mistake is a panic as an error: the fault is the installer's own.
type Mistake struct{ What any }

func (m *Mistake) Error() string { return fmt.Sprintf("a mistake in the installer: %v", m.What) }

// ErrMadeToFail is the failure of a step that Options.FailStep names.
var ErrMadeToFail = errors.New("made to fail by inst.debug.fail")

// ErrBack is the end of a run from which a person goes back to the questions. Nothing
// has been written; no event says done or failed, and a run of another plan can follow.
var ErrBack = errors.New("back to the questions")

// undoTime is how long all that has to be undone may take.
const undoTime = 3 * time.Minute

// Run carries p out. Its error is a *StepError, which can be ErrBack, or nil when all is done. Env.Emit
// is filled in here.
func Run(ctx context.Context, p *plan.Plan, env *plan.Env, o Options) error {
	r := &runner{plan: p, env: env, options: o, out: newStream(o, p.Secrets)}
	r.out.emit(event.Event{Type: event.Plan, Message: p.Product, Steps: p.Infos()})
	err := r.all(ctx)
	if err == nil {
		r.out.emit(event.Event{Type: event.Done, Message: p.Product + " is installed"})
		return nil
	}
	if errors.Is(err, ErrBack) {
		r.undo(ctx)
		return err
	}
	r.cleanUp(ctx, err)
	r.out.emit(event.Event{Type: event.Failed, Step: err.Step, Err: err.Error()})
	return err
}

// runner is one run.
type runner struct {
	plan    *plan.Plan
	env     *plan.Env
	options Options
	out     *stream
	started []plan.Step
}

func (r *runner) all(ctx context.Context) *StepError {
	for _, s := range r.plan.Steps {
		r.started = append(r.started, s)
		if err := r.step(ctx, s); err != nil {
			return &StepError{s.ID(), err, r.out.hidden.Replace(s.ID() + ": " + err.Error())}
		}
	}
	return nil
}

// step runs s until it succeeds, is skipped, or nobody wants it tried again.
func (r *runner) step(ctx context.Context, s plan.Step) error {
	for {
		err := r.once(ctx, s)
		if err == nil {
			return nil
		}
		switch r.ask(ctx, s, err) {
		case Retry:
		case Skip:
			r.out.emit(event.Event{Type: event.Warning, Step: s.ID(), Message: s.Title() + ": skipped"})
			return nil
		case Back:
			return fmt.Errorf("%w after: %w", ErrBack, err)
		default:
			return err
		}
	}
}

// once runs s one time, between its start and its finish.
func (r *runner) once(ctx context.Context, s plan.Step) error {
	began := r.out.now()
	scope := r.out.scope(s.ID())
	r.out.emit(event.Event{Type: event.Start, Step: s.ID(), Message: s.Title()})
	err := ctx.Err()
	if err == nil {
		err = guard(scope, func() error { return r.run(ctx, s, r.with(scope)) })
	}
	last := scope.close()
	last.Type, last.Step, last.Seconds = event.Finish, s.ID(), r.out.now().Sub(began).Seconds()
	if err != nil {
		last.Err = err.Error()
	}
	r.out.emit(last)
	return err
}

func (r *runner) run(ctx context.Context, s plan.Step, env *plan.Env) error {
	if s.ID() != r.options.FailStep {
		return s.Run(ctx, env)
	}
	if sab, ok := s.(Saboteur); ok {
		return sab.Sabotage(ctx, env)
	}
	return ErrMadeToFail
}

// with is the environment with a step's own way to tell events.
func (r *runner) with(s *scope) *plan.Env {
	env := *r.env
	env.Emit = s.emit
	return &env
}

// ask tells of the failure and finds out what to do.
func (r *runner) ask(ctx context.Context, s plan.Step, err error) Choice {
	r.out.emit(event.Event{Type: event.Error, Step: s.ID(), Message: s.Title(), Err: err.Error()})
	if r.options.Asker == nil || ctx.Err() != nil {
		return Abort
	}
	choices := []Choice{Retry}
	if sk, ok := s.(Skipper); ok && sk.Skippable() {
		choices = append(choices, Skip)
	}
	if !slices.ContainsFunc(r.started, writes) {
		choices = append(choices, Back)
	}
	choices = append(choices, Abort)
	choice, askErr := r.options.Asker.Ask(ctx, Question{Step: s.ID(), Title: s.Title(), Err: err, Choices: choices})
	if askErr != nil || !slices.Contains(choices, choice) {
		return Abort
	}
	return choice
}

// writes reports whether s can have written to a disk.
func writes(s plan.Step) bool {
	h, ok := s.(Harmless)
	return !ok || !h.Harmless()
}

// cleanUp runs the %traceback and %onerror scripts and undoes what was started. Nothing in it
// can make matters worse, so its errors are warnings.
func (r *runner) cleanUp(ctx context.Context, failure error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	scripts := r.plan.OnError
	if m := (*Mistake)(nil); errors.As(failure, &m) {
		scripts = slices.Concat(r.plan.Traceback, scripts)
	}
	for _, s := range scripts {
		r.quietly(s, "", func(env *plan.Env) error { return s.Run(ctx, env) })
	}
	r.undo(ctx)
}

// undo takes back what was started, the last first.
func (r *runner) undo(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	for _, s := range slices.Backward(r.started) {
		if u, ok := s.(plan.Undoer); ok {
			r.quietly(s, "undo ", func(env *plan.Env) error { return u.Undo(ctx, env) })
		}
	}
}

func (r *runner) quietly(s plan.Step, what string, do func(*plan.Env) error) {
	scope := r.out.scope(s.ID())
	defer scope.close()
	if err := guard(scope, func() error { return do(r.with(scope)) }); err != nil {
		scope.emit(event.Event{Type: event.Warning, Message: what + s.ID() + ": " + err.Error()})
	}
}

// guard makes a panic an error, and logs where it was.
func guard(s *scope, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Mistake{p}
			s.emit(event.Event{Type: event.Log, Message: string(debug.Stack())})
		}
	}()
	return do()
}

package stage2

import (
	"context"
	"errors"

	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/plan"
)

// carryOut has a plan decided on and runs it, and another one when the person goes
// back to the questions.
func (s *session) carryOut(ctx context.Context, m machine.Machine) error {
	for {
		p, err := s.decide(ctx, m)
		if err != nil {
			return err
		}
		s.told = true
		s.chosen.Store(p)
		err = engine.Run(ctx, p, s.env, engine.Options{
			Sink: s.out, Asker: s.asker(), FailStep: s.setup.Options.FailStep,
		})
		if !errors.Is(err, engine.ErrBack) {
			return err
		}
		s.told = false
		s.chosen.Store(nil)
	}
}

// decideAgain asks anew, with the answers of before.
func (s *session) decideAgain(ctx context.Context) (*plan.Plan, error) {
	s.out.Emit(event.Event{Type: event.Ask, Message: "back at the questions"})
	d := s.asked
	d.Answers = s.answers
	return s.face.Decide(ctx, d)
}

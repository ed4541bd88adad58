package stage2

import (
	"context"
	"errors"
	"sync"

	"github.com/molt-installer/molt/stage2/config"
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
		s.answers = s.made.of(p, s.answers)
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

// made are the answers that plans were made of. One can still be in the making when nobody asks for it
// any more, so it changes nothing of the session.
type made struct {
	mu    sync.Mutex
	plans map[*plan.Plan]config.Answers
}

func (m *made) add(p *plan.Plan, a config.Answers) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plans == nil {
		m.plans = map[*plan.Plan]config.Answers{}
	}
	m.plans[p] = a
}

// of is what p was made of, and forgets the others. Instead is for a plan from elsewhere.
func (m *made) of(p *plan.Plan, instead config.Answers) config.Answers {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := m.plans[p]; ok {
		instead = a
	}
	m.plans = nil
	return instead
}

// decideAgain asks anew, with the answers of before.
func (s *session) decideAgain(ctx context.Context) (*plan.Plan, error) {
	s.out.Emit(event.Event{Type: event.Ask, Message: "back at the questions"})
	d := s.asked
	d.Answers, d.Machine = s.answers, s.at.now() // plans are made for that machine
	s.packing.RLock()
	d.Record, d.Catalog = s.setup.Record, s.env.Payload.Catalog()
	s.packing.RUnlock()
	s.asked = d
	return s.face.Decide(ctx, d)
}

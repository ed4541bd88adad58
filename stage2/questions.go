package stage2

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/words"
)

// questions are what a front end asks, whichever it is. The plan that was shown
// last is the one that runs.
type questions struct {
	dialog Dialog
	mu     sync.Mutex // one review at a time: who goes back and forth quickly starts several
	plan   *plan.Plan
}

// state is the questions of d in the language of w.
func (q *questions) state(w *words.Catalog) *dialog.State {
	d := q.dialog
	disks, refused := plan.Targets(d.Machine, d.Record)
	facts := dialog.Facts{
		Product: d.Name, Machine: d.Machine, Disks: disks, Refused: refused, Catalog: d.Catalog, Regions: d.Regions, Local: d.Local,
		Hostname: plan.KnownHostname(d.Record), Connected: d.Record.Network != nil,
		Hash:         func(plain string) (string, error) { return kickstart.HashPassword(rand.Reader, plain) },
		Review:       q.review,
		FindPackages: d.Find,
		Reach:        d.reach(),
	}
	if d.Resolve != nil {
		facts.Needs = q.needs
	}
	if d.Probe != nil {
		facts.Probe = q.probe
	}
	s := dialog.New(facts, d.Answers, w)
	debug.FreeOSMemory() // a third of all was for reading the lists, and from here on it waits
	return s
}

// probe looks for disks again.
func (q *questions) probe(ctx context.Context) (m machine.Machine, disks []machine.Disk, refused map[string]string, err error) {
	if m, err = q.dialog.Probe(ctx); err != nil {
		return m, nil, nil, err
	}
	disks, refused = plan.Targets(m, q.dialog.Record)
	return m, disks, refused, nil
}

// review makes the plan. What is wrong with the answers is no error.
func (q *questions) review(ctx context.Context, a config.Answers) (dialog.Review, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return dialog.Review{}, err
	}
	p, err := q.dialog.Build(ctx, a)
	if gone := ctx.Err(); gone != nil { // nobody sees it: the plan that was shown still holds
		return dialog.Review{}, gone
	}
	q.plan = nil
	var problems plan.Problems
	if errors.As(err, &problems) {
		return dialog.Review{Problems: problems.Lines()}, nil
	}
	if err != nil {
		return dialog.Review{}, err
	}
	q.plan = p
	return dialog.Review{Lost: p.Lost(), Text: p.After()}, nil
}

// shown is the plan of the last review.
func (q *questions) shown() (*plan.Plan, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.plan == nil {
		return nil, fmt.Errorf("%w: there is no plan that was confirmed", ErrLeft)
	}
	return q.plan, nil
}

func (q *questions) needs(ctx context.Context, a config.Answers) (dialog.Needs, error) {
	sel, err := q.dialog.Resolve(ctx, a)
	if err != nil {
		return dialog.Needs{}, err
	}
	_, size := sel.Size()
	return dialog.Needs{Packages: len(sel.Packages), Size: size, Discs: sel.Discs()}, nil
}

// finder is how packages are looked for; nil when there are none to choose.
func (s *session) finder() func(context.Context, string) ([]payload.Found, error) {
	if _, ok := s.env.Payload.(payload.Finder); !ok {
		return nil
	}
	return func(ctx context.Context, words string) ([]payload.Found, error) {
		s.packing.RLock()
		defer s.packing.RUnlock()
		return s.env.Payload.(payload.Finder).Find(ctx, words)
	}
}

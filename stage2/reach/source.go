package reach

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/host"
)

// mountedAt is where places are mounted, in stage 2's root, from which stage 1 takes
// in the end whatever is still there.
const mountedAt = "/source"

// Adopter makes another medium the one that packages are taken from. The tree of its disc 1
// is the adopter's when there is no error. root is where that is mounted; empty: at servers.
type Adopter func(ctx context.Context, m handoff.Medium, disc1 fetch.Tree, root string) error

// Source is where the packages come from. It is a plan.Medium and a dialog.Source.
type Source struct {
	host    host.Host
	record  handoff.Record // as stage 1 left it
	outside string         // stage 1's root
	boot    bootargs.Options
	tell    func(string)
	adopt   Adopter
	volumes func() ([]media.Volume, error)
	at      string

	using  sync.Mutex // one change at a time
	closed bool       // guarded by using

	mu    sync.Mutex
	now   *place
	count int // of the places that were mounted
}

// Config is what NewSource needs.
type Config struct {
	Host    host.Host
	Record  handoff.Record
	Outside string // stage 1's root, as stage 2 sees it
	Options bootargs.Options
	Tell    func(string) // warnings
	Adopt   Adopter
}

// NewSource is the source that stage 1 found.
func NewSource(c Config) *Source {
	s := &Source{
		host: c.Host, record: c.Record, outside: c.Outside, boot: c.Options, tell: c.Tell, adopt: c.Adopt,
		volumes: func() ([]media.Volume, error) { return media.Volumes("/") }, at: mountedAt,
	}
	s.now = s.first()
	return s
}

// first is the place that the installer was started with.
func (s *Source) first() *place {
	return &place{medium: newMedium(s.record, s.outside, s.boot, s.tell), first: true}
}

// First is the medium that the installer was started with.
func (s *Source) First() handoff.Medium { return s.record.Medium }

// Over is the server that a person has the packages taken from; empty: there is none.
func (s *Source) Over() string {
	if now := s.current(); !now.first && (len(now.medium.found.Sources) > 0 || strings.HasPrefix(now.medium.found.URL, "nfs")) {
		return now.medium.found.URL
	}
	return ""
}

// Begin opens that medium.
func (s *Source) Begin(ctx context.Context) error {
	tree, root, err := s.Tree(ctx, 1)
	if err != nil {
		return fmt.Errorf("open disc 1: %w", err)
	}
	if err := s.adopt(ctx, s.record.Medium, tree, root); err != nil {
		return errors.Join(err, tree.Close())
	}
	return nil
}

// Tree implements plan.Medium.
func (s *Source) Tree(ctx context.Context, disc int) (fetch.Tree, string, error) {
	return s.current().medium.Tree(ctx, disc)
}

func (s *Source) current() *place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// State implements dialog.Source.
func (s *Source) State(ctx context.Context) (dialog.SourceState, error) {
	now := s.current()
	found := now.medium.found
	state := dialog.SourceState{Packages: found.URL, AllHere: found.Whole || found.Images != "", Other: !now.first}
	drives, err := s.host.Drives()
	if err != nil {
		return state, fmt.Errorf("list the optical drives: %w", err)
	}
	state.Drives = make([]dialog.DriveState, len(drives))
	var looking sync.WaitGroup
	for i, d := range drives {
		looking.Go(func() { state.Drives[i] = s.look(ctx, d) })
	}
	looking.Wait()
	return state, ctx.Err()
}

func (s *Source) look(ctx context.Context, drive string) dialog.DriveState {
	d := dialog.DriveState{Path: drive}
	var err error
	if d.Disc, err = s.host.Look(ctx, drive); err != nil {
		d.Disc.State, d.Why = "", err.Error()
	}
	return d
}

// Use implements dialog.Source.
func (s *Source) Use(ctx context.Context, name string) error {
	s.using.Lock()
	defer s.using.Unlock()
	if s.closed {
		return errors.New("take the packages from elsewhere: the questions are over")
	}
	next, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if err := s.take(ctx, next); err != nil {
		return errors.Join(err, next.leave(s.host))
	}
	s.mu.Lock()
	old := s.now
	s.now = next
	s.mu.Unlock()
	if err := old.leave(s.host); err != nil {
		s.tell(err.Error()) // stage 1 unmounts it in the end
	}
	return nil
}

// find opens the place that name names.
func (s *Source) find(ctx context.Context, name string) (*place, error) {
	if name == "" {
		return s.first(), nil
	}
	src, err := media.ParseSource(name)
	if err != nil {
		return nil, err
	}
	p, err := s.open(ctx, src)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s can't be used: %w", src.Redacted(), err)
	}
	return p, nil
}

// take has the packages taken from p.
func (s *Source) take(ctx context.Context, p *place) error {
	tree, root, err := p.medium.Tree(ctx, 1)
	if err != nil {
		return fmt.Errorf("open disc 1 at %s: %w", p.medium.found.URL, err)
	}
	if err := s.adopt(ctx, p.medium.found, tree, root); err != nil {
		return errors.Join(fmt.Errorf("take the packages from %s: %w", p.medium.found.URL, err), tree.Close())
	}
	return nil
}

// Close unmounts what a change has mounted, and nobody is still using. It waits for a change that goes
// on; there is none after it.
func (s *Source) Close() error {
	s.using.Lock()
	defer s.using.Unlock()
	s.closed = true
	return s.current().leave(s.host)
}

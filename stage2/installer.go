// Package stage2 is an installer as a third party builds one: say what is
// installed (a payload), how people are asked (a front end) and what is done
// besides (steps), and call Run.
//
//	in := stage2.Installer{
//		Payload: func(ctx context.Context, s stage2.Setup) (payload.Payload, error) { return mine.New(ctx, s.Disc1) },
//	}
//	err := in.Run(ctx)
//
// Run is the whole second stage. It reads what stage 1 left (internal/handoff),
// the boot options and the kickstart, finds out about the machine, has a plan
// confirmed or, unattended, goes on by itself, carries it out, and leaves a result
// that tells stage 1 how to end. examples/hello is the smallest program of this
// kind, cmd/stage2 the real one.
//
// # Contract
//
// Nothing is written to a disk before everything that can be checked has been:
// all errors of a kickstart file, of the choice of packages and of the plan are
// said at once. Whatever happens, a result is left, and the events end in done or
// failed. An unattended installation asks nothing.
package stage2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/console"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/engine"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/reach"
	"github.com/molt-installer/molt/stage2/regional"
	"github.com/molt-installer/molt/stage2/rescue"
)

// Installer is an installer. Only Payload has to be given.
type Installer struct {
	Name     string                                                // on the screens; default is the set's: "Debian 13"
	Payload  func(context.Context, Setup) (payload.Payload, error) // what is installed
	Steps    []plan.Step                                           // run after the boot loader and before %post
	Frontend func(Setup) (Frontend, error)                         // how a person is asked; nil: only unattended
	Host     host.Host                                             // default: the machine itself
	Probe    func(ctx context.Context) (machine.Machine, error)    // default: looks at the machine itself
	Paths    Paths                                                 // default: where stage 1 puts things
	Listen   func(context.Context) (net.Listener, error)           // where people log in over SSH; default: port 22 of all addresses
	Rescue   rescue.Terminal                                       // where a rescue's person is; default: the terminal it was started on
}

// Setup is what is known when the payload and the front end are made.
type Setup struct {
	Name    string
	Record  handoff.Record
	Options bootargs.Options
	Answers config.Answers // of the kickstart; empty without one
	Host    host.Host
	Fetch   fetch.Options // for whatever else is at a server: the boot options' proxy, certificates to trust
	Disc1   fetch.Tree    // what is on disc 1, wherever that is
	Root    string        // where it is mounted; empty when it is read from servers
	Dry     bool          // a rehearsal, on somebody's own machine: only the terminal is used, and nothing else of it touched

	Logs LogKeeper // how they can be taken along
}

// Frontend is a person at a terminal. It is shown all events.
type Frontend interface {
	event.Sink
	engine.Asker
	// Decide completes the answers and has the plan confirmed.
	Decide(ctx context.Context, d Dialog) (*plan.Plan, error)
	// End tells of the end, failure is nil on success, and returns what is to
	// happen then.
	End(ctx context.Context, failure error) (handoff.Action, error)
	// Close gives the terminal back.
	Close() error
}

// Dialog is what a person decides about.
type Dialog struct {
	Name    string
	Answers config.Answers // what is decided already
	Machine machine.Machine
	Probe   func(context.Context) (machine.Machine, error) // looks at the machine again; nil where that can't be done
	Record  handoff.Record
	Catalog *media.Catalog
	Regions *regional.Lists // languages, keyboards and time zones
	Local   dialog.Local    // the terminal it is asked on
	// Build works out what answers would do. Its error can be plan.Problems.
	Build func(ctx context.Context, a config.Answers) (*plan.Plan, error)
	// Network and Source are those of the running installer; nil where they can't be tried.
	Network dialog.Network
	Source  dialog.Source
	// Find looks for single packages, payload.Finder; nil when there are none to choose.
	Find func(ctx context.Context, words string) ([]payload.Found, error)
	// Resolve works out what would be installed, without a plan of the disks.
	Resolve func(ctx context.Context, a config.Answers) (*payload.Selection, error)
}

// Run is the second stage, from the handoff record to the result. Its error is
// the installation's; it has been told to everyone by then.
func (in Installer) Run(ctx context.Context) error {
	in.Paths = in.Paths.orDefault()
	if in.Host == nil {
		in.Host = linuxhost.New()
	}
	live := in.Probe == nil
	if live {
		in.Probe = func(ctx context.Context) (machine.Machine, error) { return linuxhost.Probe(ctx, "/", in.Host) }
	}
	record, err := handoff.ReadRecord(in.Paths.Record)
	if err != nil {
		return errors.Join(err, handoff.Result{Action: handoff.Ask, Error: err.Error()}.Write(in.Paths.Result))
	}
	s := newSession(in, *record, live)
	defer s.out.close()
	defer s.closeReach()
	defer s.serveConsole(ctx)()
	err = s.caught(func() error { return s.install(ctx) })
	return errors.Join(err, s.end(ctx, err))
}

// session is one run.
type session struct {
	Installer
	setup   Setup
	out     *outputs
	face    Frontend
	env     *plan.Env
	answers config.Answers
	redo    []byte // the kickstart without its secrets
	told    bool   // the events have ended
	visits  visits // over SSH
	live    bool   // the machine is the one it runs on: its network can be changed

	network *reach.Network // nil when it is not live
	source  *reach.Source
	console *console.Console // nil: none, or not ours
	boot    config.Answers   // of the boot line
	packing sync.RWMutex     // for env.Payload, env.Handoff.Medium and setup, once the questions have begun

	chosen atomic.Pointer[plan.Plan] // what is being carried out; nil: nothing has been written
	asked  Dialog                    // what a person was asked last
	at     *looked                   // what plans are made for; nil: nobody was asked
	made   made
	saving chan struct{} // holds the one save that writes to a stick
	serve  serving       // of the console
}

func newSession(in Installer, record handoff.Record, live bool) *session {
	options, warnings := bootargs.Parse(record.CommandLine)
	s := &session{Installer: in, live: live, saving: make(chan struct{}, 1)}
	if in.Name == "" {
		s.Name = record.Build.Set.Name()
	}
	s.setup = Setup{Name: s.Name, Record: record, Options: options, Host: in.Host, Logs: keeper{s}}
	s.out = openOutputs(in.Paths, options)
	s.openConsole()
	s.openReach(record)
	s.setup.Fetch = reach.ServerOptions(record, options)
	s.setup.Fetch.Tell = func(e fetch.Event) { s.out.Emit(event.Event{Type: event.Warning, Message: e.File + ": " + e.What}) }
	s.env = &plan.Env{Host: in.Host, Handoff: record, Medium: s.source, Result: &handoff.Result{}, Emit: s.out.Emit}
	for _, w := range warnings {
		s.out.Emit(event.Event{Type: event.Warning, Message: w.String()})
	}
	return s
}

// install goes from the kickstart to the end of the plan.
func (s *session) install(ctx context.Context) error {
	if err := s.readKickstart(ctx); err != nil {
		return err
	}
	s.settle()
	if asked := s.rescueAsked(); asked != nil {
		return s.mend(ctx, *asked)
	}
	s.setup.Answers = s.answers
	if err := s.source.Begin(ctx); err != nil {
		return err
	}
	m, err := s.Probe(ctx)
	if err != nil {
		return fmt.Errorf("look at the machine: %w", err)
	}
	for _, what := range m.Unknown {
		s.out.Emit(event.Event{Type: event.Warning, Message: "not known of this machine: " + what})
	}
	return s.carryOut(ctx, m)
}

// decide has a person decide, or makes the plan of a complete kickstart.
func (s *session) decide(ctx context.Context, m machine.Machine) (*plan.Plan, error) {
	if s.face != nil {
		return s.decideAgain(ctx)
	}
	at := &looked{probe: s.Probe, found: m}
	s.at = at
	build := func(ctx context.Context, a config.Answers) (*plan.Plan, error) { return s.build(ctx, a, at.now()) }
	if s.unattended() {
		s.openSSH(ctx, nil)
		p, err := build(ctx, s.answers)
		if err == nil {
			s.out.say(p.Text())
		}
		return p, err
	}
	if s.Frontend == nil || s.setup.Options.Cmdline {
		return nil, s.incomplete()
	}
	s.awaitConsole(ctx)
	face, err := s.Frontend(s.setup)
	if err != nil {
		return nil, fmt.Errorf("start the screens: %w", err)
	}
	s.face = face
	s.out.show(face)
	s.openSSH(ctx, face)
	s.out.Emit(event.Event{Type: event.Ask, Message: "asking at the terminal"})
	d := Dialog{
		Name: s.Name, Answers: s.answers, Machine: m, Record: s.setup.Record, Catalog: s.env.Payload.Catalog(), Build: build,
		Regions: s.regions(), Local: s.here(),
		Find: s.finder(),
		Resolve: func(ctx context.Context, a config.Answers) (*payload.Selection, error) {
			return s.resolve(ctx, a, at.now())
		},
		Probe: at.again,
	}
	d.Source = s.source
	if s.live {
		d.Network = s.network
		if err := s.network.Wake(); err != nil {
			s.out.Emit(event.Event{Type: event.Warning, Message: err.Error()})
		}
	}
	s.asked = d
	return face.Decide(ctx, d)
}

func (s *session) resolve(ctx context.Context, a config.Answers, m machine.Machine) (*payload.Selection, error) {
	if err := s.mirrors(ctx, a.Mirrors); err != nil {
		return nil, err
	}
	s.packing.RLock()
	defer s.packing.RUnlock()
	sel, err := s.env.Payload.Resolve(ctx, payload.Request{
		Software: a.Software, Firmware: string(m.Firmware), Extra: plan.ExtraPackages(a, m),
	})
	if err != nil {
		return nil, fmt.Errorf("choose the packages: %w", err)
	}
	return sel, nil
}

// build resolves the packages and makes the plan.
func (s *session) build(ctx context.Context, a config.Answers, m machine.Machine) (*plan.Plan, error) {
	sel, err := s.resolve(ctx, a, m)
	if err != nil {
		return nil, err
	}
	if s.live {
		m.NICs = s.network.Cards() // with the cables that are in them now
	}
	s.packing.RLock()
	defer s.packing.RUnlock()
	p, err := plan.Build(plan.Input{
		Answers: a, Machine: m, Selection: sel, Handoff: s.setup.Record, Former: s.former(), IDs: newUUID,
		Kickstart: s.redo, NoSave: s.setup.Options.NoSave, Extra: s.Steps,
	})
	if err == nil {
		s.made.add(p, a)
	}
	return p, err
}

// unattended reports whether nobody has to be asked anything, nor wants to see it before.
func (s *session) unattended() bool {
	o := s.setup.Options
	paused := o.Summary && !o.Cmdline && s.Frontend != nil
	return s.setup.Record.Kickstart != nil && len(s.answers.Missing()) == 0 && !paused
}

// incomplete says what an unattended installation lacks.
func (s *session) incomplete() error {
	var gaps []error
	for _, g := range s.answers.Missing() {
		gaps = append(gaps, fmt.Errorf("%s; use %s", g.Text, g.Command))
	}
	return fmt.Errorf("nobody can be asked, and the kickstart leaves open:\n%w", errors.Join(gaps...))
}

func (s *session) asker() engine.Asker {
	if s.face == nil {
		return nil
	}
	return s.face
}

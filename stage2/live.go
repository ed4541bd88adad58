package stage2

import (
	"context"
	"fmt"
	"slices"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/dialog"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/plan"
	"github.com/molt-installer/molt/stage2/reach"
)

// openReach is the network and the source as stage 1 left them.
func (s *session) openReach(record handoff.Record) {
	s.source = reach.NewSource(reach.Config{
		Host: s.Host, Record: record, Outside: s.Paths.Outside, Options: s.setup.Options, Adopt: s.adopt,
		Tell: func(what string) { s.out.Emit(event.Event{Type: event.Warning, Message: what}) },
	})
	if s.live {
		s.network = reach.NewNetwork(record, s.source.Over)
	}
}

// closeReach takes back what a person has changed of the network and the source. What is
// mounted from a server needs the network to be unmounted.
func (s *session) closeReach() {
	if s.setup.Disc1 != nil {
		s.setup.Disc1.Close()
	}
	err := s.source.Close()
	if err == nil && s.network != nil {
		err = s.network.Close()
	}
	if err != nil {
		s.out.Emit(event.Event{Type: event.Log, Message: err.Error()})
	}
}

// adopt implements reach.Adopter: what is installed comes from m from now on.
func (s *session) adopt(ctx context.Context, m handoff.Medium, disc1 fetch.Tree, root string) error {
	s.packing.Lock()
	defer s.packing.Unlock()
	next, old := s.setup, s.setup.Disc1
	next.Record.Medium, next.Disc1, next.Root = m, disc1, root
	pay, err := s.Payload(ctx, next)
	if err != nil {
		return fmt.Errorf("prepare what is to be installed: %w", err)
	}
	s.setup, s.env.Payload, s.env.Handoff.Medium = next, pay, m
	if old != nil {
		old.Close()
	}
	return nil
}

// mirrors has the payload tell the new system of the archives that are answered.
func (s *session) mirrors(ctx context.Context, asked []config.Mirror) error {
	s.packing.Lock()
	defer s.packing.Unlock()
	if slices.Equal(asked, s.setup.Answers.Mirrors) {
		return nil
	}
	next := s.setup
	next.Answers.Mirrors = asked
	pay, err := s.Payload(ctx, next)
	if err != nil {
		return fmt.Errorf("prepare what is to be installed: %w", err)
	}
	s.setup, s.env.Payload = next, pay
	return nil
}

// former is the medium that the installer was started from, when the packages come from another; else nil.
func (s *session) former() *handoff.Medium {
	if first := s.source.First(); first.URL != s.setup.Record.Medium.URL {
		return &first
	}
	return nil
}

// reach is the network and the source, for the questions.
func (d Dialog) reach() dialog.Reach {
	m := d.Record.Medium
	r := dialog.Reach{Network: d.Network, Source: d.Source, Taken: plan.TakenNetwork(d.Machine, d.Record),
		Set: d.Record.Build.Set, Packages: m.URL, AllHere: m.Whole || m.Images != ""}
	r.Check = func(answers []config.Network) dialog.NetworkCheck {
		m := d.Machine
		if d.Network != nil {
			m.NICs = nil
			for _, i := range d.Network.Interfaces() {
				if !i.Made {
					m.NICs = append(m.NICs, i.Interface)
				}
			}
		}
		said := plan.ReviewNetwork(answers, m, d.Record)
		return dialog.NetworkCheck{Lines: said.Lines, Warnings: said.Warnings, Problems: said.Problems.Lines()}
	}
	return r
}

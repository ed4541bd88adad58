// Package plan says what an installation will do: Build turns answers, the
// facts of a machine and a resolved payload into an ordered list of steps.
//
// Build is pure: it reads nothing and changes nothing, so a plan can be
// printed, compared and tested without root, and what is shown for
// confirmation is what is executed. How steps are run is engine's.
package plan

import (
	"context"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// Step is one unit of work. Implementations are structs of plain data; what
// they need of the world comes with the Env.
type Step interface {
	// ID is unique within a plan: "relocate", "mkfs-/".
	ID() string
	// Title is for a person: "Copy the installer to /dev/vda2".
	Title() string
	// Weight is the step's share of the whole, in seconds on the reference machine.
	Weight() int
	// Run does it. It can be called again after a failure.
	Run(ctx context.Context, env *Env) error
}

// Undoer is a Step that can be taken back. After a failure or an abort the
// engine calls Undo of the steps that were started, last first.
type Undoer interface {
	Undo(ctx context.Context, env *Env) error
}

// Env is what steps work with.
type Env struct {
	Host    host.Host
	Payload payload.Payload
	Handoff handoff.Record
	Medium  Medium
	Result  *handoff.Result   // what stage 1 is to do in the end; steps add to it
	Emit    func(event.Event) // the engine fills in time and step
}

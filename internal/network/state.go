package network

import (
	"errors"
	"fmt"
	"strings"
)

// Step is how far an interface has got.
type Step int

// The steps, each named by what it waits for.
const (
	StepInterface Step = iota // the interface itself
	StepLink                  // a link
	StepAddress               // an address
	StepRoute                 // a route
	StepNames                 // name resolution
	StepSource                // a first byte from the source
	StepUsable                // nothing more
)

// What can be missing. A State's Reason is one of these, or wraps it, or is
// what Config.First returned.
var (
	ErrOff         = errors.New("the network is switched off (ip=off)")
	ErrNoInterface = errors.New("there is no such interface (no card, no driver for it, or another name)")
	ErrNotMade     = errors.New("can't be made")
	ErrNoLink      = errors.New("no link (no cable, or nothing at its other end)")
	ErrNoDHCP      = errors.New("no answer to DHCP")
	ErrNoDHCP6     = errors.New("no answer to DHCPv6")
	ErrNoRouter    = errors.New("no router advertisement")
	ErrNoAddress   = errors.New("no address")
	ErrNoRoute     = errors.New("an address, but no route")
	ErrNoServer    = errors.New("no name server")
	ErrNoAnswer    = errors.New("the name server does not answer")
	ErrName        = errors.New("name not found")
	ErrUntried     = errors.New("not tried yet")
)

// State says how far one interface is, for people and logs.
type State struct {
	Interface string
	Step      Step
	Reason    error  // what is missing; nil when usable
	Detail    string // what there is: addresses and gateways
}

func (s State) String() string {
	text := s.Interface + ": "
	if s.Reason == nil {
		return text + "usable, " + s.Detail
	}
	text += s.Reason.Error()
	if s.Detail != "" {
		text += " (" + s.Detail + ")"
	}
	return text
}

// Error says why no interface is usable.
type Error struct {
	States []State // of all interfaces tried; empty when there is none
}

func (e *Error) Error() string {
	if len(e.States) == 0 {
		return "the network can't be used: there is no network card, or no driver for it here"
	}
	var parts []string
	for _, s := range e.States {
		parts = append(parts, s.String())
	}
	return "the network can't be used: " + strings.Join(parts, "; ")
}

// Unwrap gives the reasons.
func (e *Error) Unwrap() []error {
	var list []error
	for _, s := range e.States {
		if s.Reason != nil {
			list = append(list, s.Reason)
		}
	}
	return list
}

// because is reason with what exactly went wrong.
func because(reason, err error) error {
	if err == nil {
		return reason
	}
	return fmt.Errorf("%w: %w", reason, err)
}

package kickstart

import (
	"errors"
	"fmt"
	"slices"
)

// Pos is a place in a kickstart file.
type Pos struct {
	File string
	Line int // from 1
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Kind sorts diagnostics.
type Kind int

const (
	// Warning is about something that is ignored or deprecated.
	Warning Kind = iota
	// Syntax is a file that isn't valid kickstart.
	Syntax
	// Value is valid kickstart that can't be meant: a time zone with a space in it.
	Value
	// Unsupported is valid kickstart that this installer doesn't do.
	Unsupported
)

// Diagnostic is one thing to say about a file.
type Diagnostic struct {
	Pos  Pos
	Kind Kind
	Text string // what is wrong and what would be right; never a password
}

// Error gives "ks.cfg:3: unknown command lange; did you mean lang?".
func (d Diagnostic) Error() string {
	if d.Kind == Warning {
		return d.Pos.String() + ": warning: " + d.Text
	}
	return d.Pos.String() + ": " + d.Text
}

// Diagnostics are in the order of the file.
type Diagnostics []Diagnostic

// Err joins all errors, a line each; nil when there are only warnings.
func (ds Diagnostics) Err() error {
	var errs []error
	for _, d := range ds.errors() {
		errs = append(errs, d)
	}
	return errors.Join(errs...)
}

// Of returns those of one kind.
func (ds Diagnostics) Of(k Kind) Diagnostics {
	var of Diagnostics
	for _, d := range ds {
		if d.Kind == k {
			of = append(of, d)
		}
	}
	return of
}

// errors are all but the warnings.
func (ds Diagnostics) errors() Diagnostics {
	var of Diagnostics
	for _, d := range ds {
		if d.Kind != Warning {
			of = append(of, d)
		}
	}
	return of
}

// inOrder puts what was found at the end of the file to its line. Those of several
// files stay as they were found.
func (ds Diagnostics) inOrder() {
	for _, d := range ds {
		if d.Pos.File != ds[0].Pos.File {
			return
		}
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int { return a.Pos.Line - b.Pos.Line })
}

func (ds *Diagnostics) add(p Pos, k Kind, format string, args ...any) {
	*ds = append(*ds, Diagnostic{p, k, fmt.Sprintf(format, args...)})
}

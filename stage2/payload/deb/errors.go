package deb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/media/fetch"
)

// UnknownError lists everything in a Request that the set doesn't have.
type UnknownError struct {
	Names []Unknown
}

// Unknown is a name that the set doesn't have.
type Unknown struct {
	Kind string   // "package", "group" or "environment"
	Name string   // as asked for
	Near []string // what could have been meant, best first
}

func (e *UnknownError) Error() string {
	parts := make([]string, len(e.Names))
	for i, u := range e.Names {
		parts[i] = u.String()
	}
	return "not on the discs of this set: " + strings.Join(parts, "; ")
}

// String names it, and what could have been meant.
func (u Unknown) String() string {
	s := fmt.Sprintf("no %s %q", u.Kind, u.Name)
	if len(u.Near) > 0 {
		s += " (did you mean " + strings.Join(u.Near, " or ") + "?)"
	}
	return s
}

// ConflictError is a choice that can't be installed together, or leaves out what the machine needs.
type ConflictError struct {
	Reasons []string // apt's words
	Needed  []string // of what is left out; then apt wasn't asked
}

func (e *ConflictError) Error() string {
	if len(e.Needed) > 0 {
		return "%packages: " + strings.Join(e.Needed, "; ")
	}
	return "these packages can't be installed together: " + strings.Join(e.Reasons, "; ")
}

// DiscError is a file that can't be had from its disc: clean it, or use
// another copy of it, and try again. What was fetched before is kept.
type DiscError struct {
	Disc int
	Item string // package, or path on the disc
	Err  error  // EIO, or what is wrong with the content

	Server bool // the disc's files are at a server: there is nothing to clean
}

func (e *DiscError) Error() string {
	s := fmt.Sprintf("%s can't be read from disc %d: %v", e.Item, e.Disc, e.Err)
	if e.Server {
		return s
	}
	return s + ". Clean the disc, or use another copy of it, and try again"
}

// Unwrap gives the cause.
func (e *DiscError) Unwrap() error { return e.Err }

// TargetError is a target that can't take any more: usually it is full
// (syscall.ENOSPC), and one has to go back for a larger one or for less software.
type TargetError struct {
	Path string
	Err  error
}

func (e *TargetError) Error() string {
	if errors.Is(e.Err, syscall.ENOSPC) {
		return fmt.Sprintf("the target is full: %s could not be written. Go back and choose a larger disk or less software", e.Path)
	}
	return fmt.Sprintf("write to the target: %v", e.Err)
}

// Unwrap gives the cause.
func (e *TargetError) Unwrap() error { return e.Err }

// PackageError is a package that failed to install.
type PackageError struct {
	Package string
	Reason  string   // dpkg's words
	Tail    []string // the package's own last output
}

func (e *PackageError) Error() string {
	s := "package " + e.Package + " failed to install: " + e.Reason
	if len(e.Tail) > 0 {
		s += "\n" + strings.Join(e.Tail, "\n")
	}
	return s
}

// AuditError is a target in which dpkg finds fault.
type AuditError struct {
	Report []string // of dpkg --audit
}

func (e *AuditError) Error() string {
	return "dpkg finds the installed system incomplete:\n" + strings.Join(e.Report, "\n")
}

// readAll reads a small file of known size of a disc, and explains what is wrong.
func readAll(ctx context.Context, from fetch.Tree, name string, size int64) ([]byte, error) {
	data, err := func() ([]byte, error) {
		file, err := from.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		r, err := file.Stream(ctx, 0)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, size+1))
	}()
	switch {
	case errors.Is(err, fetch.ErrNotFound):
		return nil, fmt.Errorf("%w: is that disc 1 of the set?", err)
	case errors.Is(err, fetch.ErrRead):
		return nil, fmt.Errorf("%w: clean the disc and try again", err)
	}
	return data, err
}

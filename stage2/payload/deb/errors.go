package deb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// UnknownError lists everything in a Request that the set doesn't have.
type UnknownError struct {
	Names []Unknown
}

// Unknown is a name that the set doesn't have.
type Unknown struct {
	Kind string   // "package" or "group"
	Name string   // as asked for
	Near []string // what could have been meant, best first
}

func (e *UnknownError) Error() string {
	parts := make([]string, len(e.Names))
	for i, u := range e.Names {
		parts[i] = fmt.Sprintf("no %s %q", u.Kind, u.Name)
		if len(u.Near) > 0 {
			parts[i] += " (did you mean " + strings.Join(u.Near, " or ") + "?)"
		}
	}
	return "not on the discs of this set: " + strings.Join(parts, "; ")
}

// ConflictError is a choice that can't be installed together.
type ConflictError struct {
	Reasons []string // apt's words
}

func (e *ConflictError) Error() string {
	return "these packages can't be installed together: " + strings.Join(e.Reasons, "; ")
}

// DiscError is a file that can't be had from its disc: clean it, or use
// another copy of it, and try again. What was fetched before is kept.
type DiscError struct {
	Disc int
	Item string // package, or path on the disc
	Err  error  // EIO, or what is wrong with the content
}

func (e *DiscError) Error() string {
	return fmt.Sprintf("%s can't be read from disc %d: %v. Clean the disc, or use another copy of it, and try again", e.Item, e.Disc, e.Err)
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

// readDisc reads a small file of a disc and explains what is wrong.
func readDisc(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: is disc 1 of the set in the drive?", err)
	case err != nil:
		return nil, fmt.Errorf("%w: clean the disc and try again", err)
	}
	return data, nil
}

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/molt-installer/molt/loopctl"
)

// status is an exit status and what leads to it.
type status struct {
	code    int
	meaning string
	errs    []error
}

// statuses are in order of precedence, but for the first three.
func statuses() []status {
	return []status{
		{0, "done", nil},
		{1, "failed; the device is as it was", nil},
		{2, "wrong command line", nil},
		{5, "the device may serve, or serves, from the new file although the switch failed", []error{
			loopctl.ErrPending, loopctl.ErrNotRestored, loopctl.ErrConcurrent}},
		{4, "a check failed after the switch; the device serves from its old file again", []error{loopctl.ErrRolledBack}},
		{3, "refused: the new file, or the device, is not suitable; nothing has changed", []error{
			loopctl.ErrSizeMismatch, loopctl.ErrContentMismatch, loopctl.ErrBadBacking, loopctl.ErrRecursion, loopctl.ErrSameFile,
			loopctl.ErrNotReadOnly, loopctl.ErrWouldKillFS, loopctl.ErrNoMemory, loopctl.ErrUnsupported}},
		{6, "busy: in use, or requests are stuck in it", []error{loopctl.ErrBusy, loopctl.ErrPartitioned, loopctl.ErrStalled}},
		{7, "not a loop device, or not bound", []error{loopctl.ErrNotLoop, loopctl.ErrNotBound}},
	}
}

// report tells what went wrong and turns it into the exit status.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "loopctl:", err)
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	for _, s := range statuses() {
		for _, e := range s.errs {
			if errors.Is(err, e) {
				return s.code
			}
		}
	}
	return 1
}

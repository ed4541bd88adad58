package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/cmd/loopctl/internal/cli"
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
		{6, "busy: in use, or requests are stuck in it", []error{loopctl.ErrBusy, loopctl.ErrPartitioned, loopctl.ErrStalled, errStillServed}},
		{7, "not a loop device, or not bound", []error{loopctl.ErrNotLoop, loopctl.ErrNotBound}},
	}
}

// meanings are the statuses as help and the manual page list them.
func meanings() []cli.Status {
	var list []cli.Status
	for _, s := range statuses() {
		list = append(list, cli.Status{Code: s.code, Meaning: s.meaning})
	}
	slices.SortFunc(list, func(a, b cli.Status) int { return a.Code - b.Code })
	return list
}

// hint is what to do about an error. DEVICE in it is the one that the error names.
type hint struct {
	err  error
	text string
}

// hints are in order of precedence.
func hints() []hint {
	return []hint{
		{loopctl.ErrPending, "it switches when the old file answers or fails at last; `loopctl list DEVICE` shows from which it serves, without opening it"},
		{loopctl.ErrNotRestored, "the content is in doubt: switch to a good copy with `loopctl switch --digest SHA256 DEVICE FILE`"},
		{loopctl.ErrConcurrent, "`loopctl info DEVICE` shows what it serves from now"},
		{loopctl.ErrRolledBack, "nothing is lost; was somebody writing to the new file?"},
		{loopctl.ErrNotReadOnly, "the kernel switches read-only devices only: `loopctl attach --read-only FILE`"},
		{loopctl.ErrSizeMismatch, "the copy must be as long as the file in use, to the byte; a device attached with --sizelimit takes any that is long enough"},
		{loopctl.ErrContentMismatch, "make the copy again"},
		{loopctl.ErrWouldKillFS, "squashfs, erofs and btrfs live on; else unmount it for the switch. With --allow-fs-kill every read of the mount fails afterwards"},
		{syscall.EIO, "a file can't be read; if it is the old one, `loopctl switch --rescue --digest SHA256 DEVICE FILE` doesn't need it"},
		{loopctl.ErrOldUnreadable, "`loopctl switch --rescue --digest SHA256 DEVICE FILE` doesn't need the old file"},
		{loopctl.ErrStalled, "wait for the medium or server of the file that hangs, old or new, or end it; once the old one is dead, --rescue --digest SHA256 doesn't need it"},
		{loopctl.ErrRecursion, "take a file that isn't on the device itself"},
		{loopctl.ErrBadBacking, "take a regular file or a block device that can be read"},
		{loopctl.ErrNoMemory, "free some memory, or switch to a file on a disk"},
		{loopctl.ErrPartitioned, "unmount the partitions"},
		{loopctl.ErrBusy, "`loopctl holders DEVICE` names who holds it"},
		{loopctl.ErrNotBound, "`loopctl list` shows those that are bound"},
		{loopctl.ErrNotLoop, "`loopctl list` shows the loop devices"},
		{fs.ErrPermission, "run it as root"},
	}
}

// report tells what went wrong and what to do, and turns it into the exit status.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "loopctl:", strings.ReplaceAll(err.Error(), "\n", "\nloopctl: "))
	if h := hintFor(err); h != "" {
		fmt.Fprintln(stderr, "hint:", h)
	}
	return exitCode(err)
}

func hintFor(err error) string {
	var usage *cli.UsageError
	if errors.As(err, &usage) {
		return "`" + usage.Help + "` tells more"
	}
	for _, h := range hints() {
		if errors.Is(err, h.err) {
			return strings.ReplaceAll(h.text, "DEVICE", deviceIn(err))
		}
	}
	return ""
}

// deviceIn is the device that an error names.
func deviceIn(err error) string {
	var e *loopctl.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Dev, "/dev/") {
		return e.Dev
	}
	return "DEVICE"
}

func exitCode(err error) int {
	var usage *cli.UsageError
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

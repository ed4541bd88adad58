package loopctl

import (
	"errors"
	"fmt"
	"strings"
)

// What can be wrong, for errors.Is. An *Error wraps one of these and, where the
// kernel refused, its errno too: both errors.Is(err, ErrNotReadOnly) and
// errors.Is(err, unix.EINVAL) hold.
var (
	// ErrNotBound: the loop device has no backing file (ENXIO).
	ErrNotBound = errors.New("loop device has no backing file")
	// ErrNotReadOnly: LOOP_CHANGE_FD wants a device that was attached read-only (EINVAL).
	ErrNotReadOnly = errors.New("loop device is not read-only")
	// ErrBadBacking: not a regular file or block device, or not open for reading (EINVAL, EBADF).
	ErrBadBacking = errors.New("not usable as backing file")
	// ErrRecursion: the file is this loop device, or sits on it (EBADF).
	ErrRecursion = errors.New("backing file is, or sits on, this loop device")
	// ErrSizeMismatch: the new file has another size. The kernel compares 512-byte
	// sectors (EINVAL), Switch compares bytes.
	ErrSizeMismatch = errors.New("new backing file has another size")
	// ErrContentMismatch: the new file, or what the device reads back, has other
	// content. The kernel never says so.
	ErrContentMismatch = errors.New("new backing file has other content")
	// ErrWouldKillFS: the kernel (6.6 and later) would shut the mounted file system down.
	ErrWouldKillFS = errors.New("the kernel would shut down the file system mounted from the device")
	// ErrStalled: requests are stuck in the current backing file, or the new one doesn't answer.
	ErrStalled = errors.New("requests are stuck in the backing file, current or new")
	// ErrPending: the deadline passed with the ioctl still in the kernel, where
	// nothing can call it back. The switch may yet take effect.
	ErrPending = errors.New("switch still pending in the kernel, it may yet take effect")
	// ErrOldUnreadable: the kernel can't get the size of the current backing file
	// (EINVAL from 6.18 on, when its server is dead).
	ErrOldUnreadable = errors.New("size of the current backing file cannot be read")
	// ErrPartitioned: a partition of the device is in use.
	ErrPartitioned = errors.New("device has partitions in use")
	// ErrBusy: a mount or an exclusive opener holds the device (EBUSY).
	ErrBusy = errors.New("device is held by a mount or an opener")
	// ErrConcurrent: somebody else changed the device meanwhile.
	ErrConcurrent = errors.New("device was changed by somebody else meanwhile")
	// ErrNoMemory: the content doesn't fit into the memory that is available.
	ErrNoMemory = errors.New("not enough memory for the content")
	// ErrUnsupported: the kernel lacks the ioctl or the option.
	ErrUnsupported = errors.New("not supported by this kernel")
	// ErrRolledBack: the device serves from the previous file again.
	ErrRolledBack = errors.New("previous backing file restored")
	// ErrNotRestored: a check failed after the switch and the way back failed too. The
	// device serves from the new file.
	ErrNotRestored = errors.New("previous backing file NOT restored, the device serves from the new one")
	// ErrSameFile: the device serves from that very file already.
	ErrSameFile = errors.New("is the backing file already")
	// ErrInterrupted: a deadly signal came while the ioctl waited for the device's lock. Nothing
	// was changed (EINTR).
	ErrInterrupted = errors.New("interrupted before anything was changed")
	// ErrPermission: the kernel doesn't let this process do it (EPERM, EACCES).
	ErrPermission = errors.New("not permitted, it takes root")
	// ErrNotLoop: the path is no loop device.
	ErrNotLoop = errors.New("not a loop device")
)

// Error is a failed operation.
type Error struct {
	Op   string // "attach", "open", "switch", "detach", …
	Dev  string // "/dev/loop3"; empty while there is none
	File string // the backing file concerned, if any
	Kind error  // one of the sentinels above, or nil
	Err  error  // the cause, usually a unix.Errno, or nil
}

func (e *Error) Error() string {
	parts := []string{strings.TrimSpace(e.Op + " " + e.Dev)}
	if e.File != "" {
		parts[0] += " (" + e.File + ")"
	}
	if e.Kind != nil && (e.Err == nil || !strings.Contains(e.Err.Error(), e.Kind.Error())) {
		parts = append(parts, e.Kind.Error())
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap makes errors.Is and errors.As see both the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// MismatchError is the cause of an ErrContentMismatch found by comparison.
type MismatchError struct {
	Offset int64 // of the first byte that differs, counted on the device
	Within int64 // 0, or: where it is within that many bytes from Offset on is not known
}

func (e *MismatchError) Error() string {
	if e.Within > 0 {
		return fmt.Sprintf("first difference from byte %d to %d", e.Offset, e.Offset+e.Within-1)
	}
	return fmt.Sprintf("first difference at byte %d", e.Offset)
}

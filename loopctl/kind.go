package loopctl

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

func sysName(number int) string { return "loop" + strconv.Itoa(number) }

// kinds says what an errno of any ioctl but LOOP_CHANGE_FD means.
var kinds = [...]struct{ errno, kind error }{
	{unix.ENXIO, ErrNotBound},
	{unix.EBUSY, ErrBusy},
	{unix.ENOTTY, ErrUnsupported},
	{unix.ENOSYS, ErrUnsupported},
	{unix.EPERM, ErrPermission},
	{unix.EACCES, ErrPermission},
}

// kindOf is the sentinel that err is or that its errno stands for, nil if there is none.
func kindOf(err error) error {
	for _, kind := range []error{ErrNotBound, ErrConcurrent, ErrUnsupported, ErrBusy, ErrStalled} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	for _, k := range kinds {
		if errors.Is(err, k.errno) {
			return k.kind
		}
	}
	return nil
}

// causeOf is err unless it is nothing but its kind: then an Error needn't say it twice.
func causeOf(err error) error {
	if kind := kindOf(err); kind == err {
		return nil
	}
	return err
}

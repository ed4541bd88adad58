package loopctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The states of a Watch.
const (
	WatchWaiting = "waiting" // for the file to come or to change
	WatchCopying = "copying" // the device to the file
	WatchTrying  = "trying"  // to switch
	WatchRefused = "refused" // it isn't right yet, Err says why
	WatchMoved   = "moved"   // the device serves from the file
)

// WatchOptions are the options of Watch. The zero value, or nil, waits for somebody
// else's copy and compares it byte for byte.
type WatchOptions struct {
	Switch SwitchOptions
	Copy   bool // make the copy itself, from the device, as path+".part", then rename
	Tell   func(WatchEvent)
}

// WatchEvent tells how far a Watch is.
type WatchEvent struct {
	State       string // one of the states above
	Path        string
	Done, Total int64 // bytes, of copying and trying
	Err         error // of refused
}

// Watch moves the device to the file at path for good as soon as it is a whole, proved
// copy: it waits by inotify(7) for the file to come or to be finished, tries to
// switch, and waits on when it isn't right yet, until ctx ends. A device whose
// requests are stuck is tried again and again. The directory must exist and stay.
//
// With Copy it makes the copy itself. It never replaces a file that is there already.
// What it couldn't finish it removes.
//
// An error that no change of the file can mend ends it: of the device, or one
// that says that the device isn't as it was (ErrPending, ErrNotRestored). The Report is that of
// the last try, and never nil.
func (d *Device) Watch(ctx context.Context, path string, o *WatchOptions) (*Report, error) {
	w := &watch{dev: d, path: path, report: &Report{}}
	if o != nil {
		w.options = *o
	}
	changes, err := newChanges(ctx, path)
	if err != nil {
		return w.report, w.fail(kindOf(err), err)
	}
	defer changes.close()
	for ctx.Err() == nil {
		again, err := w.try(ctx)
		if err == nil {
			w.tell(WatchEvent{State: WatchMoved})
			return w.report, nil
		}
		if ctx.Err() == nil && final(err) {
			return w.report, err
		}
		if err := w.wait(ctx, changes, err, again); err != nil && ctx.Err() == nil {
			return w.report, w.fail(nil, err)
		}
	}
	return w.report, w.fail(nil, context.Cause(ctx))
}

type watch struct {
	dev     *Device
	path    string
	options WatchOptions
	report  *Report
}

func (w *watch) fail(kind, err error) error {
	return &Error{Op: "watch for", Dev: w.dev.path, File: w.path, Kind: kind, Err: err}
}

func (w *watch) tell(e WatchEvent) {
	e.Path = w.path
	if w.options.Tell != nil {
		w.options.Tell(e)
	}
}

// try switches to the file, if it is there. again is after which time to try without
// a change of the file, 0: never.
func (w *watch) try(ctx context.Context) (again time.Duration, err error) {
	f, err := openPlain(w.path, 0)
	o := w.options.Switch
	if errors.Is(err, fs.ErrNotExist) && w.options.Copy {
		var sum []byte
		if sum, err = w.copy(ctx); err != nil {
			if errors.Is(err, ErrContentMismatch) {
				return 0, err
			}
			return copyAgain, err
		}
		o.Verify, o.Digest = VerifyDigest, sum
		f, err = openPlain(w.path, 0)
	}
	if err != nil {
		return 0, w.fail(kindOf(err), err)
	}
	defer f.Close()
	tell := o.Progress
	o.Progress = func(stage string, done, total int64) {
		w.tell(WatchEvent{State: WatchTrying, Done: done, Total: total})
		if tell != nil {
			tell(stage, done, total)
		}
	}
	w.tell(WatchEvent{State: WatchTrying})
	w.report, err = w.dev.Switch(ctx, f, &o)
	switch {
	case errors.Is(err, ErrSameFile):
		return 0, nil
	case errors.Is(err, ErrStalled), errors.Is(err, ErrPartitioned), errors.Is(err, ErrConcurrent):
		return stalledAgain, err
	}
	return 0, err
}

// No event tells when requests flow again, or when a medium can be read again.
const (
	stalledAgain = 500 * time.Millisecond
	copyAgain    = 5 * time.Second
)

// wait tells why, and waits for a change.
func (w *watch) wait(ctx context.Context, c *changes, why error, again time.Duration) error {
	if ctx.Err() != nil {
		return nil
	}
	if errors.Is(why, fs.ErrNotExist) {
		w.tell(WatchEvent{State: WatchWaiting})
	} else {
		w.tell(WatchEvent{State: WatchRefused, Err: why})
	}
	return c.wait(ctx, again)
}

// final says that no change of the file can help.
func final(err error) bool {
	for _, kind := range []error{ErrNotBound, ErrNotReadOnly, ErrPending, ErrNotRestored, ErrWouldKillFS, ErrPermission, ErrUnsupported} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return errors.Is(err, os.ErrClosed)
}

// copy makes the copy and returns its digest.
func (w *watch) copy(ctx context.Context) (sum []byte, err error) {
	info, err := w.dev.Info()
	if err != nil {
		return nil, err
	}
	part := w.path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a Watch that was killed
		return nil, w.fail(kindOf(err), err)
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, w.fail(kindOf(err), err)
	}
	defer os.Remove(part) // unless it has been renamed
	w.tell(WatchEvent{State: WatchCopying, Total: info.readable()})
	_, err = patiently(ctx, 0, func(ctx context.Context, p *pulse) error {
		defer f.Close()
		t, err := w.fill(ctx, f, info, p)
		p.beat(func() { sum = t.sum() })
		return err
	}, func() {})
	if err != nil {
		return nil, w.fail(readKind(err), fmt.Errorf("copy the device: %w", err))
	}
	if want := w.options.Switch.Digest; want != nil && string(want) != string(sum) {
		return nil, w.fail(ErrContentMismatch, fmt.Errorf("the device has the SHA-256 %x, not %x", sum, want))
	}
	if err := unix.Renameat2(unix.AT_FDCWD, part, unix.AT_FDCWD, w.path, unix.RENAME_NOREPLACE); err != nil {
		return nil, w.fail(kindOf(err), &os.LinkError{Op: "rename", Old: part, New: w.path, Err: err})
	}
	if err := syncDirectory(filepath.Dir(w.path)); err != nil {
		return nil, w.fail(kindOf(err), fmt.Errorf("write the name of the copy out: %w", err))
	}
	return sum, nil
}

// syncDirectory makes a name last over a power cut. EINVAL: nothing to sync there.
func syncDirectory(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// fill writes what the device serves to f, and f out. What lies before the device's
// offset is a hole.
func (w *watch) fill(ctx context.Context, f *os.File, info Info, p *pulse) (*trail, error) {
	t := newTrail()
	dev, err := w.dev.cachedReader()
	if err != nil {
		return t, err
	}
	defer dev.Close()
	size := int64(info.Offset + info.Size)
	err = uninterrupted(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return t, fmt.Errorf("find room for %d bytes: %w", size, err)
	}
	if err := f.Truncate(size); err != nil {
		return t, err
	}
	n := info.readable()
	err = inOrder(ctx, n, reader(section{dev, 0, n}), func(data []byte) error {
		_, err := f.WriteAt(data, int64(info.Offset)+t.done)
		t.write(data)
		p.beat(func() { w.tell(WatchEvent{State: WatchCopying, Done: t.done, Total: n}) })
		return err
	})
	if err == nil && int64(info.Size) > n { // the half block that nobody can read
		t.write(make([]byte, int64(info.Size)-n))
	}
	if err != nil {
		return t, err
	}
	return t, f.Sync()
}

package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	spinUp      = 30 * time.Second       // real drives have taken 18 s
	readable    = 10 * time.Second       // from "disc present" to the first good read
	lookAgain   = 250 * time.Millisecond // between two tries; nothing announces that a drive is ready
	maxDiscInfo = 64 << 10
)

// Look says what is in the drive at path, without mounting it: its volume
// label and .discinfo are read from the ISO 9660 file system directly. A
// drive that has just been filled is waited for until it can be read, for half
// a minute at most; when that or ctx ends first, the disc is Unreadable. The
// error is for a drive that can't be asked.
//
// path can be a disk, a partition or an ISO file too; for those nothing is
// waited for.
func Look(ctx context.Context, path string) (Disc, error) {
	d, _, err := look(ctx, path)
	return d, err
}

// look is Look, and the fingerprint that was taken before the disc was read.
func look(ctx context.Context, path string) (Disc, fingerprint, error) {
	optical, err := isOptical(path)
	if err != nil {
		return Disc{}, fingerprint{}, fmt.Errorf("look into drive: %w", err)
	}
	if !optical {
		seen := fingerprintOf(path)
		f, err := os.Open(path)
		if err != nil {
			return Disc{}, seen, fmt.Errorf("look at image: %w", err)
		}
		defer f.Close()
		return identify(f, path), seen, nil
	}
	return waitFor(ctx, path)
}

// isOptical tells drives from everything else by their major number, 11 in
// the kernel's list of devices. Asking them all for a status would be noticed by disks.
func isOptical(path string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return false, fmt.Errorf("stat %s: %w", path, err)
	}
	return st.Mode&unix.S_IFMT == unix.S_IFBLK && unix.Major(st.Rdev) == 11, nil
}

// waitFor looks into a drive until there is an answer that will last.
func waitFor(ctx context.Context, path string) (Disc, fingerprint, error) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	notReady, cantRead := time.Now().Add(spinUp), time.Time{}
	for {
		d, status, seen, err := lookOnce(path)
		if err != nil || d.State != Unreadable {
			return d, seen, err
		}
		now := time.Now()
		if status == StatusDiscOK && cantRead.IsZero() {
			cantRead = now.Add(readable)
		}
		if now.After(notReady) || !cantRead.IsZero() && now.After(cantRead) {
			return d, seen, nil
		}
		select {
		case <-ctx.Done():
			return d, seen, nil
		case <-tick.C:
		}
	}
}

// lookOnce tries once. An Unreadable disc may be readable soon.
func lookOnce(path string) (Disc, Status, fingerprint, error) {
	drive, err := OpenDrive(path)
	if err != nil {
		return Disc{}, 0, fingerprint{}, fmt.Errorf("look into drive: %w", err)
	}
	defer drive.Close()
	seen := fingerprintOf(path)
	status, err := drive.Status()
	if err != nil {
		return Disc{}, 0, seen, fmt.Errorf("look into drive: %w", err)
	}
	d := Disc{Drive: path}
	switch status {
	case StatusNoDisc:
		d.State = NoDisc
	case StatusTrayOpen:
		d.State = TrayOpen
	case StatusDiscOK, StatusNoInfo: // some drives tell nothing
		d, seen = readDrive(path)
	default:
		d.State, d.Cause = Unreadable, "the drive is not ready"
	}
	return d, status, seen, nil
}

// readDrive opens the drive as a reader of data does, without O_NONBLOCK:
// that makes the kernel ask for the capacity again.
func readDrive(path string) (Disc, fingerprint) {
	f, err := os.Open(path)
	seen := fingerprintOf(path)
	if err != nil {
		return Disc{Drive: path, State: Unreadable, Cause: cause(err)}, seen
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err != nil || size == 0 {
		return Disc{Drive: path, State: Unreadable, Cause: "the disc is empty"}, seen
	}
	return identify(f, path), seen
}

// identify reads what says which disc r is.
func identify(r io.ReaderAt, path string) Disc {
	d := Disc{Drive: path, State: Foreign}
	v, err := openISO(r)
	if errors.Is(err, errNoISO) {
		d.Label = ReadVolume(r, 0).Label
		return d
	}
	if err != nil {
		return Disc{Drive: path, State: Unreadable, Cause: cause(err)}
	}
	d.Label = v.label
	data, err := v.readFile(DiscInfoPath, maxDiscInfo)
	if errors.Is(err, errTooLarge) {
		d.Cause = err.Error()
		return d
	}
	if err != nil {
		return Disc{Drive: path, State: Unreadable, Label: v.label, Cause: cause(err)}
	}
	if data == nil {
		return d
	}
	if d.Info, err = ParseDiscInfo(data); err != nil {
		d.Cause = err.Error()
		return d
	}
	d.State = Known
	return d
}

// cause is why a disc can't be read, for a person who can't do anything
// with the name of a system call.
func cause(err error) string {
	switch {
	case errors.Is(err, unix.EIO):
		return "input/output error (a scratched or dirty disc?)"
	case errors.Is(err, unix.ENOMEDIUM):
		return "the drive finds no disc"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the disc ends too early"
	}
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

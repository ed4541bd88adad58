package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// From linux/cdrom.h.
const (
	cdromEject       = 0x5309
	cdromDriveStatus = 0x5326
	cdromLockDoor    = 0x5329
	cdslCurrent      = 1<<31 - 1
)

// Status is what a drive says about itself (CDROM_DRIVE_STATUS).
type Status int

// The values are those of CDS_* in linux/cdrom.h. StatusDiscOK comes before
// the disc can be read: Look knows how to wait.
const (
	StatusNoInfo Status = iota
	StatusNoDisc
	StatusTrayOpen
	StatusNotReady
	StatusDiscOK
)

func (s Status) String() string {
	names := []string{"no information", "no disc", "tray open", "not ready", "disc present"}
	if s < 0 || int(s) >= len(names) {
		return "status " + strconv.Itoa(int(s))
	}
	return names[s]
}

// ErrInUse says that a disc can't be given back yet: it is mounted, or a
// program has the drive open.
var ErrInUse = errors.New("the drive is in use")

// EjectError is a tray that didn't open although nothing seems to use it.
type EjectError struct {
	Path   string
	Result int    // of CDROMEJECT: above 0 the drive's own refusal (2: SCSI CHECK CONDITION)
	Status Status // afterwards; StatusNoDisc can be a drive without a tray that let go of its disc
}

func (e *EjectError) Error() string {
	return fmt.Sprintf("eject %s: the tray did not open (result %d, the drive says: %s); open it by hand", e.Path, e.Result, e.Status)
}

// Drive is an open optical drive. Opening it reads nothing and moves
// nothing (O_NONBLOCK), but while it is open nobody else can eject.
type Drive struct{ f *os.File }

// OpenDrive opens the drive at path.
func OpenDrive(path string) (*Drive, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open drive: %w", err)
	}
	return &Drive{f}, nil
}

// Close closes d.
func (d *Drive) Close() error { return d.f.Close() }

// Status asks the drive how it is. A path that isn't an optical drive gives unix.ENOTTY
// or another error of ioctl(2).
func (d *Drive) Status() (Status, error) {
	n, err := d.ioctl("ask for the status", cdromDriveStatus, cdslCurrent)
	return Status(n), err
}

// Lock keeps the tray's button from working.
func (d *Drive) Lock() error {
	_, err := d.ioctl("lock", cdromLockDoor, 1)
	return err
}

// Unlock takes Lock back.
func (d *Drive) Unlock() error {
	_, err := d.ioctl("unlock", cdromLockDoor, 0)
	return err
}

func (d *Drive) ioctl(what string, request, arg uintptr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, d.f.Fd(), request, arg)
	if errno != 0 {
		return 0, fmt.Errorf("%s of %s: %w", what, d.f.Name(), errno)
	}
	return int(n), nil
}

// Eject opens the tray of the drive at path. Only nil says that it is open. A
// disc that is mounted or open gives ErrInUse, and its tray is not touched: CDROMEJECT
// would answer "done" for it and do nothing. A tray that stays shut for
// another reason gives an *EjectError.
func Eject(path string) error {
	d, err := OpenDrive(path)
	if err != nil {
		return fmt.Errorf("eject: %w", err)
	}
	defer d.Close()
	if s, err := d.Status(); err != nil {
		return fmt.Errorf("eject: %w", err)
	} else if s == StatusTrayOpen {
		return nil
	}
	if err := probeUnused(path); err != nil {
		return err
	}
	if err := d.Unlock(); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("eject: %w", err)
	}
	n, err := d.ioctl("eject", cdromEject, 0)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("eject %s: %w", path, ErrInUse)
	}
	if err != nil {
		return err
	}
	return d.confirmOpen(n)
}

// probeUnused opens path exclusively, which fails as long as it is mounted.
func probeUnused(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_EXCL, 0)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("eject %s: %w", path, ErrInUse)
	}
	if err != nil {
		return fmt.Errorf("eject: %w", err)
	}
	return f.Close()
}

// confirmOpen waits a little for a slow tray.
func (d *Drive) confirmOpen(result int) error {
	const patience, step = 5 * time.Second, 100 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	status := StatusNoInfo
	for left := patience; ; left -= step {
		s, err := d.Status()
		if err == nil && s == StatusTrayOpen && result == 0 {
			return nil
		}
		status = s
		if result != 0 || left <= 0 {
			return &EjectError{Path: d.f.Name(), Result: result, Status: status}
		}
		<-tick.C
	}
}

// Drives are the optical drives of the machine whose root directory is root
// ("/"), as "/dev/sr0", in the order of their numbers.
func Drives(root string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(root, "sys/block/sr*"))
	if err != nil {
		return nil, fmt.Errorf("list optical drives: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "sys/block")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list optical drives: %w", err)
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = "/dev/" + filepath.Base(name)
	}
	return names, nil
}

package loopctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Attach binds f to a free loop device. It takes LOOP_CONFIGURE where the kernel
// has it (Linux 5.8) and LOOP_SET_FD with LOOP_SET_STATUS64 where not. Two races with
// others who attach at the same time (EBUSY when binding, ENXIO when opening a device that
// is going away) are retried until ctx ends. f can be closed afterwards.
func Attach(ctx context.Context, f *os.File, c Config) (*Device, error) {
	file, done, err := backingFor(f, c)
	if err != nil {
		return nil, &Error{Op: "attach", File: f.Name(), Kind: ErrBadBacking, Err: err}
	}
	defer done()
	if c.Name == "" {
		c.Name = filepath.Base(f.Name())
	}
	if ctx.Err() != nil {
		return nil, &Error{Op: "attach", File: f.Name(), Err: context.Cause(ctx)}
	}
	bind := bindBest()
	for wait := newBackoff(); ; {
		d, err := attachWith(bind, file, c)
		if err == nil {
			return d, nil
		}
		if !lostRace(err) {
			return nil, &Error{Op: "attach", File: f.Name(), Kind: kindOf(err), Err: causeOf(err)}
		}
		if cerr := wait.next(ctx); cerr != nil {
			return nil, &Error{Op: "attach", File: f.Name(), Kind: ErrBusy, Err: errors.Join(err, cerr)}
		}
	}
}

// backingFor checks that f can back a device with c. For a read-only one it is
// a descriptor without write access: a device that holds a writable one keeps the
// file system below from being remounted read-only.
func backingFor(f *os.File, c Config) (file *os.File, done func(), err error) {
	mode, err := accessMode(f)
	if err != nil {
		return nil, nil, err
	}
	if !c.ReadOnly && mode != unix.O_RDWR {
		return nil, nil, errors.New("open it for reading and writing, or attach it read-only")
	}
	if c.ReadOnly {
		file, done = readOnlyHandle(f)
		return file, done, nil
	}
	return f, func() {}, nil
}

// binder binds a device, both given by their descriptors.
type binder func(dev, file int, c Config) error

func attachWith(bind binder, file *os.File, c Config) (*Device, error) {
	number, err := freeNumber()
	if err != nil {
		return nil, err
	}
	path := fmt.Sprintf("/dev/loop%d", number)
	dev, err := bind.open(path, file, c)
	if err != nil {
		return nil, err
	}
	return &Device{f: dev, number: number, path: path}, nil
}

// freeNumber is that of an unbound device. Somebody else may get it as well.
func freeNumber() (int, error) {
	ctl, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w (load the module loop): %w", ErrUnsupported, err)
	}
	if err != nil {
		return 0, err
	}
	defer ctl.Close()
	n, err := unix.IoctlRetInt(int(ctl.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return 0, fmt.Errorf("get a free loop device: %w", err)
	}
	return n, nil
}

// open binds the device at path and returns it open read-only. The kernel makes a
// device read-only that is bound through a descriptor without write access.
func (bind binder) open(path string, file *os.File, c Config) (*os.File, error) {
	dev, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if c.ReadOnly {
		return dev, bind.do(dev, file, c)
	}
	// Closed again at once: a writer keeps a device from being mounted where
	// CONFIG_BLK_DEV_WRITE_MOUNTED is off.
	rw, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		dev.Close()
		return nil, err
	}
	if err := bind.do(rw, file, c); err != nil {
		dev.Close()
		return nil, err
	}
	rw.Close()
	return dev, nil
}

// do binds dev, and closes it when that fails.
func (bind binder) do(dev, file *os.File, c Config) error {
	err := bind(int(dev.Fd()), int(file.Fd()), c)
	runtime.KeepAlive(file)
	if err != nil {
		err = fmt.Errorf("bind %s: %w", dev.Name(), err)
		dev.Close()
	}
	return err
}

// bindBest finds out at its first use whether the kernel has LOOP_CONFIGURE, and
// binds that way or the old one from then on.
func bindBest() binder {
	var way binder
	return func(dev, file int, c Config) error {
		if way == nil {
			way = bindLegacy
			if hasConfigure(dev) {
				way = bindConfigure
			}
		}
		return way(dev, file, c)
	}
}

// hasConfigure asks for LOOP_CONFIGURE with a bad descriptor, which a kernel that knows
// the ioctl notices first. EINVAL to a real one could mean anything.
func hasConfigure(dev int) bool {
	err := unix.IoctlLoopConfigure(dev, &unix.LoopConfig{Fd: ^uint32(0)})
	return errors.Is(err, unix.EBADF)
}

func bindConfigure(dev, file int, c Config) error {
	return unix.IoctlLoopConfigure(dev, &unix.LoopConfig{Fd: uint32(file), Size: c.BlockSize, Info: c.status()})
}

// bindLegacy is for kernels before 5.8: in steps, the device being visible half-made.
func bindLegacy(dev, file int, c Config) error {
	if err := unix.IoctlSetInt(dev, unix.LOOP_SET_FD, file); err != nil {
		return err
	}
	if err := configureLegacy(dev, c); err != nil {
		clearErr := unix.IoctlSetInt(dev, unix.LOOP_CLR_FD, 0)
		return errors.Join(err, clearErr)
	}
	return nil
}

func configureLegacy(dev int, c Config) error {
	if c.BlockSize != 0 {
		if err := unix.IoctlSetInt(dev, unix.LOOP_SET_BLOCK_SIZE, int(c.BlockSize)); err != nil {
			return err
		}
	}
	status := c.status()
	if err := setStatus(dev, &status); err != nil {
		return err
	}
	if c.DirectIO {
		// As LOOP_CONFIGURE has it: asked for, not granted.
		_ = unix.IoctlSetInt(dev, unix.LOOP_SET_DIRECT_IO, 1)
	}
	return nil
}

// setStatus retries the EAGAIN of kernels 4.x and 5.x that couldn't drop the
// device's page cache yet.
func setStatus(dev int, status *unix.LoopInfo64) error {
	const tries = 64
	err := error(unix.EAGAIN)
	for range tries {
		if err = unix.IoctlLoopSetStatus64(dev, status); !errors.Is(err, unix.EAGAIN) {
			return err
		}
		runtime.Gosched()
	}
	return err
}

// status is c as the kernel takes it, include/uapi/linux/loop.h.
func (c Config) status() unix.LoopInfo64 {
	s := unix.LoopInfo64{Offset: c.Offset, Sizelimit: c.SizeLimit}
	putName(&s, c.Name)
	for _, f := range []struct {
		on   bool
		flag uint32
	}{
		{c.ReadOnly, unix.LO_FLAGS_READ_ONLY},
		{c.Autoclear, unix.LO_FLAGS_AUTOCLEAR},
		{c.PartScan, unix.LO_FLAGS_PARTSCAN},
		{c.DirectIO, unix.LO_FLAGS_DIRECT_IO},
	} {
		if f.on {
			s.Flags |= f.flag
		}
	}
	return s
}

// putName leaves the last byte zero.
func putName(s *unix.LoopInfo64, name string) {
	clear(s.File_name[:])
	copy(s.File_name[:len(s.File_name)-1], name)
}

// lostRace says that somebody else was faster: the free device was bound
// (EBUSY), or what was free is still being cleared (ENXIO).
func lostRace(err error) bool {
	return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EAGAIN)
}

// backoff waits longer each time, by chance differently from others who lost the same race.
type backoff struct{ limit time.Duration }

func newBackoff() *backoff { return &backoff{limit: time.Millisecond} }

func (b *backoff) next(ctx context.Context) error {
	const most = 50 * time.Millisecond
	t := time.NewTimer(rand.N(b.limit) + b.limit/2)
	defer t.Stop()
	b.limit = min(2*b.limit, most)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

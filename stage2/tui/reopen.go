package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settle is the least time between two openings of a terminal, and how often one
// is tried that is there and can't be opened: nothing tells when that ends.
const settle = time.Second

// console is the terminal the program was started on. It outlives a hang-up.
type console struct {
	Terminal
	path string // empty: can't be opened again
}

// consoleOn finds out which device in is. A pseudo terminal that hung up is gone,
// and another one can have its name by then.
func consoleOn(t Terminal) console {
	c := console{Terminal: t}
	f, ok := t.In.(*os.File)
	if !ok {
		return c
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err == nil && strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/dev/pts/") {
		c.path = path
	}
	return c
}

// again opens the terminal that hung up, when that can be done, as the files it
// was before: whoever else has them has the terminal back too. It becomes the controlling
// terminal of a session that has none, as after a hang-up, so that SIGWINCH comes.
func (c console) again(ctx context.Context, size Size) error {
	changes, err := watch(ctx, filepath.Dir(c.path))
	if err != nil {
		return err
	}
	defer changes.Close()
	for {
		err := c.open(size)
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			if err := pause(ctx, settle); err != nil {
				return err
			}
			continue
		}
		if err := changes.wait(); err != nil {
			return err
		}
	}
}

func (c console) open(size Size) error {
	// Without O_NONBLOCK it would wait for the carrier of a modem.
	fd, err := unix.Open(c.path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: c.path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return fmt.Errorf("%s is no terminal: %w", c.path, err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return fmt.Errorf("make reading from %s wait: %w", c.path, err)
	}
	for _, file := range []any{c.In, c.Out} {
		f, ok := file.(*os.File)
		if !ok {
			continue
		}
		flags := unix.O_CLOEXEC
		if f.Fd() <= 2 {
			flags = 0 // programs that are started inherit those
		}
		if err := unix.Dup3(fd, int(f.Fd()), flags); err != nil {
			return fmt.Errorf("put %s in the place of the terminal that hung up: %w", c.path, err)
		}
	}
	return giveSize(c.Out, size)
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// names tells when a name appears in a directory, inotify(7).
type names struct {
	file *os.File
	stop func() bool
}

// watch begins to look at a directory, until ctx ends.
func watch(ctx context.Context, dir string) (*names, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch %s for a terminal that comes back: %w", dir, err)
	}
	f := os.NewFile(uintptr(fd), "inotify of "+dir)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ATTRIB); err != nil {
		f.Close()
		return nil, fmt.Errorf("watch %s for a terminal that comes back: %w", dir, err)
	}
	return &names{f, context.AfterFunc(ctx, func() { f.Close() })}, nil
}

// wait returns when something has appeared since the last time.
func (n *names) wait() error {
	var buf [4096]byte
	_, err := n.file.Read(buf[:])
	return err
}

func (n *names) Close() error {
	n.stop()
	return n.file.Close()
}

// letGo makes a tty that has been stopped, with Ctrl-S or Scroll Lock, take
// output again, and drops what it hasn't shown. To stop it once more is what makes the
// kernel forget who did, n_tty_ioctl_helper in drivers/tty/tty_ioctl.c.
func letGo(f *os.File) {
	fd := int(f.Fd())
	_ = unix.IoctlSetInt(fd, unix.TCXONC, unix.TCOOFF)
	_ = unix.IoctlSetInt(fd, unix.TCXONC, unix.TCOON)
	_ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH)
}

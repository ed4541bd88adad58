// Package uevent listens to what the kernel says about devices that come, go
// and change: the uevents of lib/kobject_uevent.c, by netlink. It is no udev:
// device nodes are devtmpfs's, and nothing is named or configured.
package uevent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Event is one message of the kernel.
type Event struct {
	Action string            // "add", "remove", "change", "bind", …
	Path   string            // below /sys: "/devices/pci0000:00/…"
	Env    map[string]string // SUBSYSTEM, MODALIAS, DEVNAME, DISK_MEDIA_CHANGE, …
}

// Parse reads a message: "add@/devices/…", then KEY=VALUE, each ended by a NUL.
// It reports false for anything else, such as the messages udev sends.
func Parse(msg []byte) (Event, bool) {
	fields := strings.Split(string(msg), "\x00")
	action, path, ok := strings.Cut(fields[0], "@")
	if !ok || action == "" || !strings.HasPrefix(path, "/") {
		return Event{}, false
	}
	e := Event{Action: action, Path: path, Env: map[string]string{}}
	for _, f := range fields[1:] {
		if key, value, ok := strings.Cut(f, "="); ok {
			e.Env[key] = value
		}
	}
	return e, true
}

// Listen opens a socket that gets a message to read whenever the kernel tells of
// a device. A reader that is too slow for them gets unix.ENOBUFS once for all that
// were lost. It needs no privileges.
func Listen() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket for uevents: %w", err)
	}
	// A burst of devices must fit. The larger size needs CAP_NET_ADMIN; without
	// it the default has to do.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	const fromKernel = 1 // udev sends its own to group 2
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: fromKernel}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen to uevents: %w", err)
	}
	return os.NewFile(uintptr(fd), "uevents"), nil
}

// Conn receives events from the moment it is opened.
type Conn struct{ f *os.File }

// Open starts listening.
func Open() (*Conn, error) {
	f, err := Listen()
	if err != nil {
		return nil, err
	}
	return &Conn{f}, nil
}

// Close ends a Run.
func (c *Conn) Close() error { return c.f.Close() }

// Run calls each for every event until ctx ends or c is closed. An event can be
// lost when each is slow; lost is then called, and everything should be looked
// at anew.
func (c *Conn) Run(ctx context.Context, each func(Event), lost func()) error {
	stop := context.AfterFunc(ctx, func() { c.f.Close() })
	defer stop()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.f.Read(buf)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			lost()
		case ctx.Err() != nil || errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("receive uevents: %w", err)
		default:
			if e, ok := Parse(buf[:n]); ok {
				each(e)
			}
		}
	}
}

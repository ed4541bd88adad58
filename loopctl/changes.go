package loopctl

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// changes tells when a file comes or is finished: inotify(7) of its directory.
type changes struct {
	f     *os.File
	dir   uint32 // the watch of the directory
	name  string
	path  string
	ended func() bool
}

func newChanges(ctx context.Context, path string) (*changes, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	c := &changes{f: os.NewFile(uintptr(fd), "inotify"), name: filepath.Base(path), path: path}
	const events = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_DELETE | unix.IN_MOVED_FROM |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	dir := filepath.Dir(path)
	wd, err := unix.InotifyAddWatch(fd, dir, events)
	if err != nil {
		c.f.Close()
		return nil, &os.PathError{Op: "watch the directory", Path: dir, Err: err}
	}
	c.dir = uint32(wd)
	c.ended = context.AfterFunc(ctx, func() { c.f.SetReadDeadline(time.Unix(1, 0)) })
	return c, nil
}

func (c *changes) close() {
	c.ended()
	c.f.Close()
}

// wait waits for a change of the file, or until it is time to try again (0: never). It
// gives an error when the directory is gone.
func (c *changes) wait(ctx context.Context, again time.Duration) error {
	c.follow()
	deadline := time.Time{}
	if again > 0 {
		deadline = time.Now().Add(again)
	}
	if err := c.f.SetReadDeadline(deadline); err != nil {
		return err
	}
	if ctx.Err() != nil { // before the deadline was set
		return nil
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := c.f.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("inotify: %w", err)
		}
		if ours, err := c.concerns(buf[:n]); ours || err != nil {
			return err
		}
	}
}

// follow looks at the file as well: it may be a symbolic link, or have another name
// by which it is written.
func (c *changes) follow() {
	conn, err := c.f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		// An error means that it isn't there, which the directory will tell.
		_, _ = unix.InotifyAddWatch(int(fd), c.path, unix.IN_CLOSE_WRITE|unix.IN_ATTRIB)
	})
}

// concerns takes struct inotify_event of include/uapi/linux/inotify.h apart.
func (c *changes) concerns(b []byte) (ours bool, err error) {
	for len(b) >= unix.SizeofInotifyEvent {
		wd, mask, n := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
		end := min(unix.SizeofInotifyEvent+int(n), len(b))
		name := unix.ByteSliceToString(b[unix.SizeofInotifyEvent:end])
		b = b[end:]
		switch {
		case wd == c.dir && mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT|unix.IN_IGNORED) != 0:
			return true, fmt.Errorf("the directory of %s is gone: %w", c.path, os.ErrNotExist)
		case wd != c.dir || name == c.name || mask&unix.IN_Q_OVERFLOW != 0:
			ours = true
		}
	}
	return ours, nil
}

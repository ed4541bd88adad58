package blockfs

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

// Reader is what is served.
type Reader interface {
	// ReadAt reads all of p, or what is left with io.EOF. It is called from many goroutines,
	// should end with ctx, and must not keep p.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	// Size in bytes never changes.
	Size() int64
}

// Config is what to serve, and how.
type Config struct {
	Reader    Reader
	Name      string // of the file; default "image"
	ReadAhead int    // bytes the kernel reads ahead of a sequential reader; default 1 MiB

	// Watched has the kernel tell of every open and close, so that Server.Unused can. A
	// stopped server then hangs those that open the file as well.
	Watched bool

	// Failed gets every read that is answered with EIO, since the kernel can pass no
	// reason on. It is called from many goroutines.
	Failed func(off int64, n int, err error)
}

const (
	maxRead       = 1 << 20 // bytes; the kernel's own limit (fs/fuse: 256 pages)
	maxBackground = 256     // requests ahead of which nobody waits: a loop device's queue of 128, and read-ahead
)

// ErrBusy: somebody has the file open, or a loop device serves from it.
var ErrBusy = errors.New("the served file is in use")

// Server serves one file.
type Server struct {
	dir  string
	file string
	fuse *fuse.Server
	tree *tree
	done chan struct{} // closed when nothing is served any more
}

// Mount serves at dir, an empty directory, until Close. ctx is for Mount alone.
func Mount(ctx context.Context, dir string, c Config) (*Server, error) {
	if c.Name == "" {
		c.Name = "image"
	}
	if c.ReadAhead <= 0 {
		c.ReadAhead = maxRead
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("mount a file server: %w", err)
	}
	if strings.ContainsRune(c.Name, '/') {
		return nil, fmt.Errorf("serve at %s: %q can't be the name of a file", dir, c.Name)
	}
	s := &Server{dir: dir, file: filepath.Join(dir, c.Name), done: make(chan struct{})}
	if err := s.start(c); err != nil {
		return nil, fmt.Errorf("serve at %s: %w", dir, err)
	}
	if err := s.settle(ctx, c.ReadAhead); err != nil {
		return nil, errors.Join(fmt.Errorf("serve at %s: %w", dir, err), s.Abort())
	}
	s.tree.users.begin()
	return s, nil
}

// start mounts and begins to serve.
func (s *Server) start(c Config) error {
	fd, err := mount(s.dir)
	if err != nil {
		return err
	}
	s.tree = newTree(c)
	// With a /dev/fd name the library takes the connection as it is.
	s.fuse, err = fuse.NewServer(s.tree, fmt.Sprintf("/dev/fd/%d", fd), &fuse.MountOptions{
		MaxBackground: maxBackground, MaxWrite: maxRead, DisableXAttrs: true, DisableReadDirPlus: true,
		ExtraCapabilities: fuse.CAP_ASYNC_DIO, // or a loop device in direct mode has one request under way at a time
		Logger:            log.New(unsaid{}, "", 0),
	})
	if err != nil {
		return errors.Join(err, unix.Unmount(s.dir, unix.MNT_DETACH))
	}
	go func() {
		defer close(s.done)
		s.fuse.Serve()
	}()
	return nil
}

// unsaid swallows what the library would print: replies to readers that are gone.
type unsaid struct{}

func (unsaid) Write(p []byte) (int, error) { return len(p), nil }

// mount is mount(2) on a connection of our own. The library's direct mount leaves the
// descriptor open across exec: a child that outlives the server would keep the dead
// connection, and everybody who reads from it, waiting for ever.
func mount(dir string) (int, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/fuse: %w; is the kernel's module fuse there?", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,max_read=%d", fd, maxRead)
	flags := uintptr(unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("blockfs", dir, "fuse.blockfs", flags, options); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("mount: %w", err)
	}
	return fd, nil
}

// settle asks once for what the kernel is to learn it needn't ask for: open, flush, fsync
// and poll. (The runtime polls every file it opens, which on a file of one's own could
// wait for the very thread that would answer.) It sets the read-ahead too.
func (s *Server) settle(ctx context.Context, readAhead int) error {
	ended := make(chan error, 1)
	go func() { ended <- s.touch(readAhead) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Server) touch(readAhead int) error {
	fd, err := unix.Open(s.file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open what was mounted: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Fsync(fd); err != nil {
		return fmt.Errorf("sync what was mounted: %w", err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); err != nil {
		return fmt.Errorf("poll what was mounted: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("look at what was mounted: %w", err)
	}
	// Best effort: without sysfs the kernel's 128 KiB stay.
	bdi := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
	_ = os.WriteFile(bdi, fmt.Appendf(nil, "%d", readAhead>>10), 0)
	return nil
}

// Path is the file that is served.
func (s *Server) Path() string { return s.file }

// Unused returns when nobody has the file open any more, neither a process nor a loop
// device, or with the cause of ctx. Whoever wants to know when a user is gone calls it
// after that user has come. It needs Config.Watched.
func (s *Server) Unused(ctx context.Context) error {
	if !s.tree.config.Watched {
		return fmt.Errorf("wait for the last user of %s: it isn't watched", s.file)
	}
	select {
	case <-s.tree.users.none():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Wait returns when the file is no longer served: after Close or Abort, or an umount by
// somebody else.
func (s *Server) Wait() { <-s.done }

// ended waits for the end of the serving after an unmount, which comes at once unless
// another mount namespace has a copy of the mount.
func (s *Server) ended() error {
	timer := time.NewTimer(lingering)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("unmounted %s: %w by way of another mount namespace", s.dir, ErrBusy)
	}
}

const lingering = 2 * time.Second

// Close unmounts and waits for the end of the serving. While the file is in use the error
// is ErrBusy, says who uses it, and the file goes on being served.
func (s *Server) Close() error {
	err := unix.Unmount(s.dir, unix.UMOUNT_NOFOLLOW)
	switch {
	case err == unix.EBUSY:
		return s.busy()
	case err == unix.EINVAL: // unmounted already, perhaps by somebody else
	case err != nil:
		return fmt.Errorf("unmount %s: %w", s.dir, err)
	}
	return s.ended()
}

// busy names those who use the file.
func (s *Server) busy() error {
	err := fmt.Errorf("unmount %s: %w", s.dir, ErrBusy)
	holders, herr := loopctl.Holders(context.Background(), s.dir)
	var names []string
	for _, h := range holders {
		names = append(names, h.String())
	}
	switch {
	case herr != nil:
		return errors.Join(err, herr)
	case len(names) == 0:
		return fmt.Errorf("%w by somebody who can't be found; try again in a moment", err)
	}
	return fmt.Errorf("%w by %s", err, strings.Join(names, ", "))
}

// Abort ends the serving at once: reads under way and to come fail, and the mount
// goes when the last user does.
func (s *Server) Abort() error {
	err := unix.Unmount(s.dir, unix.MNT_FORCE|unix.MNT_DETACH)
	if err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("abort the mount %s: %w", s.dir, err)
	}
	return s.ended()
}

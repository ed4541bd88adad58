package stage1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molt-installer/molt/loopctl/blockfs"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/media/verity"
	"github.com/molt-installer/molt/stage1/stream"
)

// streamed is the image of stage 2 as a file that is read from servers.
type streamed struct {
	image   *stream.Image
	server  *blockfs.Server
	mirrors []mirror
	lost    atomic.Pointer[error] // why some of it couldn't be read
	left    sync.Once
}

// serve shows the image as a file that is read from the servers block by block.
func (s *session) serve(ctx context.Context, sources []failover.Source, good []mirror) error {
	i := &streamed{mirrors: good}
	var err error
	i.image, err = stream.Open(ctx, sources, *s.build.Verity, stream.Options{
		Deadline: serverPatience, Parallel: parallel(good),
		Tell:     func(e failover.Event) { s.say("The image of stage 2: %s", inWords(e)) },
		Patience: serversBack, Waiting: func(err error) {
			s.say("The image of stage 2: %v; trying again for %v", err, serversBack)
		},
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dirs.stream, 0o755); err != nil {
		return errors.Join(err, i.image.Close())
	}
	i.server, err = blockfs.Mount(ctx, s.dirs.stream, blockfs.Config{
		Reader: i.image, Name: filepath.Base(s.build.Stage2.Path), Watched: true,
		Failed: func(off int64, n int, err error) {
			i.lost.Store(&err)
			s.note("stage 2's image: %d bytes at %d: %v", n, off, err)
		},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("serve the image of stage 2: %w", err), i.image.Close())
	}
	s.current.image, s.current.streamed = i.server.Path(), i
	s.current.stream = func() error { return errors.Join(i.server.Close(), s.leave(i)) }
	s.say("The image of stage 2 is read from %s as it is needed", names(good))
	return nil
}

// leave ends what is had of the servers. What isn't read yet can't be any more.
func (s *session) leave(i *streamed) (err error) {
	i.left.Do(func() {
		s.note("stage 2's image: %+v", i.image.Stats())
		closeMirrors(i.mirrors)
		err = i.image.Close()
	})
	return err
}

// leaveUnread leaves the servers alone as soon as nobody has the image from them open:
// when the loop device has moved to stage 2's copy, and stage 2 has let go of the way
// back. It is for when the loop device has the image; call the result to end it.
func (s *session) leaveUnread(ctx context.Context) (stop func()) {
	i := s.current.streamed
	if i == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if i.server.Unused(ctx) != nil {
			return
		}
		s.note("stage 2 has an image of its own; the servers of this one are left alone")
		if err := s.leave(i); err != nil {
			s.note("stage 2's image: %v", err)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// serversBack is how long an image that is in use waits for its servers: as long as
// it takes to restart one.
const serversBack = 5 * time.Minute

// inWords is a server's going down or coming back. One that sent damaged blocks, or had
// another file meanwhile, has answered all the time.
func inWords(e failover.Event) string {
	switch {
	case !e.Up:
		return e.Source + ": " + oneReason(e.Err)
	case errors.Is(e.Err, verity.ErrCorrupt), errors.Is(e.Err, failover.ErrChanged), errors.Is(e.Err, fetch.ErrChanged):
		return e.Source + " is asked again: what it sent last was right"
	}
	return e.Source + " answers again"
}

// parallel is how many parts a server is asked for at a time: FTP has a
// connection for each.
func parallel(good []mirror) int {
	for _, m := range good {
		if m.source.Scheme == "ftp" {
			return 1
		}
	}
	return 4
}

func names(good []mirror) string {
	var list []string
	for _, m := range good {
		list = append(list, m.source.Redacted())
	}
	return strings.Join(list, ", ")
}

// closeStream ends what serves the image.
func (s *session) closeStream() error {
	if s.current.stream == nil {
		return nil
	}
	err := s.current.stream()
	s.current.stream = nil
	if err != nil {
		return fmt.Errorf("end the image's way from the servers: %w", err)
	}
	return nil
}

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// How a stream goes on after a cut.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
	maxResumes = 100 // in one stream
	maxEmpty   = 3   // in a row that brought no byte: the file ends there
)

// stream is a Stream of a remote file.
type stream struct {
	f    *remote
	ctx  context.Context
	end  context.CancelCauseFunc
	mu   sync.Mutex
	a    *answer
	pos  int64
	err  error // stays
	stop func() bool

	cut     time.Time // when it was cut, until a byte comes
	resumes int
	empty   int
}

// Stream opens no connection when it can go on with the one of Open.
func (f *remote) Stream(ctx context.Context, off int64) (io.ReadCloser, error) {
	a, err := f.streamAt(ctx, off)
	if err != nil {
		return nil, f.server.fail("read", f.name, err)
	}
	s := &stream{f: f, pos: off}
	s.ctx, s.end = context.WithCancelCause(ctx)
	s.adopt(a)
	return s, nil
}

func (f *remote) streamAt(ctx context.Context, off int64) (*answer, error) {
	if off < 0 {
		return nil, &fault{ErrPath, fmt.Errorf("offset %d", off)}
	}
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	f.mu.Lock()
	a := f.kept
	if a != nil && a.pos == off && a.err == nil {
		f.kept = nil
		f.mu.Unlock()
		return a, nil
	}
	f.mu.Unlock()
	if f.size >= 0 && off >= f.size { // servers answer such a range each in its own way
		w := newWatch(f.ctx, f.server.opts.Stall)
		w.rest()
		return &answer{part: &part{body: io.NopCloser(eof{})}, w: w, pos: off}, nil
	}
	return f.again(ctx, off, -1, f.server.opts.Stall)
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

func (s *stream) adopt(a *answer) {
	s.a, s.stop = a, a.w.follow(s.ctx)
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && len(p) > 0 {
		n, err := s.next(p)
		if n > 0 {
			s.pos += int64(n)
			s.cut, s.empty = time.Time{}, 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if err != io.EOF {
			err = s.resume(err)
		}
		s.err = s.finish(err)
	}
	return 0, s.err
}

// next reads, from the part that is open, what stands at s.pos.
func (s *stream) next(p []byte) (int, error) {
	if behind := s.pos - s.a.pos; behind > 0 { // a server without ranges began anew
		_, err := s.a.read(p[:min(int64(len(p)), behind)])
		return 0, err
	}
	n, err := s.a.read(p)
	if err == io.EOF && s.a.pos < s.f.size {
		err = &fault{ErrTruncated, fmt.Errorf("after %d of %d bytes", s.a.pos, s.f.size)}
	}
	return n, err
}

func (s *stream) finish(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return s.f.server.fail("read", s.f.name, err)
}

// resume opens the file again where it was cut. It gives up with the last
// error there was.
func (s *stream) resume(err error) error {
	s.drop()
	if s.cut.IsZero() {
		s.cut = time.Now()
	}
	stall := s.f.server.opts.Stall
	for pause := firstPause; resumable(err); pause = min(2*pause, lastPause) {
		left := stall - time.Since(s.cut) - pause
		if s.resumes++; s.resumes > maxResumes || s.empty >= maxEmpty || left <= 0 {
			return err
		}
		if stopped := s.wait(pause); stopped != nil {
			return stopped
		}
		var a *answer
		before := err
		if a, err = s.f.again(s.ctx, s.pos, -1, left); err == nil {
			s.empty++
			s.adopt(a)
			s.f.server.opts.Tell(Event{s.f.String(), fmt.Sprintf("resumed at %d after: %v", s.pos, before)})
			return nil
		}
		if reason, _ := explain(err, time.Now); reason == ErrTimeout && s.ctx.Err() == nil {
			return before // what there was less and less patience for
		}
	}
	return err
}

func (s *stream) wait(pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	case <-s.f.ctx.Done():
		return context.Cause(s.f.ctx)
	}
}

// resumable reports whether err is that of a server that may be back soon.
func resumable(err error) bool {
	reason, _ := explain(err, time.Now)
	return reason == ErrCut || reason == ErrTruncated || reason == ErrRefused || reason == ErrNoRoute
}

func (s *stream) drop() {
	if s.stop != nil {
		s.stop()
		s.a.close()
		s.stop = nil
	}
}

// Close ends a Read that is under way, too.
func (s *stream) Close() error {
	s.end(&fault{ErrClosed, errors.New("the stream was closed")})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	if s.err == nil || s.err == io.EOF {
		s.err = s.finish(&fault{ErrClosed, errors.New("the stream was closed")})
	}
	return nil
}

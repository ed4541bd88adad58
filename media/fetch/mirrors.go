package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mirrors is a tree that several servers have. What the one can't give comes
// from the next, also in the middle of a file; when none can, they are asked
// again, with growing pauses, until nothing has come for a while.
type Mirrors struct {
	trees    []Tree
	patience time.Duration
	tell     func(string)

	mu    sync.Mutex
	first int // the one to ask first
}

// NewMirrors makes one tree of several with the same files. patience is how long
// to go on when none answers. tell, if not nil, hears of each change of server. The trees
// are closed with it.
func NewMirrors(trees []Tree, patience time.Duration, tell func(string)) *Mirrors {
	if tell == nil {
		tell = func(string) {}
	}
	return &Mirrors{trees: trees, patience: patience, tell: tell}
}

// String implements Tree.
func (m *Mirrors) String() string {
	var names []string
	for _, t := range m.trees {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}

// Close implements Tree.
func (m *Mirrors) Close() error {
	var errs []error
	for _, t := range m.trees {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}

// Doubt says that what came last was wrong, though it came whole. It reports
// whether there is another server to ask.
func (m *Mirrors) Doubt() bool {
	m.next(m.preferred())
	return len(m.trees) > 1
}

func (m *Mirrors) preferred() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first
}

// next gives up a server for the time being, unless somebody has already.
func (m *Mirrors) next(from int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first == from {
		m.first = (from + 1) % len(m.trees)
	}
}

// Open implements Tree.
func (m *Mirrors) Open(ctx context.Context, name string) (File, error) {
	file, _, err := m.open(ctx, name, time.Now().Add(m.patience))
	if err != nil {
		return nil, err
	}
	return &mirrored{m: m, name: name, file: file}, nil
}

// open opens a file at the first server that has it, and says which that is.
func (m *Mirrors) open(ctx context.Context, name string, until time.Time) (File, int, error) {
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		var errs []error
		for range m.trees {
			at := m.preferred()
			file, err := m.trees[at].Open(ctx, name)
			if err == nil {
				return file, at, nil
			}
			errs = append(errs, err)
			m.next(at)
		}
		err := errors.Join(errs...)
		if ctx.Err() != nil || !slices.ContainsFunc(errs, passing) || time.Now().Add(pause).After(until) {
			return nil, 0, err
		}
		m.tell(fmt.Sprintf("%v; trying again in %v", err, pause))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// passing reports whether an error may be over another time.
func passing(err error) bool {
	for _, lasting := range []error{ErrNotFound, ErrForbidden, ErrLogin, ErrTLS, ErrPath, ErrUnsupported, ErrFormat, ErrClosed, ErrCancelled} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}

// mirrored is a file that several servers have.
type mirrored struct {
	m    *Mirrors
	name string
	file File
}

func (f *mirrored) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	return f.file.ReadAt(ctx, p, off)
}
func (f *mirrored) Size(ctx context.Context) (int64, error) { return f.file.Size(ctx) }
func (f *mirrored) Ranges() bool                            { return f.file.Ranges() }
func (f *mirrored) String() string                          { return f.file.String() }
func (f *mirrored) Close() error                            { return f.file.Close() }

// Stream implements File.
func (f *mirrored) Stream(ctx context.Context, off int64) (io.ReadCloser, error) {
	s := &relay{f: f, ctx: ctx, off: off, moved: time.Now()}
	var err error
	if s.r, err = f.file.Stream(ctx, off); err != nil {
		err = s.change(err)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// relay is a stream that goes on at another server.
type relay struct {
	f     *mirrored
	ctx   context.Context
	r     io.ReadCloser
	off   int64
	moved time.Time // when the last byte came
}

func (s *relay) Read(p []byte) (int, error) {
	for {
		n, err := s.r.Read(p)
		s.off += int64(n)
		if n > 0 {
			s.moved = time.Now()
		}
		if n > 0 || err == nil || errors.Is(err, io.EOF) {
			if n > 0 && !errors.Is(err, io.EOF) {
				err = nil // it comes again with the next read
			}
			return n, err
		}
		if err := s.change(err); err != nil {
			return 0, err
		}
	}
}

// change opens the file at the next server.
func (s *relay) change(why error) error {
	if s.ctx.Err() != nil {
		return why
	}
	s.f.m.next(s.f.m.preferred())
	s.f.m.tell(fmt.Sprintf("%v: going on at byte %d", why, s.off))
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		file, at, err := s.f.m.open(s.ctx, s.f.name, s.moved.Add(s.f.m.patience))
		if err != nil {
			return errors.Join(why, err)
		}
		r, err := file.Stream(s.ctx, s.off)
		if err == nil {
			s.closeOld()
			s.r, s.f.file = r, file
			return nil
		}
		why = errors.Join(err, file.Close())
		s.f.m.next(at)
		if !passing(err) || time.Since(s.moved) > s.f.m.patience {
			return why
		}
		select {
		case <-s.ctx.Done():
			return why
		case <-time.After(pause):
		}
	}
}

func (s *relay) closeOld() {
	if s.r != nil {
		_ = s.r.Close()
	}
	_ = s.f.file.Close()
}

// Close implements io.Closer.
func (s *relay) Close() error { return s.r.Close() }

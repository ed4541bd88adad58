package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// sequence is a Stream by ReadAts, for files that need no connection.
type sequence struct {
	ctx    context.Context
	f      File
	pos    int64
	closed atomic.Bool
	fail   func(error) error
}

// newSequence starts one; fail makes an *Error.
func newSequence(ctx context.Context, f File, off int64, fail func(error) error) (io.ReadCloser, error) {
	s := &sequence{ctx: ctx, f: f, pos: off, fail: fail}
	if off < 0 {
		return nil, s.fail(&fault{ErrPath, fmt.Errorf("offset %d", off)})
	}
	if ctx.Err() != nil {
		return nil, s.fail(stopped(ctx))
	}
	return s, nil
}

func (s *sequence) Read(p []byte) (int, error) {
	if s.closed.Load() {
		return 0, s.fail(&fault{ErrClosed, errors.New("the stream was closed")})
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.f.ReadAt(s.ctx, p, s.pos)
	s.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (s *sequence) Close() error {
	s.closed.Store(true)
	return nil
}

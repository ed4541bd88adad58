package fetch

import (
	"context"
	"errors"
)

// server is what trees at servers have in common.
type server struct {
	where string
	opts  Options
	ctx   context.Context // ends with the tree
	end   context.CancelCauseFunc
}

func newServer(ctx context.Context, where string, o Options) *server {
	s := &server{where: where, opts: o}
	// The tree lives until it is closed, not until the call that opened it is over.
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return s
}

func (s *server) String() string { return s.where }

// close ends all requests. The cause tells a reader why.
func (s *server) close() { s.end(&fault{ErrClosed, errors.New("the source was closed")}) }

// fail is err as an *Error.
func (s *server) fail(op, name string, err error) error {
	reason, words := explain(err, s.opts.Now)
	return &Error{Op: op, Where: s.where, File: name, Reason: reason, Err: words}
}

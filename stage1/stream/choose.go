package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media/verity"
)

// SourceError is why a source is not used.
type SourceError struct {
	Source string
	Err    error
}

func (e *SourceError) Error() string { return e.Source + ": " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// ErrBuild is an image of another build, or a damaged one.
var ErrBuild = errors.New("is not the image of this build, or damaged")

// choose keeps the sources that are good or may yet be, and returns the tree of
// the first good one. Sources it doesn't return are closed.
func choose(ctx context.Context, sources []failover.Source, p verity.Params, limit time.Duration) ([]failover.Source, []byte, error) {
	size := p.Data() + p.TreeSize()
	errs := sizes(ctx, sources, size, limit)
	var tree []byte
	for n, s := range sources {
		if errs[n] != nil || tree != nil {
			continue
		}
		if tree, errs[n] = readTree(ctx, s, p, limit); errs[n] != nil {
			tree = nil
		}
	}
	var good, bad []failover.Source
	var why []error
	for n, s := range sources {
		if errs[n] == nil || tree != nil && !errors.Is(errs[n], ErrBuild) {
			good = append(good, s)
			continue
		}
		bad, why = append(bad, s), append(why, &SourceError{s.String(), errs[n]})
	}
	_ = closeAll(bad) // nothing was written to them
	if tree == nil {
		return nil, nil, errors.Join(why...)
	}
	return good, tree, nil
}

// sizes compares the size of every source with what it must be.
func sizes(ctx context.Context, sources []failover.Source, want int64, limit time.Duration) []error {
	errs := make([]error, len(sources))
	var all sync.WaitGroup
	for n, s := range sources {
		all.Go(func() {
			size, err := within(ctx, limit, s.Size)
			if err == nil && size != want {
				err = fmt.Errorf("%w: it has %d bytes instead of %d", ErrBuild, size, want)
			}
			errs[n] = err
		})
	}
	all.Wait()
	return errs
}

// within calls a source, which may hang for ever.
func within[T any](ctx context.Context, limit time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer for %v: %w", limit, failover.ErrTimeout))
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	c := make(chan answer, 1)
	go func() {
		v, err := call(ctx)
		c <- answer{v, err}
	}()
	select {
	case a := <-c:
		if a.err != nil && context.Cause(ctx) != nil {
			a.err = context.Cause(ctx)
		}
		return a.value, a.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

// readTree reads the hash tree of a source and checks it.
func readTree(ctx context.Context, s failover.Source, p verity.Params, limit time.Duration) ([]byte, error) {
	tree := make([]byte, 0, p.TreeSize())
	for left := p.TreeSize(); left > 0; left = p.TreeSize() - int64(len(tree)) {
		part, err := within(ctx, limit, func(ctx context.Context) ([]byte, error) {
			buf := make([]byte, min(Chunk, left))
			n, err := s.ReadAt(ctx, buf, p.Data()+int64(len(tree)))
			if n < len(buf) && (err == nil || errors.Is(err, io.EOF)) {
				err = io.ErrUnexpectedEOF
			}
			if n == len(buf) {
				err = nil
			}
			return buf[:n], err
		})
		if err != nil {
			return nil, fmt.Errorf("read the hash tree: %w", err)
		}
		tree = append(tree, part...)
	}
	if _, err := verity.New(p, tree); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBuild, err)
	}
	return tree, nil
}

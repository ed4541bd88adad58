package loopctl

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// confirm proves that the device serves the content from the new file, or goes back.
func (s *swap) confirm(ctx context.Context) error {
	now, err := s.dev.Info()
	if err != nil {
		return s.rollBack(ctx, err)
	}
	old := s.report.Old
	s.report.New = now
	if !isBacking(s.file, now) {
		return s.fail(ErrConcurrent, fmt.Errorf("it serves from %s", now.BackingFile))
	}
	if old.DiskSeq != 0 && now.DiskSeq <= old.DiskSeq {
		return s.rollBack(ctx, s.fail(nil, fmt.Errorf("its sequence number is still %d", now.DiskSeq)))
	}
	if !now.ReadOnly || now.Size != old.Size {
		return s.rollBack(ctx, s.fail(nil, fmt.Errorf("read-only is %v, size is %d, not %d", now.ReadOnly, now.Size, old.Size)))
	}
	if now.DirectIO != old.DirectIO {
		s.warn("direct I/O was %v and is %v now", old.DirectIO, now.DirectIO)
	}
	if s.options.SkipRecheck {
		return nil
	}
	start := time.Now()
	err = s.recheck(ctx)
	s.report.Check = time.Since(start)
	if err != nil {
		return s.rollBack(ctx, err)
	}
	return nil
}

// recheck reads everything back. What hangs there is left to itself.
func (s *swap) recheck(ctx context.Context) error {
	var done *trail
	_, err := patiently(ctx, s.patience(), func(ctx context.Context, p *pulse) error {
		r := *s
		r.pulse = p
		err := r.readBack(ctx)
		p.beat(func() { done = r.trail })
		return err
	}, func() {})
	if err != nil {
		return s.fail(readKind(err), fmt.Errorf("read back through the device: %w", err))
	}
	s.learn(done)
	return nil
}

// readBack checks what the device serves. Where nothing was verified before, it compares
// with the new file, which proves at least that the device serves from it.
func (s *swap) readBack(ctx context.Context) error {
	dev, err := s.dev.directReader()
	if err != nil {
		return err
	}
	defer dev.Close()
	if s.trail == nil {
		t := newTrail()
		if err := s.compare(ctx, t, dev, StageCheck); err != nil {
			return err
		}
		s.trail = t
		return t.hash(ctx, s.rest(), func(int64) {})
	}
	n := s.content().n
	if err := s.trail.check(ctx, section{dev, 0, n}, 0, s.progress(StageCheck, n)); err != nil {
		return err
	}
	return s.trail.check(ctx, s.rest(), (n+chunkSize-1)/chunkSize, func(int64) {})
}

// rollBack restores the old file. It does so even when ctx has ended.
func (s *swap) rollBack(ctx context.Context, cause error) error {
	if s.old == nil {
		return s.fail(ErrNotRestored, cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := exchange(ctx, s.dev.f, s.old, s.waiting)
	now, ierr := s.dev.Info()
	if ierr == nil && isBacking(s.old, now) {
		s.report.New = now
		return s.fail(ErrRolledBack, cause)
	}
	return s.fail(ErrNotRestored, errors.Join(cause, err, ierr))
}

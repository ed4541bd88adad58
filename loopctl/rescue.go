package loopctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Rescue switches a device whose old file can't be read any more to f. What f must
// be only o.Digest can tell, so it is required. The Report is never nil, and knows of
// the old file what sysfs does.
//
// From Linux 6.18 on the kernel asks the old file for its size, and takes a dead one to have
// none. Then the way leads through an empty file in memory, which is filled
// from f front to back, so that nobody ever reads zeros as content, and which f replaces
// when it is whole. That takes memory for the whole of f for a while, and
// reads fail meanwhile, as they did before, where it isn't filled yet.
//
// There is no way back: with an error after the switch, ErrNotRestored, the device serves
// from f or the file in memory. An old file that hangs, instead of failing, gives ErrStalled
// or ErrPending: whatever makes its requests fail has to come first.
func (d *Device) Rescue(ctx context.Context, f *os.File, o *SwitchOptions) (*Report, error) {
	s := newSwap(d, f, o)
	s.options.Verify = VerifyDigest
	return s.run(ctx, []step{s.lookDead, s.checkDead, s.sync, s.verify}, s.changeDead)
}

// lookDead takes down what can be had without asking the old file.
func (s *swap) lookDead(context.Context) error {
	info, err := system().info(sysName(s.dev.number))
	if err != nil {
		return s.fail(kindOf(err), causeOf(err))
	}
	s.report.Old, s.report.New, s.report.Bytes = info, info, int64(info.Size)
	file, done := readOnlyHandle(s.given)
	s.file, s.done = file, append(s.done, done)
	return nil
}

// checkDead is check without reading from the device.
func (s *swap) checkDead(ctx context.Context) error {
	if err := s.digestGiven(); err != nil {
		return err
	}
	old := s.report.Old
	st, err := fstat(s.file)
	if err != nil {
		return s.fail(ErrBadBacking, err)
	}
	// How much of a last sector the old file had is not known. The digest decides.
	if size, err := byteSize(st); err == nil && visible(size, old)/sectorSize == old.Size/sectorSize {
		s.oldSize = size
	}
	if err := s.suitable(); err != nil {
		return err
	}
	if err := s.partitionsFree(); err != nil {
		return err
	}
	if err := s.flowing(ctx); err != nil {
		return err
	}
	return s.survives(io.NewSectionReader(s.file, int64(old.Offset), int64(old.Size)))
}

// changeDead tries the straight way first: the server may be well again, or the kernel
// remember the size.
func (s *swap) changeDead(ctx context.Context) error {
	now, err := system().info(sysName(s.dev.number))
	if err != nil {
		return s.fail(kindOf(err), causeOf(err))
	}
	if now.DiskSeq != s.report.Old.DiskSeq || now.BackingFile != s.report.Old.BackingFile {
		return s.fail(ErrConcurrent, fmt.Errorf("it serves from %s", now.BackingFile))
	}
	err = s.exchange(ctx, s.file)
	if !errors.Is(err, ErrOldUnreadable) {
		return err
	}
	return s.byMemory(ctx)
}

// byMemory leads through an empty file. Once the device serves from that, ctx can't end
// it any more: half a file is worse than a moment.
func (s *swap) byMemory(ctx context.Context) error {
	if err := enoughMemory(s.report.Old.Size); err != nil {
		return s.fail(ErrNoMemory, err)
	}
	between, err := memoryFile("loopctl-rescue")
	if err != nil {
		return s.fail(kindOf(err), err)
	}
	defer between.Close()
	if err := s.exchange(ctx, between); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.fill(ctx, between); err != nil {
		return s.fail(ErrNotRestored, fmt.Errorf("it serves from what there is in memory of the new file: %w", err))
	}
	if err := s.exchange(ctx, s.file); err != nil {
		return s.fail(ErrNotRestored, fmt.Errorf("it serves from a copy in memory: %w", err))
	}
	return nil
}

// fill copies what counts of the new file, growing f with every chunk.
func (s *swap) fill(ctx context.Context, f *os.File) error {
	part := section{s.file, s.content().off, s.content().n + s.tail}
	tell, done := s.progress(StageCopy, part.n), int64(0)
	return inOrder(ctx, part.n, reader(part), func(data []byte) error {
		_, err := f.WriteAt(data, part.off+done)
		done += int64(len(data))
		tell(done)
		return err
	})
}

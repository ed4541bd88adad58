package loopctl

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Switch replaces the backing file by f and returns when the device provably serves
// from it. f can be closed afterwards. The Report is never nil.
//
// On an error the device serves from the old file as before, but for three cases
// that the error names: ErrPending, ErrConcurrent and ErrNotRestored.
func (d *Device) Switch(ctx context.Context, f *os.File, o *SwitchOptions) (*Report, error) {
	s := &swap{dev: d, given: f, report: &Report{}}
	if o != nil {
		s.options = *o
	}
	defer s.close()
	for _, step := range []func(context.Context) error{s.look, s.check, s.sync, s.verify, s.change} {
		if err := ctx.Err(); err != nil {
			return s.report, s.fail(nil, context.Cause(ctx))
		}
		if err := step(ctx); err != nil {
			return s.report, err
		}
	}
	if err := s.confirm(ctx); err != nil {
		return s.report, err
	}
	if err := d.SetName(filepath.Base(f.Name())); err != nil {
		s.warn("the device keeps the name of the old file: %v", err)
	}
	return s.report, nil
}

// swap is a Switch under way.
type swap struct {
	dev     *Device
	options SwitchOptions
	report  *Report
	given   *os.File
	file    *os.File // given, without write access
	old     *os.File // for the way back; nil when it can't be had
	oldSize uint64   // bytes; 0 when not known
	tail    int64    // bytes of the file behind the last whole block, which the device doesn't show
	sum     []byte   // SHA-256 of the content, once it is known
	done    []func()
}

// close doesn't wait for a file whose server is dead: that hangs in close(2) too.
func (s *swap) close() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = patient(ended, func() error {
		for _, f := range s.done {
			f()
		}
		return nil
	})
}

func (s *swap) fail(kind, err error) error {
	return &Error{Op: "switch", Dev: s.dev.path, File: s.given.Name(), Kind: kind, Err: err}
}

func (s *swap) warn(format string, args ...any) {
	s.report.Warnings = append(s.report.Warnings, fmt.Sprintf(format, args...))
}

func (s *swap) progress(stage string, total int64) func(done int64) {
	return func(done int64) {
		if s.options.Progress != nil {
			s.options.Progress(stage, done, total)
		}
	}
}

// look takes down how things are, and opens the way back.
func (s *swap) look(context.Context) error {
	info, err := s.dev.Info()
	if err != nil {
		return err
	}
	s.report.Old, s.report.New, s.report.Bytes = info, info, int64(info.Size)
	if err := s.openOld(); err != nil {
		return err
	}
	file, done := readOnlyHandle(s.given)
	s.file, s.done = file, append(s.done, done)
	return nil
}

func (s *swap) openOld() error {
	info := s.report.Old
	s.old = s.options.Old
	if s.old == nil {
		f, ok := openBacking(info)
		if !ok {
			s.warn("the old file can't be opened at %q any more: no roll-back, should a check fail", info.BackingFile)
			return nil
		}
		s.old, s.done = f, append(s.done, func() { f.Close() })
	}
	if !isBacking(s.old, info) {
		return s.fail(ErrBadBacking, errors.New("the old file given is not the one that the device serves from"))
	}
	st, err := fstat(s.old)
	if err == nil {
		s.oldSize, err = byteSize(st)
	}
	if err != nil {
		return s.fail(nil, fmt.Errorf("size of the old file: %w", err))
	}
	return nil
}

// check refuses before anything has been done.
func (s *swap) check(ctx context.Context) error {
	if n := len(s.options.Digest); s.options.Verify == VerifyDigest && n != sha256.Size {
		return s.fail(nil, fmt.Errorf("a digest of %d bytes is not a SHA-256", n))
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
	return s.survives()
}

// sync writes the new file out: the kernel would do it with the device locked. Then
// it drops the pages, so that what is verified is what has been stored.
func (s *swap) sync(ctx context.Context) error {
	s.progress(StageSync, 0)(0)
	f, err := duplicate(s.file)
	if err != nil {
		return s.fail(nil, err)
	}
	start := time.Now()
	err = patient(ctx, func() error { defer f.Close(); return f.Sync() })
	s.report.Fsync = time.Since(start)
	if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: nothing to sync there
		return s.fail(nil, fmt.Errorf("write the new file out: %w", err))
	}
	dropCache(s.file)
	return nil
}

// verify proves that the new file has the content, if asked to.
func (s *swap) verify(ctx context.Context) error {
	start := time.Now()
	defer func() { s.report.Verify = time.Since(start) }()
	h := sha256.New()
	var err error
	switch s.options.Verify {
	case VerifyNone:
		return nil
	case VerifyDigest:
		err = digest(ctx, s.content(), h, s.progress(StageVerify, s.content().n))
	default:
		err = s.compare(ctx, h, StageVerify)
	}
	if err != nil {
		return s.fail(mismatch(err), err)
	}
	s.learn(h)
	if want := s.options.Digest; s.options.Verify == VerifyDigest && string(want) != string(s.sum) {
		return s.fail(ErrContentMismatch, fmt.Errorf("its SHA-256 is %x, not %x", s.sum, want))
	}
	return nil
}

// content is the part of the new file that counts: what the device shows, and the tail.
func (s *swap) content() section {
	old := s.report.Old
	return section{s.file, int64(old.Offset), old.readable() + s.tail}
}

// compare compares the device with the new file and hashes the content.
func (s *swap) compare(ctx context.Context, h hash.Hash, stage string) error {
	dev, err := s.dev.directReader()
	if err != nil {
		return err
	}
	defer dev.Close()
	size := s.report.Old.readable()
	file := s.content()
	file.n = size
	if err := compare(ctx, section{dev, 0, size}, file, h, s.progress(stage, size)); err != nil {
		return err
	}
	return s.addTail(ctx, h)
}

// addTail hashes what of the file the device doesn't show.
func (s *swap) addTail(ctx context.Context, h hash.Hash) error {
	tail := s.content()
	tail.off, tail.n = tail.off+s.report.Old.readable(), s.tail
	return digest(ctx, tail, h, func(int64) {})
}

func (s *swap) learn(h hash.Hash) {
	s.sum = h.Sum(nil)
	s.report.SHA256 = hex.EncodeToString(s.sum)
}

// mismatch is the kind of an error of a comparison.
func mismatch(err error) error {
	var m *MismatchError
	if errors.As(err, &m) {
		return ErrContentMismatch
	}
	return nil
}

// change does it.
func (s *swap) change(ctx context.Context) error {
	now, err := s.dev.Info()
	if err != nil {
		return err
	}
	if !sameBinding(now, s.report.Old) {
		return s.fail(ErrConcurrent, fmt.Errorf("it serves from %s", now.BackingFile))
	}
	if s.options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
	}
	start := time.Now()
	note, err := exchange(ctx, s.dev.f, s.file, s.waiting)
	s.report.Ioctl = time.Since(start)
	if note != "" {
		s.warn("%s", note)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrPending):
		return s.fail(ErrPending, err)
	case errors.Is(err, errNoAnswer) && s.took():
		return nil
	case errors.Is(err, errNoAnswer):
		return s.fail(nil, errors.Join(err, context.Cause(ctx)))
	}
	return s.dev.explain("switch", s.given, err)
}

// waiting tells how many requests the kernel lets run out before it switches.
func (s *swap) waiting() {
	if n, _, err := system().traffic(sysName(s.dev.number)); err == nil {
		s.progress(StageSwitch, int64(n))(0)
	}
}

// took says that the device serves from the new file.
func (s *swap) took() bool {
	now, err := s.dev.Info()
	return err == nil && isBacking(s.file, now)
}

// sameBinding says that nothing happened to the device between two looks at it.
func sameBinding(a, b Info) bool {
	return a.BackingDev == b.BackingDev && a.BackingIno == b.BackingIno && a.DiskSeq == b.DiskSeq &&
		a.Offset == b.Offset && a.Size == b.Size
}

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

// recheck reads everything back. Where nothing was verified before, it compares with the
// new file, which proves at least that the device serves from it.
func (s *swap) recheck(ctx context.Context) error {
	h := sha256.New()
	if s.sum == nil {
		if err := s.compare(ctx, h, StageCheck); err != nil {
			return s.fail(mismatch(err), err)
		}
		s.learn(h)
		return nil
	}
	dev, err := s.dev.directReader()
	if err != nil {
		return s.fail(nil, err)
	}
	defer dev.Close()
	size := s.report.Old.readable()
	err = digest(ctx, section{dev, 0, size}, h, s.progress(StageCheck, size))
	if err == nil {
		err = s.addTail(ctx, h)
	}
	if err != nil {
		return s.fail(nil, fmt.Errorf("read back through the device: %w", err))
	}
	if got := h.Sum(nil); string(got) != string(s.sum) {
		return s.fail(ErrContentMismatch, fmt.Errorf("the device reads back as %x, not %x", got, s.sum))
	}
	return nil
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

package loopctl

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
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
	s := newSwap(d, f, o)
	return s.run(ctx, []step{s.look, s.check, s.sync, s.verify}, s.change)
}

// step is one of those before the switch. Nothing in it changes the device.
type step func(context.Context) error

// run prepares the switch, does it, and confirms it.
func (s *swap) run(ctx context.Context, steps []step, change step) (*Report, error) {
	left, err := patiently(ctx, s.patience(), func(ctx context.Context, p *pulse) error {
		s.pulse = p
		defer func() { s.pulse = nil }()
		return s.prepare(ctx, steps)
	}, s.close)
	if left { // s isn't ours any more
		info, _ := Stat(s.dev.path)
		return &Report{Old: info, New: info}, s.fail(ErrStalled, err)
	}
	defer s.close()
	if err != nil {
		return s.report, err
	}
	if err := change(ctx); err != nil {
		return s.report, err
	}
	if err := s.confirm(ctx); err != nil {
		return s.report, err
	}
	if err := s.rename(); err != nil {
		s.warn("the device keeps the name of the old file: %v", err)
	}
	return s.report, nil
}

// rename sets lo_file_name, which the kernel leaves alone.
func (s *swap) rename() error {
	if err := s.dev.SetName(filepath.Base(s.given.Name())); err != nil {
		return err
	}
	info, err := s.dev.Info()
	if err == nil {
		s.report.New.Name = info.Name
	}
	return err
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
	trail   *trail   // of the content, once it is known
	pulse   *pulse   // of the step under way, if it may hang
	done    []func()
}

func newSwap(d *Device, f *os.File, o *SwitchOptions) *swap {
	s := &swap{dev: d, given: f, report: &Report{}}
	if o != nil {
		s.options = *o
	}
	if s.options.StallAfter <= 0 {
		s.options.StallAfter = 2 * time.Second
	}
	return s
}

// patience is how long nothing may be heard from what reads. A disc that has to spin up,
// or is read a megabyte at a time, takes longer than one request of somebody else.
func (s *swap) patience() time.Duration { return 15 * s.options.StallAfter }

func (s *swap) prepare(ctx context.Context, steps []step) error {
	for _, do := range steps {
		if err := do(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return s.fail(kindOf(context.Cause(ctx)), context.Cause(ctx))
		}
	}
	return nil
}

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
	tell, p := s.options.Progress, s.pulse
	if tell == nil {
		tell = func(string, int64, int64) {}
	}
	return func(done int64) {
		if p == nil {
			tell(stage, done, total)
			return
		}
		p.beat(func() { tell(stage, done, total) })
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
	if err := s.digestGiven(); err != nil {
		return err
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
	return s.survives(s.dev.f)
}

func (s *swap) digestGiven() error {
	if n := len(s.options.Digest); s.options.Verify == VerifyDigest && n != sha256.Size {
		return s.fail(nil, fmt.Errorf("a digest of %d bytes is not a SHA-256", n))
	}
	return nil
}

// sync writes the new file out: the kernel would do it with the device locked. Then
// it drops the pages, so that what is verified is what has been stored.
func (s *swap) sync(ctx context.Context) error {
	alive := s.progress(StageSync, 0)
	start := time.Now()
	err := writeOut(ctx, s.file, func() { alive(0) })
	if err == nil {
		err = s.file.Sync()
	}
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
	t := newTrail()
	var err error
	switch s.options.Verify {
	case VerifyNone:
		return nil
	case VerifyDigest:
		err = t.hash(ctx, s.content(), s.progress(StageVerify, s.content().n))
	default:
		err = s.compareCached(ctx, t)
	}
	if err == nil {
		err = t.hash(ctx, s.rest(), func(int64) {})
	}
	if err != nil {
		return s.fail(readKind(err), err)
	}
	s.learn(t)
	if want, got := s.options.Digest, t.sum(); s.options.Verify == VerifyDigest && string(want) != string(got) {
		return s.fail(ErrContentMismatch, fmt.Errorf("its SHA-256 is %x, not %x", got, want))
	}
	return nil
}

// content is the part of the new file that the device shows.
func (s *swap) content() section {
	return section{s.file, int64(s.report.Old.Offset), s.report.Old.readable()}
}

// rest is the part of the file that counts but that the device doesn't show.
func (s *swap) rest() section {
	return section{s.file, s.content().off + s.content().n, s.tail}
}

// compareCached compares the device with the new file, before the switch.
func (s *swap) compareCached(ctx context.Context, t *trail) error {
	dev, err := s.dev.cachedReader()
	if err != nil {
		return err
	}
	defer dev.Close()
	return s.compare(ctx, t, dev, StageVerify)
}

func (s *swap) compare(ctx context.Context, t *trail, dev io.ReaderAt, stage string) error {
	n := s.content().n
	return t.compare(ctx, section{dev, 0, n}, s.content(), s.progress(stage, n))
}

func (s *swap) learn(t *trail) { s.trail, s.report.SHA256 = t, t.hex() }

// readKind is the kind of an error of reading or comparing.
func readKind(err error) error {
	var m *MismatchError
	switch {
	case errors.As(err, &m):
		return ErrContentMismatch
	case errors.Is(err, io.ErrUnexpectedEOF): // truncated meanwhile
		return ErrSizeMismatch
	}
	return kindOf(err)
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
	if s.old == nil {
		s.warn("the old file can't be opened at %q any more: no roll-back, should a check fail", now.BackingFile)
	}
	return s.exchange(ctx, s.file)
}

// exchange has the ioctl issued, and finds out what became of it.
func (s *swap) exchange(ctx context.Context, f *os.File) error {
	if s.options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
	}
	start := time.Now()
	note, err := exchange(ctx, s.dev.f, f, s.waiting)
	s.report.Ioctl += time.Since(start)
	if note != "" {
		s.warn("%s", note)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrPending):
		return s.fail(ErrPending, err)
	case errors.Is(err, errNoAnswer) && s.took(f):
		return nil
	case errors.Is(err, errNoAnswer):
		return s.fail(nil, errors.Join(err, context.Cause(ctx)))
	}
	return s.dev.explain("switch", f, err)
}

// waiting tells how many requests the kernel lets run out before it switches.
func (s *swap) waiting() {
	if n, _, err := system().traffic(sysName(s.dev.number)); err == nil {
		s.progress(StageSwitch, int64(n))(0)
	}
}

// took says that the device serves from f.
func (s *swap) took(f *os.File) bool {
	now, err := s.dev.Info()
	return err == nil && isBacking(f, now)
}

// sameBinding says that nothing happened to the device between two looks at it.
func sameBinding(a, b Info) bool {
	return a.BackingDev == b.BackingDev && a.BackingIno == b.BackingIno && a.DiskSeq == b.DiskSeq &&
		a.Offset == b.Offset && a.Size == b.Size
}

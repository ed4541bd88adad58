package stage1

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/mounts"
	"github.com/molt-installer/molt/media"
)

// imageError is an image that can't be used, on a disc that is the right one.
type imageError struct {
	path string
	why  string
	err  error
}

func (e *imageError) Error() string {
	s := fmt.Sprintf("%s: %s", e.path, e.why)
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *imageError) Unwrap() error { return e.err }

// mountMedium mounts disc 1 read-only. An ISO file gets a loop device of its own,
// a directory of a volume is bound there, and a bare image of stage 2 is left
// where it is: then Mount is empty, and Images the file.
func (s *session) mountMedium(ctx context.Context, p place, to site) (handoff.Medium, error) {
	m := handoff.Medium{URL: p.url(), Device: p.device, Mount: to.mount, Disc: 1}
	fstype := p.fstype
	if fstype == "" {
		fstype = "iso9660"
	}
	if p.device != "" && (p.path == "" || p.path == "/") {
		err := s.mountOn(untouched(p.device, to.mount, fstype))
		if err != nil || !holdsImages(to.mount) {
			return m, err
		}
		if err := s.unmountBelow(to.mount); err != nil {
			return m, err
		}
	}
	at := p.path
	if p.device != "" {
		if err := s.mountOn(untouched(p.device, to.holder, fstype)); err != nil {
			return m, err
		}
		at = filepath.Join(to.holder, p.path)
	}
	return s.mountFile(ctx, m, at)
}

// mountFile mounts the directory or the ISO file at a path on m.Mount.
func (s *session) mountFile(ctx context.Context, m handoff.Medium, at string) (handoff.Medium, error) {
	info, err := os.Stat(at)
	if err != nil {
		return m, err
	}
	if info.IsDir() && !holdsImages(at) {
		return m, s.mountOn(mount{source: at, target: m.Mount, flags: unix.MS_BIND})
	}
	if info.IsDir() {
		at = filepath.Join(at, firstImage)
	}
	if isSquashfs(at) {
		m.Mount, m.Images = "", at
		return m, nil
	}
	loop, err := s.attach(ctx, at)
	if err != nil {
		return m, err
	}
	m.Images = filepath.Dir(at)
	return m, s.mountOn(mount{source: loop, target: m.Mount, fstype: "iso9660", flags: unix.MS_RDONLY})
}

// firstImage is the name of disc 1's image in a directory with those of all discs.
const firstImage = "disc1.iso"

// holdsImages reports whether a directory is no tree, and has the discs' images.
func holdsImages(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, media.DiscInfoPath)); err == nil {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, firstImage))
	return err == nil
}

// squashfsMagic begins a squashfs (fs/squashfs/squashfs_fs.h).
const squashfsMagic = "hsqs"

func isSquashfs(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, len(squashfsMagic))
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == squashfsMagic
}

// untouched mounts somebody's volume without a write to it.
func untouched(device, target, fstype string) mount {
	return mount{source: device, target: target, fstype: fstype, flags: unix.MS_RDONLY, data: mounts.Untouched(fstype)}
}

func (s *session) mountOn(m mount) error { return mountAll(s, []mount{m}) }

// attach binds file to a loop device, which tearDown detaches.
func (s *session) attach(ctx context.Context, file string) (string, error) {
	loop, err := s.Attach(ctx, file)
	if err != nil {
		return "", fmt.Errorf("bind %s to a loop device: %w", file, err)
	}
	s.current.loops = append(s.current.loops, loop)
	return loop, nil
}

// closeMedium takes back all that a search left.
func (s *session) closeMedium(ctx context.Context) error {
	var errs []error
	for _, n := range []need{{packages: true}, {image: true}} {
		errs = append(errs, s.unmountBelow(s.site(n).mount))
	}
	errs = append(errs, s.detachFrom(ctx, 0))
	for _, n := range []need{{packages: true}, {image: true}} {
		errs = append(errs, s.unmountBelow(s.site(n).holder))
	}
	errs = append(errs, s.closeStream())
	s.current = attempt{}
	return errors.Join(errs...)
}

// closeSite takes back mountMedium, that began with so many loop devices.
func (s *session) closeSite(ctx context.Context, at site, loops int) error {
	return errors.Join(s.unmountBelow(at.mount), s.detachFrom(ctx, loops), s.unmountBelow(at.holder))
}

// detachFrom detaches the loop devices from the n-th on.
func (s *session) detachFrom(ctx context.Context, n int) error {
	var errs []error
	for _, loop := range s.current.loops[n:] {
		errs = append(errs, s.Detach(ctx, loop))
	}
	s.current.loops = s.current.loops[:n]
	return errors.Join(errs...)
}

// unmountBelow unmounts what is mounted at or below dir, last first.
func (s *session) unmountBelow(dir string) error {
	points, err := s.below(dir)
	if err != nil {
		return err
	}
	for _, p := range points {
		if err := s.Unmount(p); err != nil {
			return fmt.Errorf("unmount %s: %w", p, err)
		}
	}
	return nil
}

// below are the mount points at or below dir, last mounted first.
func (s *session) below(dir string) ([]string, error) {
	all, err := s.Mounts()
	if err != nil {
		return nil, err
	}
	var list []string
	for _, p := range all {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			list = append([]string{p}, list...)
		}
	}
	return list, nil
}

// checkImage checks that a file is the image of this build.
func (s *session) checkImage(ctx context.Context, file string) error {
	want := s.build.Stage2
	progress := func(done int64) { s.log.progress("Checking "+want.Path, done, want.Size) }
	return checkFile(ctx, file, want, progress)
}

// checkFile compares size and digest of a file with what the build says. Every error is
// an *imageError.
func checkFile(ctx context.Context, file string, want media.File, progress func(done int64)) error {
	fail := func(err error, why string, args ...any) error {
		return &imageError{want.Path, fmt.Sprintf(why, args...), err}
	}
	f, err := os.Open(file)
	if err != nil {
		return fail(err, "can't be opened")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(err, "can't be read")
	}
	if info.Size() != want.Size {
		return fail(nil, "is not the image of this build, or cut short: %d bytes instead of %d", info.Size(), want.Size)
	}
	sum := sha256.New()
	n, err := io.Copy(&progressWriter{Hash: sum, each: progress, step: max(want.Size/20, 1), end: want.Size}, &contextReader{ctx, f})
	switch got := hex.EncodeToString(sum.Sum(nil)); {
	case err != nil:
		return fail(err, "can't be read beyond byte %d, the disc is damaged or dirty", n)
	case n != want.Size:
		return fail(nil, "ends after %d of %d bytes, the disc is damaged", n, want.Size)
	case got != want.SHA256:
		return fail(nil, "is damaged or of another build: SHA-256 %s instead of %s", got, want.SHA256)
	}
	progress(want.Size)
	return nil
}

// progressWriter tells about every step bytes that went into a hash, but for the
// end: that is only good when the digest is.
type progressWriter struct {
	hash.Hash
	each       func(done int64)
	step, end  int64
	done, told int64
}

func (w *progressWriter) Write(p []byte) (int, error) {
	n, err := w.Hash.Write(p)
	w.done += int64(n)
	if w.done-w.told >= w.step && w.done < w.end {
		w.told = w.done
		w.each(w.done)
	}
	return n, err
}

// contextReader reads in large pieces, and not after its context has ended.
type contextReader struct {
	ctx context.Context
	f   *os.File
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.f.Read(p)
}

// WriteTo keeps io.Copy from reading 32 KiB at a time.
func (r *contextReader) WriteTo(w io.Writer) (int64, error) {
	type onlyReader struct{ io.Reader }
	return io.CopyBuffer(struct{ io.Writer }{w}, onlyReader{readerFunc(r.Read)}, make([]byte, 1<<20))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

package stage1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
)

// mirror is a server that has what is wanted.
type mirror struct {
	source media.Source
	tree   fetch.Tree // what is at the source's URL, or in the ISO image there
	outer  fetch.Tree // the URL itself, when tree is in an image
	bare   bool       // the URL is the image of stage 2
	whole  bool       // the files of all discs are there
}

func (m mirror) close() {
	m.tree.Close()
	if m.outer != nil {
		m.outer.Close()
	}
}

// takeServers takes what is needed from servers that are mirrors of each other.
func (s *session) takeServers(ctx context.Context, sources []media.Source, n need, f *Failure) bool {
	if !s.online(ctx, sources, f) {
		return false
	}
	var good []mirror
	for _, src := range sources {
		m, err := s.visit(ctx, src)
		if err == nil && m.bare && !n.image {
			err = errors.New("that is the image of stage 2; here are no packages")
			m.close()
		}
		if err != nil {
			s.note("%s: %v", src.Redacted(), err)
			f.add(src.Redacted(), reason(err))
			continue
		}
		good = append(good, m)
	}
	if len(good) == 0 {
		f.waits = false
		return false
	}
	if n.image && !s.takeImage(ctx, good, f) {
		return false
	}
	if n.packages {
		s.takePackages(good)
	}
	if !n.image {
		closeMirrors(good)
	}
	return true
}

func closeMirrors(list []mirror) {
	for _, m := range list {
		m.close()
	}
}

// reason leaves out of an error what the list of attempts says anyway: the URL.
func reason(err error) error {
	var e *fetch.Error
	switch {
	case !errors.As(err, &e):
		return err
	case errors.Is(err, errNoTree) && errors.Is(err, fetch.ErrNotFound):
		return fmt.Errorf("%w: %s", errNoTree, e.Why())
	case e.File == "":
		return errors.New(e.Why())
	}
	return errors.New(e.File + ": " + e.Why())
}

// visit finds out what is at a URL: a tree, an ISO image or the image of stage 2.
func (s *session) visit(ctx context.Context, src media.Source) (mirror, error) {
	tree, err := s.servers.Open(ctx, src, s.optionsFor(src))
	if err != nil {
		return mirror{}, err
	}
	m := mirror{source: src, tree: tree}
	err = s.recognize(ctx, &m)
	if errors.Is(err, fetch.ErrNotFound) || errors.Is(err, errNoTree) {
		err = s.lookInside(ctx, &m, err)
	}
	if err != nil {
		m.close()
		return s.visitImage(ctx, src, err)
	}
	return m, nil
}

// visitImage is visit for a directory that holds images of the discs and is no tree.
func (s *session) visitImage(ctx context.Context, src media.Source, noTree error) (mirror, error) {
	if !errors.Is(noTree, errNoTree) || strings.HasSuffix(src.URL, ".iso") || strings.ContainsAny(src.URL, "?#") {
		return mirror{}, noTree
	}
	src.URL = strings.TrimSuffix(src.URL, "/") + "/" + firstImage
	m, err := s.visit(ctx, src)
	if errors.Is(err, errNoTree) || errors.Is(err, fetch.ErrNotFound) {
		return m, noTree
	}
	return m, err
}

// errNoTree is a URL that names a file.
var errNoTree = errors.New("that is no tree of a set: it has no " + media.DiscInfoPath)

// recognize checks that m.tree is disc 1 or all discs.
func (s *session) recognize(ctx context.Context, m *mirror) error {
	data, err := fetch.ReadAll(ctx, m.tree, media.DiscInfoPath, 64<<10)
	if err != nil {
		return err
	}
	info, err := media.ParseDiscInfo(data)
	if err != nil {
		return fmt.Errorf("%w (%w)", errNoTree, err)
	}
	m.whole = s.isWhole(info)
	return s.mustBeDisc1(media.Disc{State: media.Known, Info: info})
}

// lookInside looks whether the URL is a file.
func (s *session) lookInside(ctx context.Context, m *mirror, noTree error) error {
	file, err := m.tree.Open(ctx, "")
	if errors.Is(noTree, errNoTree) && err != nil {
		return noTree
	}
	if err != nil {
		return errors.Join(errNoTree, noTree)
	}
	magic := make([]byte, len(squashfsMagic))
	if _, err := file.ReadAt(ctx, magic, 0); err == nil && string(magic) == squashfsMagic {
		m.bare = true
		return file.Close()
	}
	disc, err := fetch.ISO(ctx, file)
	if err != nil {
		file.Close()
		return fmt.Errorf("%w, and it is neither an ISO image nor the image of stage 2", errNoTree)
	}
	m.outer, m.tree = m.tree, disc
	return s.recognize(ctx, m)
}

// takePackages notes where the packages are.
func (s *session) takePackages(good []mirror) {
	m := handoff.Medium{Disc: 1, Whole: true, Transfer: s.transfer()}
	for _, g := range good {
		if g.bare {
			continue
		}
		m.Sources = append(m.Sources, g.source.String())
		if m.URL == "" {
			m.URL = g.source.Redacted()
		}
		m.Whole = m.Whole && (g.whole || g.outer != nil) // beside an image of disc 1 are the others
	}
	if m.URL != "" {
		s.current.medium = m
	}
}

// takeImage makes a file of the image that the servers have.
func (s *session) takeImage(ctx context.Context, good []mirror, f *Failure) bool {
	var files []fetch.File
	var sources []failover.Source
	for _, m := range good {
		name := s.build.Stage2.Path
		if m.bare {
			name = ""
		}
		file, err := m.tree.Open(ctx, name)
		if err != nil {
			f.add(m.source.Redacted(), fmt.Errorf("the image of stage 2: %w", err))
			continue
		}
		files = append(files, file)
		if file.Ranges() {
			sources = append(sources, file)
		}
	}
	err := errors.New("no server has the image")
	switch {
	case len(sources) > 0 && s.build.Verity != nil:
		err = s.serve(ctx, sources, good)
	case len(files) > 0:
		err = s.download(ctx, files[0])
	}
	if err != nil {
		f.add(s.build.Stage2.Path, err)
		f.waits = false
		closeMirrors(good)
		return false
	}
	return true
}

// memoryLeft is what a download must leave for everything else, bytes.
const memoryLeft = 128 << 20

// download keeps the image in memory, for a server that can't give parts of it.
func (s *session) download(ctx context.Context, file fetch.File) error {
	want := s.build.Stage2
	if free := s.MemoryFree(); free < want.Size+memoryLeft {
		return fmt.Errorf("the server can't give parts of a file, so the image (%d MiB) would have to be kept in memory, and only %d MiB are free there: "+
			"use a server that knows ranges, or %d MiB more memory", want.Size>>20, free>>20, (want.Size+memoryLeft-free)>>20)
	}
	to := filepath.Join(s.dirs.stream, filepath.Base(want.Path))
	if err := os.MkdirAll(s.dirs.stream, 0o755); err != nil {
		return err
	}
	if err := s.mountOn(mount{source: "tmpfs", target: s.dirs.stream, fstype: "tmpfs", data: "mode=0700"}); err != nil {
		return err
	}
	s.current.stream = func() error { return s.Unmount(s.dirs.stream) }
	if err := s.copyImage(ctx, file, to); err != nil {
		return errors.Join(err, s.closeStream())
	}
	s.current.image = to
	return nil
}

func (s *session) copyImage(ctx context.Context, file fetch.File, to string) error {
	want := s.build.Stage2
	r, err := file.Stream(ctx, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	each := func(done int64) { s.log.progress("Fetching "+want.Path, done, want.Size) }
	n, err := io.Copy(out, io.LimitReader(&countingReader{r: r, each: each, step: max(want.Size/20, 1)}, want.Size+1))
	if err != nil {
		return fmt.Errorf("after %d bytes: %w", n, err)
	}
	return checkFile(ctx, to, want, func(int64) {})
}

// countingReader tells about every step bytes.
type countingReader struct {
	r          io.Reader
	each       func(done int64)
	step       int64
	done, told int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.done-c.told >= c.step {
		c.told = c.done
		c.each(c.done)
	}
	return n, err
}

// memoryFree is MemAvailable of /proc/meminfo, bytes.
func memoryFree() int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		var kib int64
		if n, _ := fmt.Sscanf(string(line), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

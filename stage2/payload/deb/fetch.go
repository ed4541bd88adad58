package deb

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/payload"
)

// item is a file to copy from a disc.
type item struct {
	name string // for a person
	media.File
}

// Fetch implements payload.Payload. What a disc is to blame for is a *DiscError,
// what the target is to blame for a *TargetError; after both it can be called
// again, and goes on where it was.
func (p *Payload) Fetch(ctx context.Context, f payload.Fetch) error {
	items := p.items(f.Selection, f.Disc)
	var done, total int64
	for _, it := range items {
		total += it.Size
	}
	dir := filepath.Join(f.Target, setDir, discDir(f.Disc))
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.Progress.Advance(done, total, "bytes", it.name)
		count := func(n int64) { f.Progress.Advance(done+n, total, "bytes", it.name) }
		if err := fetchOne(ctx, f, filepath.Join(dir, it.Path), it, count); err != nil {
			return err
		}
		done += it.Size
	}
	if err := p.meet(ctx, f); err != nil {
		return err
	}
	f.Progress.Advance(total, total, "bytes", "")
	return nil
}

func discDir(n int) string { return "disc" + strconv.Itoa(n) }

func (p *Payload) items(sel *payload.Selection, disc int) []item {
	var items []item
	if disc == 1 && p.initrdFits(sel) {
		items = append(items, item{filepath.Base(p.catalog.Initrd.Path), p.catalog.Initrd.File})
	}
	for _, k := range sel.OnDisc(disc) {
		items = append(items, item{k.Name, media.File{Path: k.Path, Size: k.Size, SHA256: k.SHA256}})
	}
	return items
}

// fetchOne copies one file, unless it is there already. Where other servers have
// it too, one that gives something else isn't the end.
func fetchOne(ctx context.Context, f payload.Fetch, dst string, it item, count func(int64)) error {
	if have(dst, it.File) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return &TargetError{dst, err}
	}
	err := copyOne(ctx, f, dst, it, count)
	for tries := 1; tries < 3 && errors.Is(err, errContent) && doubt(f.From); tries++ {
		f.Progress.Warn(fmt.Sprintf("%v; trying another server", err))
		err = copyOne(ctx, f, dst, it, count)
	}
	return err
}

// doubt has the next server asked.
func doubt(from fetch.Tree) bool {
	d, ok := from.(interface{ Doubt() bool })
	return ok && d.Doubt()
}

func copyOne(ctx context.Context, f payload.Fetch, dst string, it item, count func(int64)) error {
	fail := func(err error) error { return &DiscError{Disc: f.Disc, Item: it.name, Err: err, Server: f.Root == ""} }
	file, err := f.From.Open(ctx, it.Path)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	in, err := file.Stream(ctx, 0)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	part := dst + ".part"
	from := &source{r: in}
	err = copyChecked(ctx, from, part, it.File, count)
	if err == nil {
		err = os.Rename(part, dst)
	}
	if err == nil {
		return nil
	}
	os.Remove(part)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errContent), from.err != nil:
		return fail(err)
	}
	return &TargetError{dst, err}
}

// errContent is content that is not what the index says.
var errContent = errors.New("its content is not what the index says")

// source remembers whether it was the reading that failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func copyChecked(ctx context.Context, in io.Reader, part string, want media.File, count func(int64)) error {
	out, err := os.Create(part)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(out, sum)}, &counted{ctx: ctx, r: in, count: count}, make([]byte, 1<<20))
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != want.Size || got != want.SHA256 {
		return fmt.Errorf("%w: %d bytes with SHA-256 %s, not %d with %s", errContent, n, got, want.Size, want.SHA256)
	}
	return nil
}

// onlyWriter keeps io.CopyBuffer from going around its buffer.
type onlyWriter struct{ io.Writer }

// counted reads until ctx ends, and counts.
type counted struct {
	ctx   context.Context
	r     io.Reader
	n     int64
	count func(int64)
}

func (c *counted) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	if n > 0 {
		c.count(c.n)
	}
	return n, err
}

// have says whether an earlier Fetch has left a good copy.
func have(path string, want media.File) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != want.Size {
		return false
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, bufio.NewReaderSize(f, 1<<20)); err != nil {
		return false
	}
	return hex.EncodeToString(sum.Sum(nil)) == want.SHA256
}

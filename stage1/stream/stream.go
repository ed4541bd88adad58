// Package stream serves the image of stage 2 block by block from servers that
// have it, without a copy of the whole: for machines with less memory than the
// image is large.
//
// Every block is checked against the image's hash tree before anybody sees it. A
// server whose block is wrong is one that failed, and the block comes from the
// next. So it doesn't matter how little the servers are trusted, and mirrors can
// be mixed freely.
//
// It is no mount and no loop device: loopctl/blockfs makes a file of an Image. It
// knows no URLs either: sources come ready to read.
package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media/verity"
)

// Chunk is what is asked of a server at a time, bytes: a squashfs block of the
// image at most, and 64 blocks of the hash tree's.
const Chunk = 256 << 10

// Options are the options of Open; zero values mean the defaults.
type Options struct {
	Deadline time.Duration        // for a chunk from one server; default 10 s
	Probe    time.Duration        // interval of the probes of servers that are down; default 2 s
	Cache    int64                // bytes of checked chunks that are kept; default 16 MiB
	Ahead    int                  // chunks that are fetched ahead of a reader who goes on and on; default 8
	Parallel int                  // of those, at a time; default 4
	Tell     func(failover.Event) // servers going down and coming back
	// Patience is how long a chunk is asked for when no server answers, so that one
	// can be started again; default: every server is asked once. A chunk that is
	// wrong wherever it can be had is not waited for.
	Patience time.Duration
	// Waiting hears why no server answers, when that begins.
	Waiting func(error)
}

func (o Options) withDefaults() Options {
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	if o.Probe <= 0 {
		o.Probe = 2 * time.Second
	}
	if o.Ahead <= 0 {
		o.Ahead = 8
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Waiting == nil {
		o.Waiting = func(error) {}
	}
	o.Cache = max(o.Cache, 16<<20)
	return o
}

// Image is an image that is read from servers. Its methods can be called from
// several goroutines.
type Image struct {
	reader   *failover.Reader
	params   verity.Params
	verifier *verity.Verifier
	tree     []byte
	cache    *cache
	options  Options
	waiting  atomic.Bool // no server answers
	life     context.Context
	end      context.CancelFunc
	mu       sync.Mutex // no worker starts once life has ended
	workers  sync.WaitGroup
}

// Open takes the sources that have the image of p, in their order. One of another
// size, or with another hash tree, is of another build; one that doesn't answer is
// asked again later. The error names what is wrong with each when none is good. The
// Image owns the sources and closes them, also when Open fails.
func Open(ctx context.Context, sources []failover.Source, p verity.Params, o Options) (*Image, error) {
	o = o.withDefaults()
	good, tree, err := choose(ctx, sources, p, o.Deadline)
	if err != nil {
		return nil, err
	}
	i := &Image{params: p, tree: tree, options: o}
	if i.verifier, err = verity.New(p, tree); err != nil {
		return nil, errors.Join(err, closeAll(good))
	}
	i.reader, err = failover.New(ctx, good, failover.Options{
		Deadline: o.Deadline, Failures: 1, Probe: o.Probe, Check: i.check, Tell: o.Tell,
	})
	if err != nil {
		return nil, errors.Join(err, closeAll(good))
	}
	i.life, i.end = context.WithCancel(context.WithoutCancel(ctx))
	i.cache = newCache(int(o.Cache/Chunk), o.Ahead)
	for range o.Parallel {
		i.workers.Go(i.work)
	}
	return i, nil
}

func closeAll(sources []failover.Source) error {
	var errs []error
	for _, s := range sources {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Size is the size of the image with its tree, bytes.
func (i *Image) Size() int64 { return i.params.Data() + int64(len(i.tree)) }

// Health is how the servers are.
func (i *Image) Health() []failover.Health { return i.reader.Health() }

// Stats are counters since Open.
type Stats struct {
	Fetched int64 `json:"fetched"` // bytes of the image that came from servers, without its tree
	Served  int64 `json:"served"`  // bytes that were read, from the cache or not
}

// Stats are the counters.
func (i *Image) Stats() Stats { return i.cache.stats() }

// ReadAt reads as io.ReaderAt does. What it returns has been checked. A read waits
// for the servers at most as long as failover.Reader does.
func (i *Image) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d: negative offset", off)
	}
	n := 0
	defer func() { i.cache.served(n) }()
	for n < len(p) {
		part, err := i.part(ctx, off+int64(n))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], part)
	}
	return n, nil
}

// check judges whole blocks that a server gave. A probe may ask for some of the tree.
func (i *Image) check(p []byte, off int64) error {
	cut := min(max(i.params.Data()-off, 0), int64(len(p)))
	if err := i.verifier.Check(p[:cut], min(off, i.params.Data())); err != nil {
		return err
	}
	rest := p[cut:]
	if len(rest) > 0 && !bytes.Equal(rest, i.tree[off+cut-i.params.Data():][:len(rest)]) {
		return fmt.Errorf("the hash tree %w", verity.ErrCorrupt)
	}
	return nil
}

// part is what can be had in one piece from off on.
func (i *Image) part(ctx context.Context, off int64) ([]byte, error) {
	data := i.params.Data()
	switch {
	case off >= i.Size():
		return nil, io.EOF
	case off >= data:
		return i.tree[off-data:], nil
	}
	chunk, err := i.chunk(ctx, off/Chunk)
	if err != nil {
		return nil, err
	}
	return chunk[off%Chunk:], nil
}

// chunk is chunk n, from the cache or a server.
func (i *Image) chunk(ctx context.Context, n int64) ([]byte, error) {
	e, mine := i.cache.get(n, i.chunks())
	if mine {
		i.start(func() { i.fill(n, e) })
	}
	select {
	case <-e.ready:
		return e.data, e.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-i.life.Done():
		return nil, failover.ErrClosed
	}
}

// start runs f, unless the Image is being closed.
func (i *Image) start(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.life.Err() == nil {
		i.workers.Go(f)
	}
}

func (i *Image) chunks() int64 { return (i.params.Data() + Chunk - 1) / Chunk }

// work fetches ahead.
func (i *Image) work() {
	for {
		select {
		case n := <-i.cache.ahead:
			if e := i.cache.waiting(n); e != nil {
				i.fill(n, e)
			}
		case <-i.life.Done():
			return
		}
	}
}

// fill fetches a chunk for whoever waits for it: a reader who gives up doesn't
// spoil it for the others.
func (i *Image) fill(n int64, e *entry) {
	data := make([]byte, min(Chunk, i.params.Data()-n*Chunk))
	i.cache.filled(n, e, data, i.fetch(data, n*Chunk))
}

// fetch fills p, waiting for servers to come back.
func (i *Image) fetch(p []byte, off int64) error {
	until := time.Now().Add(i.options.Patience)
	for {
		_, err := i.reader.ReadAt(i.life, p, off)
		if err == nil || errors.Is(err, io.EOF) {
			i.waiting.Store(false)
			return nil
		}
		if !passing(err) || time.Now().After(until) {
			return err
		}
		if !i.waiting.Swap(true) {
			i.options.Waiting(err)
		}
		select {
		case <-i.life.Done():
		case <-time.After(i.options.Probe): // a server that is back is known by then
		}
	}
}

// passing reports whether a server that failed may yet give the right bytes.
func passing(err error) bool {
	var f *failover.Error
	return errors.As(err, &f) && slices.ContainsFunc(f.Causes, func(c failover.Cause) bool {
		return !errors.Is(c.Err, verity.ErrCorrupt) && !errors.Is(c.Err, failover.ErrChanged)
	})
}

// Close ends everything; a read that waits gets an error. The memory of the cache is free
// after it, even while somebody still has the Image.
func (i *Image) Close() error {
	i.mu.Lock()
	i.end()
	i.mu.Unlock()
	err := i.reader.Close()
	i.workers.Wait()
	i.cache.drop()
	return err
}

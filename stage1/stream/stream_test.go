package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/media/verity"
)

// server is a source in memory that can be made to misbehave.
type server struct {
	name   string
	data   []byte
	flip   int64       // a bit at this byte is wrong; -1: none
	hang   atomic.Bool // no answer until ctx ends
	fail   atomic.Bool
	read   atomic.Int64 // bytes
	closed atomic.Bool
}

func (s *server) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if s.hang.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if s.fail.Load() {
		return 0, errors.New("connection refused")
	}
	n := copy(p, s.data[min(off, int64(len(s.data))):])
	s.read.Add(int64(n))
	if s.flip >= off && s.flip < off+int64(n) {
		p[s.flip-off] ^= 4
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s *server) Size(ctx context.Context) (int64, error) {
	if s.hang.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if s.fail.Load() {
		return 0, errors.New("connection refused")
	}
	return int64(len(s.data)), nil
}

func (s *server) String() string { return s.name }
func (s *server) Close() error   { s.closed.Store(true); return nil }

// made is an image with its tree.
func made(t testing.TB, blocks int64) ([]byte, verity.Params) {
	t.Helper()
	data := make([]byte, blocks*verity.BlockSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	tree, p, err := verity.Build(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return append(data, tree...), p
}

func options() Options {
	return Options{Deadline: 500 * time.Millisecond, Probe: 20 * time.Millisecond}
}

// patient are for tests in which no server hangs: a loaded machine is slow.
func patient() Options { return Options{Deadline: time.Minute, Probe: 20 * time.Millisecond} }

func open(t *testing.T, p verity.Params, o Options, servers ...*server) *Image {
	t.Helper()
	var sources []failover.Source
	for _, s := range servers {
		sources = append(sources, s)
	}
	i, err := Open(t.Context(), sources, p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range servers {
			if !s.closed.Load() {
				t.Errorf("%s was not closed", s.name)
			}
		}
	})
	return i
}

// whole reads an image from front to back in pieces of n bytes.
func whole(ctx context.Context, i *Image, n int) ([]byte, error) {
	var all []byte
	buf := make([]byte, n)
	for {
		m, err := i.ReadAt(ctx, buf, int64(len(all)))
		all = append(all, buf[:m]...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func TestWhole(t *testing.T) {
	data, p := made(t, 1000) // the last chunk is a short one
	s := &server{name: "a", data: data, flip: -1}
	i := open(t, p, patient(), s)
	if i.Size() != int64(len(data)) {
		t.Errorf("size %d, want %d", i.Size(), len(data))
	}
	for _, n := range []int{100_000, 1 << 20, 4096} {
		got, err := whole(t.Context(), i, n)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("in pieces of %d: %d bytes, %v", n, len(got), err)
		}
	}
	if st := i.Stats(); st.Fetched != p.Data() || st.Served != 3*int64(len(data)) {
		t.Errorf("%+v: every chunk is to be fetched once, and all fit into the cache", st)
	}
}

// TestParallel: readers everywhere, with a cache that is far too small.
func TestParallel(t *testing.T) {
	data, p := made(t, 10_000) // 40 MB
	i := open(t, p, patient(), &server{name: "a", data: data, flip: -1})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			buf := make([]byte, 300_000)
			for range 100 {
				off := r.Int64N(int64(len(data)))
				n, err := i.ReadAt(t.Context(), buf, off)
				if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(buf[:n], data[off:off+int64(n)]) {
					t.Errorf("%d bytes at %d: %v", n, off, err)
				}
			}
		})
	}
	all.Wait()
	i.cache.mu.Lock()
	defer i.cache.mu.Unlock()
	if n := i.cache.used.Len(); n > i.cache.limit {
		t.Errorf("%d chunks in a cache for %d", n, i.cache.limit)
	}
}

// TestMirror: whatever the first server does, a good second one answers.
func TestMirror(t *testing.T) {
	data, p := made(t, 700)
	cases := map[string]func(*server){
		"hangs":             func(s *server) { s.hang.Store(true) },
		"fails":             func(s *server) { s.fail.Store(true) },
		"flips a bit":       func(s *server) { s.flip = p.Data() / 2 },
		"flips the first":   func(s *server) { s.flip = 0 },
		"flips the last":    func(s *server) { s.flip = p.Data() - 1 },
		"is cut off":        func(s *server) { s.data = s.data[:len(s.data)/2] },
		"is of other build": func(s *server) { s.data = s.data[:len(s.data)-verity.BlockSize] },
	}
	for name, spoil := range cases {
		for _, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				bad, good := &server{name: "bad", data: data, flip: -1}, &server{name: "good", data: data, flip: -1}
				if when == "before" {
					spoil(bad)
				}
				i := open(t, p, options(), bad, good)
				if when == "after" {
					spoil(bad)
				}
				got, err := whole(t.Context(), i, 1<<20)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d of %d bytes, %v", len(got), len(data), err)
				}
			})
		}
	}
}

// TestRefused: without a good source there is an error that names each, and
// nothing that is wrong comes through.
func TestRefused(t *testing.T) {
	data, p := made(t, 700)
	for _, at := range []int64{p.Data(), p.Data() + p.TreeSize()/2, p.Data() + p.TreeSize() - 1} {
		s := &server{name: "a", data: data, flip: at}
		if _, err := Open(t.Context(), []failover.Source{s}, p, options()); !errors.Is(err, ErrBuild) || !s.closed.Load() {
			t.Errorf("a bit at %d of the tree: %v", at-p.Data(), err)
		}
	}
	refused, short := &server{name: "a", data: data, flip: -1}, &server{name: "b", data: data[1:], flip: -1}
	refused.fail.Store(true)
	_, err := Open(t.Context(), []failover.Source{refused, short}, p, options())
	for _, words := range []string{"a: connection refused", "b: is not the image of this build", fmt.Sprint(len(data) - 1)} {
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(words)) {
			t.Errorf("%v\ndoesn't say %q", err, words)
		}
	}
	s := &server{name: "a", data: data, flip: 5}
	i := open(t, p, options(), s)
	buf := make([]byte, 100)
	if n, err := i.ReadAt(t.Context(), buf, 0); n > 0 || !errors.Is(err, verity.ErrCorrupt) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestComesBack: a server that was away serves again, and so does one that was away
// when the image was opened.
func TestComesBack(t *testing.T) {
	data, p := made(t, 700)
	first, second := &server{name: "first", data: data, flip: -1}, &server{name: "second", data: data, flip: -1}
	first.hang.Store(true)
	up := make(chan string, 16)
	o := options()
	o.Tell = func(e failover.Event) { up <- fmt.Sprint(e) }
	i := open(t, p, o, first, second)
	first.hang.Store(false)
	for deadline := time.After(10 * time.Second); i.Health()[0].State != failover.Closed; {
		select {
		case <-up:
		case <-deadline:
			t.Fatalf("it never came back: %+v", i.Health())
		}
	}
	second.fail.Store(true)
	if got, err := whole(t.Context(), i, 1<<20); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d of %d bytes, %v", len(got), len(data), err)
	}
}

// TestCancel: a reader who gives up doesn't wait, and spoils nothing.
func TestCancel(t *testing.T) {
	data, p := made(t, 700)
	s := &server{name: "a", data: data, flip: -1}
	o := options()
	o.Deadline = time.Minute
	i := open(t, p, o, s)
	s.hang.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.ReadAt(ctx, make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestReadsAhead(t *testing.T) {
	data, p := made(t, 10_000)
	i := open(t, p, patient(), &server{name: "a", data: data, flip: -1})
	buf := make([]byte, 10)
	for n := range int64(3) {
		if _, err := i.ReadAt(t.Context(), buf, n*Chunk); err != nil {
			t.Fatal(err)
		}
	}
	e, mine := i.cache.get(3, i.chunks())
	if mine {
		t.Fatal("the next chunk isn't on its way")
	}
	select {
	case <-e.ready:
	case <-time.After(10 * time.Second):
		t.Fatal("the next chunk doesn't come")
	}
	if _, mine := i.cache.get(30, i.chunks()); !mine {
		t.Error("a chunk far away was fetched for nobody")
	}
	i.cache.mu.Lock()
	delete(i.cache.entries, 30)
	i.cache.mu.Unlock()
}

// A server that comes back after a while goes on; wrong bytes are not waited for.
func TestPatience(t *testing.T) {
	data, p := made(t, 640)
	s := &server{name: "a", data: data, flip: -1}
	o := patient()
	o.Patience = time.Minute
	o.Waiting = func(error) { s.fail.Store(false) }
	i := open(t, p, o, s)
	s.fail.Store(true)
	got, err := whole(t.Context(), i, 100_000)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes of %d, %v", len(got), len(data), err)
	}
	o.Waiting = func(err error) { t.Errorf("waits, though: %v", err) }
	i = open(t, p, o, &server{name: "b", data: data, flip: 300 * verity.BlockSize})
	if _, err := whole(t.Context(), i, 100_000); !errors.Is(err, verity.ErrCorrupt) {
		t.Errorf("%v, want %v", err, verity.ErrCorrupt)
	}
}

package mediatest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/molt-installer/molt/media/fetch"
)

// Stall is what Kind.Open must give to fetch.Options.
const Stall = 5 * time.Second

// Kind is one kind of source.
type Kind struct {
	// Open serves s until the test ends, and opens it.
	Open func(t testing.TB, s *Store) fetch.Tree
	// Faults: the server plays them. Others serve whole files only.
	Faults bool
	// NoRanges and NoSize are what the server can't do.
	NoRanges, NoSize bool
	// NoForbidden: there is nothing that all may not read.
	NoForbidden bool
	// NoChange: nobody can tell that a file has changed.
	NoChange bool
}

const badName = "bad.bin"

// files are those of every store; the names need care in URLs, in FTP and in ISO 9660.
func files() map[string][]byte {
	return map[string][]byte{
		"big.bin":                            Bytes(1, 3<<20+17),
		"small.txt":                          []byte("hello\n"),
		"empty":                              {},
		"deep/er/pool/libx++6_1%3a2~3 #.deb": Bytes(2, 5000),
		"deep/" + strings.Repeat("long", 50): Bytes(3, 2048),
		"deep/" + strings.Repeat("long", 49): Bytes(4, 2049),
		".treeinfo":                          []byte("[general]\n"),
	}
}

// open serves the files, and one with a fault.
func (k Kind) open(t testing.TB, fault Fault) (fetch.Tree, []byte) {
	t.Helper()
	s := NewStore(files())
	data := Bytes(9, 1<<20)
	if fault != None {
		s.Put(badName, Item{Data: data, Fault: fault, At: 600 << 10})
	}
	return k.serve(t, s), data
}

// serve opens s. At the end what hangs is let go before the server is closed, which waits for it.
func (k Kind) serve(t testing.TB, s *Store) fetch.Tree {
	t.Helper()
	tree := k.Open(t, s)
	t.Cleanup(s.Close)
	t.Cleanup(func() { tree.Close() })
	return tree
}

// Run tries all of fetch's contract on a kind of source.
func Run(t *testing.T, k Kind) {
	for name, test := range map[string]func(*testing.T, Kind){
		"bytes": bytesAreExact, "parts": partsAreExact, "parallel": readsInParallel, "sizes": sizesAreTold,
		"not found": notFound, "names": badNames, "closed": closedTwice, "cancelled": cancelledBefore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
	if !k.Faults {
		return
	}
	for name, test := range faultTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// Check fails unless err has exactly one reason, and that is one of these.
func Check(t testing.TB, err error, reasons ...error) {
	t.Helper()
	var e *fetch.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want one of %v", err, reasons)
	}
	var has []error
	for _, r := range fetch.Reasons() {
		if errors.Is(err, r) {
			has = append(has, r)
		}
	}
	if len(has) != 1 {
		t.Errorf("%v: has the reasons %v, not one", err, has)
	}
	for _, r := range reasons {
		if errors.Is(err, r) {
			return
		}
	}
	t.Errorf("error is %v, want one of %v", err, reasons)
}

func mustOpen(t testing.TB, tree fetch.Tree, name string) fetch.File {
	t.Helper()
	f, err := tree.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func stream(t testing.TB, f fetch.File, off int64) io.ReadCloser {
	t.Helper()
	r, err := f.Stream(context.WithoutCancel(t.Context()), off)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// all reads a file to its end, or to the error.
func all(t testing.TB, tree fetch.Tree, name string) ([]byte, error) {
	t.Helper()
	f, err := tree.Open(t.Context(), name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := f.Stream(t.Context(), 0)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return io.ReadAll(s)
}

func same(t testing.TB, what string, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("%s: %d bytes are not the %d expected", what, len(got), len(want))
	}
}

func bytesAreExact(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	for name, want := range files() {
		f := mustOpen(t, tree, name)
		for range 2 { // from the answer to Open, and from a new one
			got, err := io.ReadAll(stream(t, f, 0))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			same(t, name, want, got)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func partsAreExact(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	want := files()["big.bin"]
	size := len(want)
	f := mustOpen(t, tree, "big.bin")
	offsets := []int{0, 1000, 2000, 3000} // in sequence
	if f.Ranges() {
		offsets = append(offsets, size-1000, size-999, size, size+5, 0, 1000, 1<<20, 1<<20+1000, 1<<20+2000, 7)
	}
	for _, off := range offsets {
		p := make([]byte, 1000)
		n, err := f.ReadAt(t.Context(), p, int64(off))
		if part := want[min(off, size):min(off+1000, size)]; !bytes.Equal(part, p[:n]) || (n < 1000) != (err == io.EOF) || err != nil && err != io.EOF {
			t.Errorf("at %d: %d bytes, %v", off, n, err)
		}
	}
	if f.Ranges() {
		for _, off := range []int{1, 1 << 20, size - 1, size} {
			got, err := io.ReadAll(stream(t, f, int64(off)))
			if err != nil {
				t.Error(err)
			}
			same(t, "stream", want[off:], got)
		}
	}
	if _, err := f.ReadAt(t.Context(), make([]byte, 1), -1); err == nil {
		t.Error("no error at -1")
	}
}

func readsInParallel(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	f := mustOpen(t, tree, "big.bin")
	if !f.Ranges() {
		t.Skip("without ranges there is one reader only")
	}
	want := files()["big.bin"]
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			const step = 100_000
			for off := r * 1000; off < len(want); off += step {
				p := make([]byte, min(step, len(want)-off))
				if _, err := f.ReadAt(t.Context(), p, int64(off)); err != nil || !bytes.Equal(p, want[off:off+len(p)]) {
					t.Errorf("at %d: %v, or wrong bytes", off, err)
				}
			}
		})
	}
	readers.Wait()
}

func sizesAreTold(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	for name, data := range files() {
		f := mustOpen(t, tree, name)
		want := int64(len(data))
		if k.NoSize {
			want = -1
		}
		if n, err := f.Size(t.Context()); n != want || err != nil {
			t.Errorf("%s: size %d, %v; want %d", name, n, err, want)
		}
		if len(data) > 0 && f.Ranges() == k.NoRanges {
			t.Errorf("%s: ranges is %v", name, f.Ranges())
		}
		if name == "small.txt" && !strings.HasSuffix(f.String(), "/"+name) {
			t.Errorf("%s is called %s", name, f)
		}
	}
}

func notFound(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	for _, name := range []string{"none", "deep/none", "small.txt/x", "none/x"} {
		_, err := tree.Open(t.Context(), name)
		Check(t, err, fetch.ErrNotFound)
	}
	mustOpen(t, tree, "small.txt") // the tree is usable still
}

func badNames(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	for _, name := range []string{".", "..", "../x", "/small.txt", "a//b", "a/../small.txt", "a/"} {
		_, err := tree.Open(t.Context(), name)
		Check(t, err, fetch.ErrPath)
	}
}

func closedTwice(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	f := mustOpen(t, tree, "big.bin")
	s := stream(t, f, 0)
	if _, err := io.ReadFull(s, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{s, s, f, f} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := s.Read(make([]byte, 1))
	Check(t, err, fetch.ErrClosed)
	_, err = f.ReadAt(t.Context(), make([]byte, 1), 0)
	Check(t, err, fetch.ErrClosed)
	for range 2 {
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	}
}

func cancelledBefore(t *testing.T, k Kind) {
	tree, _ := k.open(t, None)
	ctx, cancel := context.WithCancel(t.Context())
	f := mustOpen(t, tree, "big.bin")
	cancel()
	_, err := tree.Open(ctx, "big.bin")
	Check(t, err, fetch.ErrCancelled)
	_, err = f.ReadAt(ctx, make([]byte, 1), 0)
	Check(t, err, fetch.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
	if s, err := f.Stream(ctx, 0); err == nil {
		_, err = s.Read(make([]byte, 1))
		Check(t, err, fetch.ErrCancelled)
	}
	if n, err := f.ReadAt(t.Context(), make([]byte, 10), 0); n != 10 || err != nil {
		t.Errorf("with another context: %d, %v", n, err)
	}
}

package mediatest

import (
	"context"
	"crypto/sha256"
	"io"
	"testing"
	"time"

	"github.com/molt-installer/molt/media/fetch"
)

func faultTests() map[string]func(*testing.T, Kind) {
	return map[string]func(*testing.T, Kind){
		"forbidden": forbidden, "truncated": truncated, "wrong digest": wrongDigest, "slow": slow, "hung": hung,
		"gone and back": goneAndBack, "gone for good": goneForGood, "changed": changed, "cancelled while hung": cancelledHung,
		"closed while hung": closedHung,
	}
}

func forbidden(t *testing.T, k Kind) {
	if k.NoForbidden {
		t.Skip("all may read what is there")
	}
	tree, _ := k.open(t, Forbidden)
	_, err := tree.Open(t.Context(), badName)
	Check(t, err, fetch.ErrForbidden)
}

// prefix fails unless got is how want begins.
func prefix(t testing.TB, want, got []byte) {
	t.Helper()
	same(t, "beginning", want[:min(len(got), len(want))], got)
}

func truncated(t *testing.T, k Kind) {
	tree, want := k.open(t, Truncated)
	got, err := all(t, tree, badName)
	Check(t, err, fetch.ErrTruncated)
	prefix(t, want, got)
	f := mustOpen(t, tree, badName)
	_, err = f.ReadAt(t.Context(), make([]byte, len(want)), 0)
	Check(t, err, fetch.ErrTruncated)
}

// wrongDigest: what comes is what the server has; a digest finds the bit.
func wrongDigest(t *testing.T, k Kind) {
	s := NewStore(files())
	data := Bytes(9, 1<<20)
	want := sha256.Sum256(data)
	data[600<<10] ^= 1
	s.Put(badName, Item{Data: data})
	tree := k.serve(t, s)
	h := sha256.New()
	n, err := io.Copy(h, stream(t, mustOpen(t, tree, badName), 0))
	if n != 1<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if [32]byte(h.Sum(nil)) == want {
		t.Error("the flipped bit went unseen")
	}
}

// slow: a server may take longer than Stall if it keeps sending.
func slow(t *testing.T, k Kind) {
	s := NewStore(files())
	want := Bytes(9, 3<<20+1)
	s.Put(badName, Item{Data: want, Fault: Slow})
	tree := k.serve(t, s)
	start := time.Now()
	got, err := all(t, tree, badName)
	if err != nil {
		t.Error(err)
	}
	same(t, "slow file", want, got)
	if d := time.Since(start); d < Stall {
		t.Errorf("it took %v, too short to prove anything", d)
	}
}

// within fails when what began at start took much longer than Stall, or ended without waiting.
func within(t testing.TB, start time.Time) {
	t.Helper()
	if d := time.Since(start); d < Stall*9/10 || d > 3*Stall {
		t.Errorf("it took %v; no byte may come for %v", d, Stall)
	}
}

func hung(t *testing.T, k Kind) {
	tree, want := k.open(t, Hung)
	start := time.Now()
	got, err := all(t, tree, badName)
	Check(t, err, fetch.ErrTimeout)
	within(t, start)
	prefix(t, want, got)
	if len(got) < 100<<10 {
		t.Errorf("only %d bytes came", len(got))
	}
	f := mustOpen(t, tree, badName)
	start = time.Now()
	_, err = f.ReadAt(t.Context(), make([]byte, len(want)), 0)
	Check(t, err, fetch.ErrTimeout)
	within(t, start)
}

func goneAndBack(t *testing.T, k Kind) {
	tree, want := k.open(t, Gone)
	got, err := all(t, tree, badName)
	if err != nil {
		t.Error(err)
	}
	same(t, "resumed stream", want, got)
}

func goneForGood(t *testing.T, k Kind) {
	tree, want := k.open(t, GoneForGood)
	start := time.Now()
	got, err := all(t, tree, badName)
	Check(t, err, fetch.ErrCut, fetch.ErrTruncated)
	prefix(t, want, got)
	if d := time.Since(start); d > 3*Stall {
		t.Errorf("it took %v to give up", d)
	}
}

func changed(t *testing.T, k Kind) {
	if k.NoChange {
		t.Skip("the server tells neither size nor version")
	}
	tree, want := k.open(t, Changed)
	got, err := all(t, tree, badName)
	Check(t, err, fetch.ErrChanged)
	prefix(t, want, got)
}

// atOnce fails when end doesn't make read return long before Stall.
func atOnce(t testing.TB, read func() error, end func(), reason error) {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- read() }()
	timer := time.NewTimer(Stall / 4) // so that it waits for the server
	defer timer.Stop()
	select {
	case err := <-result:
		t.Fatalf("it did not hang: %v", err)
	case <-timer.C:
	}
	start := time.Now()
	end()
	Check(t, <-result, reason)
	if d := time.Since(start); d > Stall/2 {
		t.Errorf("it took %v", d)
	}
}

func cancelledHung(t *testing.T, k Kind) {
	tree, want := k.open(t, Hung)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := mustOpen(t, tree, badName).Stream(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	atOnce(t, func() error { _, err := io.ReadAll(s); return err }, cancel, fetch.ErrCancelled)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	f := mustOpen(t, tree, badName)
	atOnce(t, func() error { _, err := f.ReadAt(ctx, make([]byte, len(want)), 0); return err }, cancel, fetch.ErrCancelled)
}

func closedHung(t *testing.T, k Kind) {
	tree, _ := k.open(t, Hung)
	f := mustOpen(t, tree, badName)
	s := stream(t, f, 0)
	atOnce(t, func() error { _, err := io.ReadAll(s); return err }, func() { s.Close() }, fetch.ErrClosed)
	s = stream(t, f, 0)
	atOnce(t, func() error { _, err := io.ReadAll(s); return err }, func() { tree.Close() }, fetch.ErrClosed)
}

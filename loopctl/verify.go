package loopctl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"hash"
	"os"

	"golang.org/x/sys/unix"
)

// trail is a SHA-256 under way that keeps its state at every chunk. With them the chunks
// of a second reading can be checked side by side, on all cores, and prove the same as
// the digest of the whole.
type trail struct {
	h      hash.Hash
	states [][]byte // before each chunk, and after the last
	done   int64
}

func newTrail() *trail {
	t := &trail{h: sha256.New()}
	t.keep()
	return t
}

func (t *trail) write(data []byte) {
	t.h.Write(data)
	t.done += int64(len(data))
	t.keep()
}

func (t *trail) keep() { t.states = append(t.states, state(t.h)) }

func (t *trail) sum() []byte { return t.h.Sum(nil) }

func (t *trail) hex() string { return hex.EncodeToString(t.sum()) }

// state is how far h has come. crypto/sha256 promises that it can be had.
func state(h hash.Hash) []byte {
	b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

// checker is a filler that reads s and checks that it is what made the trail from
// chunk first on.
func (t *trail) checker(s section, first int64) filler {
	return func() func([]byte, int64) error {
		h := sha256.New()
		return func(buf []byte, at int64) error {
			if err := s.read(buf, at); err != nil {
				return err
			}
			i := first + at/chunkSize
			if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(t.states[i]); err != nil {
				return err
			}
			h.Write(buf)
			if !bytes.Equal(state(h), t.states[i+1]) {
				return &MismatchError{Offset: at, Within: int64(len(buf))}
			}
			return nil
		}
	}
}

// check reads s and checks that it is what made the trail from chunk first on.
func (t *trail) check(ctx context.Context, s section, first int64, progress func(done int64)) error {
	var done int64
	return inOrder(ctx, s.n, t.checker(s, first), func(data []byte) error {
		done += int64(len(data))
		progress(done)
		return nil
	})
}

// hash adds a section to the trail.
func (t *trail) hash(ctx context.Context, s section, progress func(done int64)) error {
	return t.take(ctx, s.n, reader(s), progress)
}

// take adds what a filler brings.
func (t *trail) take(ctx context.Context, n int64, fill filler, progress func(done int64)) error {
	return inOrder(ctx, n, fill, func(data []byte) error {
		t.write(data)
		progress(t.done)
		return nil
	})
}

// compare compares two sections of the same length and adds them to the trail, in one
// pass. A difference gives a *MismatchError that counts from the start of both.
func (t *trail) compare(ctx context.Context, a, b section, progress func(done int64)) error {
	return t.take(ctx, a.n, func() func([]byte, int64) error {
		other := aligned(chunkSize)
		return func(buf []byte, at int64) error {
			other := other[:len(buf)]
			if err := a.read(other, at); err != nil {
				return fmt.Errorf("read the device: %w", err)
			}
			if err := b.read(buf, at); err != nil {
				return fmt.Errorf("read the new file: %w", err)
			}
			if i := difference(other, buf); i >= 0 {
				return &MismatchError{Offset: at + int64(i)}
			}
			return nil
		}
	}, progress)
}

// difference is the index of the first byte that differs, -1 if none does.
func difference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// directReader opens the device once more, to be read past the page cache in whole
// blocks from aligned memory.
func (d *Device) directReader() (*os.File, error) {
	return os.OpenFile(d.path, os.O_RDONLY|unix.O_DIRECT, 0)
}

// Digest is the SHA-256, in lower-case hex, of what d serves: all of it that
// can be read, past the page cache. progress gets the bytes done so far. Requests
// that get stuck give ErrStalled when ctx ends.
func (d *Device) Digest(ctx context.Context, progress func(done int64)) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	var sum string
	_, err = patiently(ctx, 0, func(ctx context.Context, p *pulse) error {
		dev, err := d.directReader()
		if err != nil {
			return err
		}
		defer dev.Close()
		t := newTrail()
		err = t.hash(ctx, section{dev, 0, info.readable()}, func(done int64) { p.beat(func() { progress(done) }) })
		p.beat(func() { sum = t.hex() })
		return err
	}, func() {})
	if err != nil {
		return "", d.fail("read", kindOf(err), err)
	}
	return sum, nil
}

// dropCache makes the next reads of f come from where it is stored. It is a hint:
// pages that are dirty, mapped or of a file system in memory stay.
func dropCache(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

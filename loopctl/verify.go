package loopctl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	chunkSize = 1 << 20
	alignment = 4096 // of memory, file offset and length for O_DIRECT: no block is bigger
)

// section is a part of a file or device to read.
type section struct {
	r      io.ReaderAt
	off, n int64
}

// chunk is a piece of a section; with an error it is the last.
type chunk struct {
	data []byte
	err  error
}

// read reads a section ahead of its user, who must take chunks until the channel
// is closed. It ends early when ctx does.
func (s section) read(ctx context.Context) <-chan chunk {
	const ahead = 3
	full := make(chan chunk, ahead)
	go func() {
		defer close(full)
		var ring [ahead + 2][]byte // one being read, one with the user
		for i := range ring {
			ring[i] = aligned(chunkSize)
		}
		for done, i := int64(0), 0; done < s.n; i++ {
			if ctx.Err() != nil {
				full <- chunk{err: context.Cause(ctx)}
				return
			}
			buf := ring[i%len(ring)][:min(chunkSize, s.n-done)]
			if err := readFull(s.r, buf, s.off+done); err != nil {
				full <- chunk{err: err}
				return
			}
			full <- chunk{data: buf}
			done += int64(len(buf))
		}
	}()
	return full
}

func readFull(r io.ReaderAt, buf []byte, off int64) error {
	n, err := r.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == io.EOF {
		return fmt.Errorf("it ends at byte %d: %w", off+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}

// aligned is a buffer that begins where O_DIRECT wants it.
func aligned(size int) []byte {
	b := make([]byte, size+alignment)
	skip := alignment - int(uintptr(unsafe.Pointer(&b[0]))%alignment)
	return b[skip : skip+size : skip+size]
}

// digest hashes a section.
func digest(ctx context.Context, s section, h hash.Hash, progress func(done int64)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks := s.read(ctx)
	defer drain(chunks, stop)
	var done int64
	for c := range chunks {
		if c.err != nil {
			return c.err
		}
		h.Write(c.data)
		done += int64(len(c.data))
		progress(done)
	}
	return nil
}

// compare compares two sections of the same length and hashes the second, in one
// pass. A difference gives a *MismatchError that counts from the start of both.
func compare(ctx context.Context, a, b section, h hash.Hash, progress func(done int64)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	as, bs := a.read(ctx), b.read(ctx)
	defer drain(as, stop)
	defer drain(bs, stop)
	var done int64
	for x := range as {
		y := <-bs
		if err := errors.Join(x.err, y.err); err != nil {
			return err
		}
		if i := difference(x.data, y.data); i >= 0 {
			return &MismatchError{Offset: done + int64(i)}
		}
		h.Write(y.data)
		done += int64(len(y.data))
		progress(done)
	}
	return nil
}

// drain ends a reader and waits for its end.
func drain(chunks <-chan chunk, stop func()) {
	stop()
	for range chunks {
	}
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
// can be read, past the page cache. progress gets the bytes done so far.
func (d *Device) Digest(ctx context.Context, progress func(done int64)) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	dev, err := d.directReader()
	if err != nil {
		return "", d.fail("read", nil, err)
	}
	defer dev.Close()
	h := sha256.New()
	if err := digest(ctx, section{dev, 0, info.readable()}, h, progress); err != nil {
		return "", d.fail("read", nil, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// dropCache makes the next reads of f come from where it is stored. It is a hint:
// pages that are dirty, mapped or of a file system in memory stay.
func dropCache(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

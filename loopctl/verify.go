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
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	chunkSize = 1 << 20
	alignment = 4096 // of memory, file offset and length for O_DIRECT: no block is bigger
)

// section is a part of a file or device to read.
type section struct {
	f      *os.File
	off, n int64
}

// chunk is a piece of a section; with an error it is the last.
type chunk struct {
	data []byte
	err  error
}

// read reads a section ahead of its user, who must call next until he has all, or
// drain. It ends early when ctx does.
func (s section) read(ctx context.Context) <-chan chunk {
	const ahead = 3
	full := make(chan chunk, ahead)
	send := func(c chunk) bool {
		select {
		case full <- c:
			return c.err == nil
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(full)
		f, err := duplicate(s.f)
		if err != nil {
			send(chunk{err: err})
			return
		}
		defer f.Close()
		var ring [ahead + 2][]byte // one being read, one with the user
		for i := range ring {
			ring[i] = aligned(chunkSize)
		}
		for done, i := int64(0), 0; done < s.n && ctx.Err() == nil; i++ {
			buf := ring[i%len(ring)][:min(chunkSize, s.n-done)]
			if !send(chunk{buf, readFull(f, buf, s.off+done)}) {
				return
			}
			done += int64(len(buf))
		}
	}()
	return full
}

// next takes a chunk, and waits no longer than ctx: a read that hangs can't be called back.
func next(ctx context.Context, chunks <-chan chunk) ([]byte, error) {
	select {
	case c, ok := <-chunks:
		if ok {
			return c.data, c.err
		}
	case <-ctx.Done():
	}
	return nil, context.Cause(ctx)
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
	chunks := s.read(ctx)
	defer drain(chunks, stop)
	for done := int64(0); done < s.n; {
		data, err := next(ctx, chunks)
		if err != nil {
			return err
		}
		h.Write(data)
		done += int64(len(data))
		progress(done)
	}
	return nil
}

// compare compares two sections of the same length and hashes the second, in one
// pass. A difference gives a *MismatchError that counts from the start of both.
func compare(ctx context.Context, a, b section, h hash.Hash, progress func(done int64)) error {
	ctx, stop := context.WithCancel(ctx)
	as, bs := a.read(ctx), b.read(ctx)
	defer drain(as, stop)
	defer drain(bs, stop)
	for done := int64(0); done < a.n; {
		x, errX := next(ctx, as)
		y, errY := next(ctx, bs)
		if err := errors.Join(errX, errY); err != nil {
			return err
		}
		if i := difference(x, y); i >= 0 {
			return &MismatchError{Offset: done + int64(i)}
		}
		h.Write(y)
		done += int64(len(y))
		progress(done)
	}
	return nil
}

// drain ends a reader and waits for its end, but only a moment for a read that hangs: that
// one is left to end by itself.
func drain(chunks <-chan chunk, stop func()) {
	stop()
	t := time.NewTimer(moment)
	defer t.Stop()
	for {
		select {
		case _, ok := <-chunks:
			if !ok {
				return
			}
		case <-t.C:
			return
		}
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

package loopctl

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"unsafe"
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

// read fills buf from place at of the section.
func (s section) read(buf []byte, at int64) error { return readFull(s.r, buf, s.off+at) }

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

// filler fills buf with what belongs at place at. One is made for each of the
// goroutines, so that it can have memory of its own.
type filler func() func(buf []byte, at int64) error

// reader is the filler that just reads s.
func reader(s section) filler {
	return func() func([]byte, int64) error { return s.read }
}

// piece is a chunk on its way.
type piece struct {
	buf  []byte
	at   int64
	done chan error // has room for the one answer
}

// inOrder has chunks of n bytes filled by several goroutines at once and used one
// after the other. It returns at the first error, in that order, or when ctx ends, after
// the end of all that it has started.
func inOrder(ctx context.Context, n int64, fill filler, use func(data []byte) error) error {
	if n == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	workers := min(runtime.GOMAXPROCS(0)+2, 8) // some wait for a disk
	pool := make(chan []byte, workers+2)
	for range cap(pool) {
		pool <- aligned(int(min(n, chunkSize)))
	}
	work, queue := make(chan *piece), make(chan *piece, cap(pool))
	all.Go(func() { handOut(ctx, n, pool, work, queue) })
	for range workers {
		all.Go(func() {
			do := fill()
			for p := range work {
				p.done <- do(p.buf, p.at)
			}
		})
	}
	for p := range queue {
		select {
		case err := <-p.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := use(p.buf); err != nil {
			return err
		}
		pool <- p.buf
	}
	return context.Cause(ctx)
}

// handOut gives every piece to those who fill and, in order, to the one who uses.
func handOut(ctx context.Context, n int64, pool <-chan []byte, work, queue chan<- *piece) {
	defer close(work)
	defer close(queue)
	for at := int64(0); at < n; at += chunkSize {
		p := &piece{at: at, done: make(chan error, 1)}
		select {
		case buf := <-pool:
			p.buf = buf[:min(chunkSize, n-at)]
		case <-ctx.Done():
			return
		}
		queue <- p // there is room for all buffers
		select {
		case work <- p:
		case <-ctx.Done():
			return
		}
	}
}

// aligned is a buffer that begins where O_DIRECT wants it.
func aligned(size int) []byte {
	b := make([]byte, size+alignment)
	skip := alignment - int(uintptr(unsafe.Pointer(&b[0]))%alignment)
	return b[skip : skip+size : skip+size]
}

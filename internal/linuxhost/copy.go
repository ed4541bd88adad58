package linuxhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/host"
)

const (
	chunk   = 1 << 20 // bytes a read
	chunks  = 4       // buffers between reading, hashing and writing
	behind  = 8 << 20 // bytes between two requests to write out
	maxHeld = 4       // times behind: what may wait to be written out
)

// Copy implements host.Files. dst appears under its name when all of it is on
// the disk, and a missing directory is made. An error of the source is an
// *fs.PathError with the path src, one of the target has another: a bad disc
// and a full disk can be told apart. The space is taken before the first byte
// is read.
func (h *Host) Copy(ctx context.Context, src, dst string, progress func(int64)) (host.Copied, error) {
	in, err := os.Open(src)
	if err != nil {
		return host.Copied{}, err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return host.Copied{}, err
	}
	part := filepath.Join(filepath.Dir(dst), "."+filepath.Base(dst)+".part")
	out, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return host.Copied{}, err
	}
	copied, err := copyFile(ctx, in, out, progress)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(part, dst)
	}
	if err == nil {
		err = syncDir(filepath.Dir(dst))
	}
	if err != nil {
		os.Remove(part)
		return host.Copied{}, fmt.Errorf("copy %s to %s: %w", src, dst, err)
	}
	return copied, nil
}

func copyFile(ctx context.Context, in, out *os.File, progress func(int64)) (host.Copied, error) {
	info, err := in.Stat()
	if err != nil {
		return host.Copied{}, err
	}
	if err := reserve(out, info.Size()); err != nil {
		return host.Copied{}, err
	}
	unix.Fadvise(int(in.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	c := &copier{in: in, out: out, sum: sha256.New(), progress: progress}
	if err := c.run(ctx); err != nil {
		return host.Copied{}, err
	}
	if c.done != info.Size() && info.Mode().IsRegular() {
		return host.Copied{}, &fs.PathError{Op: "read", Path: in.Name(), Err: io.ErrUnexpectedEOF}
	}
	if err := out.Sync(); err != nil {
		return host.Copied{}, err
	}
	return host.Copied{Bytes: c.done, SHA256: hex.EncodeToString(c.sum.Sum(nil))}, nil
}

// reserve takes the space at once, so that a full disk shows before the work.
func reserve(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if err == nil || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return &fs.PathError{Op: "allocate", Path: f.Name(), Err: err}
}

// Digest implements host.Files.
func (h *Host) Digest(ctx context.Context, path string, progress func(int64)) (host.Copied, error) {
	in, err := os.Open(path)
	if err != nil {
		return host.Copied{}, err
	}
	defer in.Close()
	sum, buf, done := sha256.New(), make([]byte, chunk), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return host.Copied{}, context.Cause(ctx)
		}
		n, err := in.Read(buf)
		sum.Write(buf[:n])
		done += int64(n)
		if progress != nil && n > 0 {
			progress(done)
		}
		if err == io.EOF {
			return host.Copied{Bytes: done, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
		}
		if err != nil {
			return host.Copied{}, err
		}
	}
}

// copier reads in one goroutine, hashes in a second and writes in the third,
// each buffer passing through all of them.
type copier struct {
	in, out  *os.File
	sum      hash.Hash
	done     int64
	progress func(int64)
}

func (c *copier) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	free := make(chan []byte, chunks)
	for range chunks {
		free <- make([]byte, chunk)
	}
	filled := make(chan []byte, chunks)
	readErr := make(chan error, 1)
	go func() {
		defer close(filled)
		readErr <- c.read(ctx, free, filled)
	}()
	writeErr := c.drain(filled, free)
	if writeErr != nil {
		cancel()
		for range filled {
		}
	}
	return errors.Join(writeErr, notCancelled(writeErr, <-readErr))
}

// notCancelled hides the cancellation that a write error brought about.
func notCancelled(cause, err error) error {
	if cause != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (c *copier) read(ctx context.Context, free <-chan []byte, filled chan<- []byte) error {
	for {
		var buf []byte
		select {
		case buf = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		n, err := io.ReadFull(c.in, buf[:chunk])
		if n > 0 {
			filled <- buf[:n]
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// drain hashes and writes each buffer, both at the same time.
func (c *copier) drain(filled <-chan []byte, free chan<- []byte) error {
	toHash, hashed := make(chan []byte), make(chan struct{})
	defer close(toHash)
	go func() {
		for buf := range toHash {
			c.sum.Write(buf)
			hashed <- struct{}{}
		}
	}()
	for buf := range filled {
		toHash <- buf
		_, err := c.out.Write(buf)
		<-hashed
		if err != nil {
			return err
		}
		if err := c.advance(int64(len(buf))); err != nil {
			return err
		}
		free <- buf
	}
	return nil
}

// advance counts, and keeps the disk busy: what has been written starts on its
// way at once, and is waited for when too much is under way. A slow disk
// then never faces one huge fsync. The kernel tells each write error once: told
// of by the wait, it is not by the fsync (sync_file_range in fs/sync.c).
func (c *copier) advance(n int64) error {
	before := c.done / behind
	c.done += n
	if step := c.done / behind; step != before {
		fd := int(c.out.Fd())
		unix.SyncFileRange(fd, before*behind, behind, unix.SYNC_FILE_RANGE_WRITE)
		if old := (before - maxHeld) * behind; old >= 0 {
			err := unix.SyncFileRange(fd, old, behind, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
			if errors.Is(err, unix.EIO) || errors.Is(err, unix.ENOSPC) {
				return &fs.PathError{Op: "write", Path: c.out.Name(), Err: err}
			}
		}
	}
	if c.progress != nil {
		c.progress(c.done)
	}
	return nil
}

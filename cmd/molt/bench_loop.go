package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

const (
	loopFile     = 512 << 20 // bytes
	loopRounds   = 300       // of switches: p99 is the fourth-longest
	loopWindows  = 200       // with a switch in them, and as many without
	loopReaders  = 4
	loopVerified = 5
	loopServed   = 5
)

// loopBench is two files of the same content and a device over one of them.
type loopBench struct {
	*bench
	files [2]*os.File
	at    int // which of them the device serves from
	dev   *loopctl.Device
}

// loopctl measures switches of a loop device, and serving from user space. What is compared
// is run in turns, since the machine may have other things to do.
func (b *bench) loopctl(ctx context.Context) (err error) {
	l := &loopBench{bench: b}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.open(ctx); err != nil {
		return err
	}
	for _, measure := range []func(context.Context) error{l.switches, l.stalls, l.verified, l.served} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *loopBench) open(ctx context.Context) error {
	for i, name := range []string{"a", "b"} {
		f, err := writePattern(ctx, filepath.Join(l.dir, "loop-"+name))
		if err != nil {
			return err
		}
		l.files[i] = f
	}
	var err error
	l.dev, err = loopctl.Attach(ctx, l.files[0], loopctl.Config{ReadOnly: true, Autoclear: true})
	return err
}

func (l *loopBench) close() error {
	var errs []error
	if l.dev != nil {
		errs = append(errs, l.dev.Detach(context.Background()))
	}
	for _, f := range l.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// current is the file that the device serves from, other the one to switch to.
func (l *loopBench) current() *os.File { return l.files[l.at] }
func (l *loopBench) other() *os.File   { return l.files[1-l.at] }

// switched notes that the device serves from the other one now.
func (l *loopBench) switched() { l.at = 1 - l.at }

// writePattern writes a file that tells at every place where it is.
func writePattern(ctx context.Context, name string) (*os.File, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 1<<20)
	for off := int64(0); off < loopFile && err == nil; off += int64(len(buf)) {
		fillPattern(buf, off)
		if _, err = f.Write(buf); err == nil {
			err = ctx.Err()
		}
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return os.Open(name)
}

func fillPattern(buf []byte, off int64) {
	const odd = 0x9e3779b97f4a7c15
	for i := 0; i < len(buf); i += 8 {
		binary.LittleEndian.PutUint64(buf[i:], uint64(off+int64(i))*odd)
	}
}

// checkPattern says what is wrong with what was read at off. want has room for it.
func checkPattern(got, want []byte, off int64) error {
	fillPattern(want, off)
	if !bytes.Equal(got, want) {
		return fmt.Errorf("wrong bytes at %d", off)
	}
	return nil
}

// warm brings files into the page cache, cool drops them from it.
func warm(files ...*os.File) error {
	for _, f := range files {
		if err := readThrough(f); err != nil {
			return err
		}
	}
	return nil
}

func cool(files ...*os.File) error {
	for _, f := range files {
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return fmt.Errorf("drop the pages of %s: %w", f.Name(), err)
		}
	}
	return nil
}

// readThrough reads a file from end to end as cat does.
func readThrough(f *os.File) error {
	buf := make([]byte, 1<<20)
	for off := int64(0); off < loopFile; off += int64(len(buf)) {
		if _, err := f.ReadAt(buf, off); err != nil {
			return err
		}
	}
	return nil
}

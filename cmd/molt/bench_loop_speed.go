package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/molt-installer/molt/loopctl/blockfs"
	"github.com/molt-installer/molt/loopctl/failover"
	"github.com/molt-installer/molt/loopctl/source"
)

// verified measures a whole Switch, which compares, switches, reads back and hashes,
// beside cmp and sha256sum of the same files.
func (l *loopBench) verified(ctx context.Context) error {
	for _, state := range []struct {
		name    string
		prepare func(...*os.File) error
	}{{"cold", cool}, {"warm", warm}} {
		var ours, theirs samples
		for range loopVerified {
			for _, run := range []struct {
				do   func(context.Context) error
				into *samples
			}{{l.byCommands, &theirs}, {l.wholeSwitch, &ours}} {
				if err := state.prepare(l.files[:]...); err != nil {
					return err
				}
				start := time.Now()
				if err := run.do(ctx); err != nil {
					return err
				}
				*run.into = append(*run.into, time.Since(start))
			}
		}
		l.add(ratio("verified switch of 512 MiB, "+state.name, mibPerSecond(loopFile, ours.median()), "MiB/s",
			mibPerSecond(loopFile, theirs.median()), "cmp and sha256sum"))
	}
	return nil
}

func (l *loopBench) wholeSwitch(ctx context.Context) error {
	report, err := l.dev.Switch(ctx, l.other(), nil)
	if err != nil {
		return err
	}
	l.switched()
	fmt.Fprintf(l.log, "  switch: fsync %v, verify %v, ioctl %v, check %v\n", report.Fsync, report.Verify, report.Ioctl, report.Check)
	return nil
}

func (l *loopBench) byCommands(ctx context.Context) error {
	if err := exec.CommandContext(ctx, "cmp", l.current().Name(), l.other().Name()).Run(); err != nil {
		return fmt.Errorf("cmp: %w", err)
	}
	if err := exec.CommandContext(ctx, "sha256sum", l.other().Name()).Run(); err != nil {
		return fmt.Errorf("sha256sum: %w", err)
	}
	return nil
}

// served measures how fast a file can be read through the file system in user space that
// "loopctl serve" puts over its sources, beside the file itself.
func (l *loopBench) served(ctx context.Context) (err error) {
	plain := l.files[0]
	reader, err := failoverOver(ctx, plain.Name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	dir := filepath.Join(l.dir, "served")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	server, err := blockfs.Mount(ctx, dir, blockfs.Config{Reader: reader})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	through, err := os.Open(server.Path())
	if err != nil {
		return err
	}
	defer through.Close()
	return l.readBoth(ctx, through, plain)
}

func failoverOver(ctx context.Context, spec string) (*failover.Reader, error) {
	s, err := source.Open(ctx, spec, source.Options{})
	if err != nil {
		return nil, err
	}
	r, err := failover.New(ctx, []failover.Source{s}, failover.Options{Deadline: time.Minute})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return r, nil
}

// readBoth reads the served file and the plain one in turns.
func (l *loopBench) readBoth(ctx context.Context, served, plain *os.File) error {
	for _, state := range []struct {
		name    string
		prepare func() error
	}{
		{"nothing cached", func() error { return cool(served, plain) }},
		{"the source in memory", func() error { return errors.Join(cool(served), warm(plain)) }},
		{"cached", func() error { return warm(served, plain) }},
	} {
		var took [2]samples
		for range loopServed {
			for i, f := range []*os.File{served, plain} {
				if err := errors.Join(state.prepare(), ctx.Err()); err != nil {
					return err
				}
				start := time.Now()
				if err := readThrough(f); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(start))
			}
		}
		l.add(ratio("serve, "+state.name, mibPerSecond(loopFile, took[0].median()), "MiB/s",
			mibPerSecond(loopFile, took[1].median()), "the plain file"))
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/loopctl"
)

// switches measures the switch alone beside LOOP_SET_STATUS64, which does nothing but
// freeze the queue of the device: no switch can be faster.
func (l *loopBench) switches(ctx context.Context) error {
	kinds := []func(context.Context) (time.Duration, error){l.setStatus, l.changeFD, l.byHelper}
	took := make([]samples, len(kinds))
	for round := range loopRounds {
		for i := range kinds { // each comes first, second and third in its turn
			k := (round + i) % len(kinds)
			d, err := kinds[k](ctx)
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			took[k] = append(took[k], d)
		}
	}
	for i, name := range []string{"switch, LOOP_CHANGE_FD alone", "switch, by the helper process"} {
		l.beside(name, took[i+1], took[0], "LOOP_SET_STATUS64")
	}
	return nil
}

// beside adds the median and the 99th percentile.
func (l *loopBench) beside(name string, took, other samples, than string) {
	l.add(ratio(name+", p50", milliseconds(took.median()), "ms", milliseconds(other.median()), than))
	l.add(ratio(name+", p99", milliseconds(took.percentile(99)), "ms", milliseconds(other.percentile(99)), than))
}

func (l *loopBench) setStatus(context.Context) (time.Duration, error) {
	f, err := os.Open(l.dev.Path())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	status, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err != nil {
		return 0, err
	}
	start := time.Now()
	err = unix.IoctlLoopSetStatus64(int(f.Fd()), status)
	return time.Since(start), err
}

func (l *loopBench) changeFD(context.Context) (time.Duration, error) {
	start := time.Now()
	err := l.dev.ChangeFD(l.other())
	took := time.Since(start)
	if err == nil {
		l.switched()
	}
	return took, err
}

// byHelper is the ioctl as Switch has it issued, without what Switch proves.
func (l *loopBench) byHelper(ctx context.Context) (time.Duration, error) {
	report, err := l.dev.Switch(ctx, l.other(), &loopctl.SwitchOptions{Verify: loopctl.VerifyNone, SkipRecheck: true, Old: l.current()})
	if err == nil {
		l.switched()
	}
	return report.Ioctl, err
}

// stalls measures what readers notice: the longest read that falls into a switch, beside
// the longest in a time just as long without one.
func (l *loopBench) stalls(ctx context.Context) error {
	readers, stop := context.WithCancel(ctx)
	defer stop()
	begin := time.Now()
	reads, errs := make([][]span, loopReaders), make([]error, loopReaders)
	var all sync.WaitGroup
	for i := range loopReaders {
		all.Go(func() { reads[i], errs[i] = readAtRandom(readers, l.dev.Path(), begin) })
	}
	with, without, err := l.windows(ctx, begin)
	stop()
	all.Wait()
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	l.beside("longest read during a switch", stallsIn(with, reads), stallsIn(without, reads), "longest in as long a time without")
	return nil
}

// windows switches now and then, and as often only looks at the time.
func (l *loopBench) windows(ctx context.Context, begin time.Time) (with, without []span, err error) {
	for range loopWindows {
		if err := pass(ctx, 30*time.Millisecond+rand.N(60*time.Millisecond)); err != nil {
			return nil, nil, err
		}
		from := time.Since(begin)
		took, err := l.changeFD(ctx)
		if err != nil {
			return nil, nil, err
		}
		with = append(with, span{from, from + took})
		if err := pass(ctx, 30*time.Millisecond+rand.N(60*time.Millisecond)); err != nil {
			return nil, nil, err
		}
		from = time.Since(begin)
		if err := pass(ctx, took); err != nil {
			return nil, nil, err
		}
		without = append(without, span{from, from + took})
	}
	return with, without, nil
}

// pass lets time pass.
func pass(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stallsIn is, for each window, the longest read of any reader.
func stallsIn(windows []span, readers [][]span) samples {
	var s samples
	for _, w := range windows {
		longest := time.Duration(0)
		for _, reads := range readers {
			longest = max(longest, longestDuring(w, reads))
		}
		s = append(s, longest)
	}
	return s
}

// readAtRandom reads blocks past the page cache until ctx ends, checks them, and notes when.
func readAtRandom(ctx context.Context, device string, begin time.Time) ([]span, error) {
	f, err := os.OpenFile(device, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const block = 4096
	buf, err := unix.Mmap(-1, 0, 2*block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	defer unix.Munmap(buf)
	var reads []span
	for ctx.Err() == nil {
		off := rand.Int64N(loopFile/block) * block
		from := time.Since(begin)
		if _, err := f.ReadAt(buf[:block], off); err != nil {
			return nil, err
		}
		reads = append(reads, span{from, time.Since(begin)})
		if err := checkPattern(buf[:block], buf[block:], off); err != nil {
			return nil, err
		}
	}
	return reads, nil
}

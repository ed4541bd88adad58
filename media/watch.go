package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/uevent"
)

const (
	slowTick    = 2 * time.Second // some drives announce nothing
	pollMillis  = "1000"          // how often the kernel is to ask a drive while somebody waits
	pollSetting = "events_poll_msecs"
)

// Watch notices when what is in a drive changes. It remembers what each
// drive was like when Look last looked, so that a change between Look and
// Await is not lost. Its methods may be called from several goroutines, except
// that one Await at a time waits.
type Watch struct {
	events *os.File // gets something to read whenever the kernel tells of a device
	tick   time.Duration
	sys    string // "/sys"
	print  func(path string) fingerprint

	mu   sync.Mutex
	seen map[string]fingerprint
}

// NewWatch starts to listen for the kernel's messages about devices.
func NewWatch() (*Watch, error) {
	events, err := uevent.Listen()
	if err != nil {
		return nil, err
	}
	return newWatch(events), nil
}

func newWatch(events *os.File) *Watch {
	return &Watch{events: events, tick: slowTick, sys: "/sys", print: fingerprintOf, seen: map[string]fingerprint{}}
}

// Close stops listening. Await must not be waiting.
func (w *Watch) Close() error { return w.events.Close() }

// Look is the function Look, remembered.
func (w *Watch) Look(ctx context.Context, path string) (Disc, error) {
	d, seen, err := look(ctx, path)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[path] = seen
	return d, err
}

// Await returns when one of the drives is no longer as it was when w.Look last
// looked into it, or, if it never did, when Await began. It can return
// although the disc is the same as before; the caller looks anyway. When ctx
// ends first, its error is returned.
func (w *Watch) Await(ctx context.Context, drives []string) error {
	defer w.poll(drives)()
	stop := context.AfterFunc(ctx, func() { w.events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	before := w.remembered(drives)
	buffer := make([]byte, 16<<10)
	for {
		for _, d := range drives {
			if w.print(d) != before[d] {
				return nil
			}
		}
		if err := w.wait(ctx, buffer); err != nil {
			return err
		}
	}
}

// wait blocks until there is a reason to compare again.
func (w *Watch) wait(ctx context.Context, buffer []byte) error {
	if err := w.events.SetReadDeadline(time.Now().Add(w.tick)); err != nil {
		return fmt.Errorf("wait for device events: %w", err)
	}
	if ctx.Err() != nil { // it may have ended before the deadline above overwrote its own
		return ctx.Err()
	}
	_, err := w.events.Read(buffer)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// ENOBUFS: there were more events than fit; which ones doesn't matter.
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, unix.ENOBUFS) {
		return fmt.Errorf("wait for device events: %w", err)
	}
	return nil
}

func (w *Watch) remembered(drives []string) map[string]fingerprint {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := map[string]fingerprint{}
	for _, d := range drives {
		seen, ok := w.seen[d]
		if !ok {
			seen = w.print(d)
		}
		before[d] = seen
	}
	return before
}

// poll makes the kernel ask the drives for changes until the returned function is called.
// It does without where the kernel doesn't have that: the tick remains.
func (w *Watch) poll(drives []string) (restore func()) {
	var undo []func()
	for _, d := range drives {
		setting := filepath.Join(w.sys, "block", filepath.Base(d), pollSetting)
		old, err := os.ReadFile(setting)
		if err != nil || os.WriteFile(setting, []byte(pollMillis), 0) != nil {
			continue
		}
		undo = append(undo, func() { os.WriteFile(setting, old, 0) })
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// fingerprint is what changes when a disc does.
type fingerprint struct {
	status   Status
	sequence string // /sys/block/sr0/diskseq: grows with every disc (Linux 5.15)
	file     [3]int64
	problem  string // the drive can't be asked
}

func fingerprintOf(path string) fingerprint {
	optical, err := isOptical(path)
	if err != nil {
		return fingerprint{problem: err.Error()}
	}
	if !optical {
		return fileFingerprint(path)
	}
	d, err := OpenDrive(path)
	if err != nil {
		return fingerprint{problem: err.Error()}
	}
	defer d.Close()
	status, err := d.Status()
	if err != nil {
		return fingerprint{problem: err.Error()}
	}
	sequence, _ := os.ReadFile(filepath.Join("/sys/block", filepath.Base(path), "diskseq"))
	return fingerprint{status: status, sequence: strings.TrimSpace(string(sequence))}
}

func fileFingerprint(path string) fingerprint {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fingerprint{problem: err.Error()}
	}
	return fingerprint{file: [3]int64{int64(st.Ino), st.Size, st.Mtim.Nano()}}
}

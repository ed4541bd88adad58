package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// keep is how many results of one kind stay in the cache.
const keep = 3

// cache is a directory of results, each named by the digest of its inputs.
type cache struct {
	dir string
	log func(format string, args ...any)
}

// lock keeps other builds away from what name stands for: builds of other
// examples go on. The lock goes with the process.
func (c cache) lock(name string) (unlock func(), err error) {
	path := filepath.Join(c.dir, "locks", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open a lock of the cache: %w", err)
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		c.log("another build is at %s: waiting for it", name)
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
	return func() { f.Close() }, nil
}

// get returns the directory of a result, and makes it first when it isn't
// there. make fills a new directory; a failed one leaves nothing.
func (c cache) get(ctx context.Context, kind, key string, make func(ctx context.Context, dir string) error) (string, error) {
	unlock, err := c.lock(kind)
	if err != nil {
		return "", err
	}
	defer unlock()
	final := filepath.Join(c.dir, kind, key[:16])
	start := time.Now()
	if _, err := os.Stat(final); err == nil {
		return final, os.Chtimes(final, start, start)
	}
	c.log("%s …", kind)
	tmp := final + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return "", fmt.Errorf("clear %s: %w", tmp, err)
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", fmt.Errorf("make a place for %s: %w", kind, err)
	}
	if err := make(ctx, tmp); err != nil {
		os.RemoveAll(tmp)
		return "", fmt.Errorf("make %s: %w", kind, err)
	}
	now := time.Now() // an unpacked package has given the directory a date of its own
	if err := os.Chtimes(tmp, now, now); err != nil {
		return "", fmt.Errorf("date %s: %w", kind, err)
	}
	if err := os.Rename(tmp, final); err != nil {
		return "", fmt.Errorf("keep %s: %w", kind, err)
	}
	c.log("%s: %.1f s", kind, time.Since(start).Seconds())
	return final, c.prune(kind)
}

// prune drops all but the most recently used results of a kind.
func (c cache) prune(kind string) error {
	entries, err := os.ReadDir(filepath.Join(c.dir, kind))
	if err != nil {
		return fmt.Errorf("look through the cache of %s: %w", kind, err)
	}
	type result struct {
		path string
		used time.Time
	}
	var all []result
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, result{filepath.Join(c.dir, kind, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b result) int { return b.used.Compare(a.used) })
	for _, old := range all[min(keep, len(all)):] {
		if err := os.RemoveAll(old.path); err != nil {
			return fmt.Errorf("drop an old %s: %w", kind, err)
		}
	}
	return nil
}

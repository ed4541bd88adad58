package disc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	c := cache{dir: t.TempDir(), log: t.Logf}
	made := 0
	get := func(key string) (string, error) {
		return c.get(t.Context(), "thing", digest(key), func(_ context.Context, dir string) error {
			made++
			return os.WriteFile(filepath.Join(dir, "x"), []byte(key), 0o644)
		})
	}
	dir, err := get("a")
	if err != nil {
		t.Fatal(err)
	}
	again, err := get("a")
	if err != nil || again != dir || made != 1 {
		t.Errorf("%s, %v, made %d times", again, err, made)
	}
	// a is the oldest of more than are kept
	if err := os.Chtimes(dir, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"b", "c", "d"} {
		if _, err := get(key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the oldest is still there: %v", err)
	}
}

// TestCacheKeepsTheNewest: dpkg-deb gives a directory the date of the package, which
// doesn't make the result an old one.
func TestCacheKeepsTheNewest(t *testing.T) {
	c := cache{dir: t.TempDir(), log: t.Logf}
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		dir, err := c.get(t.Context(), "thing", digest(key), func(_ context.Context, dir string) error {
			return os.Chtimes(dir, time.Time{}, time.Unix(1, 0))
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("%s was dropped as soon as it was made: %v", key, err)
		}
	}
	if left, err := os.ReadDir(filepath.Join(c.dir, "thing")); err != nil || len(left) != keep {
		t.Errorf("%v, %v", left, err)
	}
}

func TestCacheKeepsNoFailure(t *testing.T) {
	c := cache{dir: t.TempDir(), log: t.Logf}
	fail := errors.New("no luck")
	_, err := c.get(t.Context(), "thing", digest("a"), func(_ context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return fail
	})
	if !errors.Is(err, fail) {
		t.Errorf("error %v", err)
	}
	left, err := os.ReadDir(filepath.Join(c.dir, "thing"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLock(t *testing.T) {
	waiting := make(chan bool)
	first := cache{dir: t.TempDir(), log: t.Logf}
	second := cache{dir: first.dir, log: func(string, ...any) { close(waiting) }}
	unlock, err := first.lock("x")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		unlock, err := second.lock("x")
		if err == nil {
			unlock()
		}
		got <- err
	}()
	<-waiting // it has found the lock taken
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

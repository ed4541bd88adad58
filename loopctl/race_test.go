package loopctl

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRace attaches and detaches from many sides at once, by the package and by
// processes of the command: none gets lost, each serves its own file, nothing is left.
func TestRace(t *testing.T) {
	asRoot(t)
	for _, tc := range []struct {
		name            string
		workers, rounds int
		once            func(*testing.T, *os.File) error
	}{
		{"package", 8, 50, attachOnceAndDetach},
		{"command", 8, 5, attachByCommandAndDetach},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := make([]*os.File, tc.workers)
			for w := range files {
				files[w] = file(t, "img", pattern(4096, byte(w)))
			}
			ends := noLeaks(t)
			var attached atomic.Int32
			var all sync.WaitGroup
			for w, f := range files {
				all.Go(func() {
					for range tc.rounds {
						if err := tc.once(t, f); err != nil {
							t.Errorf("worker %d: %v", w, err)
							return
						}
						attached.Add(1)
					}
				})
			}
			all.Wait()
			if n := int(attached.Load()); n != tc.workers*tc.rounds {
				t.Errorf("%d attached, want %d", n, tc.workers*tc.rounds)
			}
			ends()
		})
	}
}

func attachOnceAndDetach(t *testing.T, f *os.File) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	d, err := Attach(ctx, f, Config{ReadOnly: true})
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err == nil && !isBacking(f, info) {
		err = errors.New(d.Path() + " serves from " + info.BackingFile)
	}
	return errors.Join(err, d.Detach(ctx))
}

func attachByCommandAndDetach(t *testing.T, f *os.File) error {
	out := command(t, "attach", "-r", f.Name())
	if out.code != 0 {
		return refusal(out)
	}
	path := strings.TrimSpace(out.stdout)
	var err error
	if info, serr := Stat(path); serr != nil || info.BackingFile != f.Name() {
		err = errors.Join(serr, errors.New(path+" serves from "+info.BackingFile))
	}
	if out := command(t, "detach", path); out.code != 0 {
		err = errors.Join(err, refusal(out))
	}
	return err
}

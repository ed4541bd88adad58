package loopctl

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watching runs Watch and gives its events and its end.
func watching(ctx context.Context, d *Device, path string, o WatchOptions) (events chan WatchEvent, end chan error) {
	events, end = make(chan WatchEvent, 1024), make(chan error, 1)
	o.Tell = func(e WatchEvent) { events <- e }
	go func() {
		_, err := d.Watch(ctx, path, &o)
		end <- err
	}()
	return events, end
}

// expect waits for an event of that state.
func expect(t *testing.T, events <-chan WatchEvent, state string) WatchEvent {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e.State == state {
				return e
			}
		case <-within(t).Done():
			t.Fatalf("nothing is %s", state)
		}
	}
}

func ended(t *testing.T, end <-chan error) error {
	t.Helper()
	select {
	case err := <-end:
		return err
	case <-within(t).Done():
		t.Fatal("it doesn't end")
		return nil
	}
}

// TestWatch: nothing there, the wrong size, the wrong content, a copy half done, and then the copy.
func TestWatch(t *testing.T) {
	content := pattern(imgSize, 1)
	d := attach(t, file(t, "from", content), Config{ReadOnly: true})
	before := infoOf(t, d)
	path := filepath.Join(t.TempDir(), "to")
	events, end := watching(within(t), d, path, WatchOptions{})
	expect(t, events, WatchWaiting)
	for _, tc := range []struct {
		content []byte
		want    error
	}{{content[:4096], ErrSizeMismatch}, {pattern(imgSize, 2), ErrContentMismatch}} {
		if err := os.WriteFile(path, tc.content, 0o600); err != nil {
			t.Fatal(err)
		}
		for e := expect(t, events, WatchRefused); !errors.Is(e.Err, tc.want); {
			e = expect(t, events, WatchRefused)
		}
		unchanged(t, d, before)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect(t, events, WatchWaiting)
	good := file(t, "good", content)
	if err := os.Rename(good.Name(), path); err != nil {
		t.Fatal(err)
	}
	if err := ended(t, end); err != nil {
		t.Fatal(err)
	}
	expect(t, events, WatchMoved)
	if !isBacking(good, infoOf(t, d)) {
		t.Error("it serves from another file")
	}
	serves(t, d, content)
}

func TestWatchCopy(t *testing.T) {
	for _, c := range []Config{{ReadOnly: true}, {ReadOnly: true, Offset: 4096}, {ReadOnly: true, SizeLimit: 65536}} {
		content := pattern(imgSize, 1)
		d := attach(t, file(t, "from", content), c)
		info := infoOf(t, d)
		path := filepath.Join(t.TempDir(), "to")
		events, end := watching(within(t), d, path, WatchOptions{Copy: true})
		if err := ended(t, end); err != nil {
			t.Fatal(err)
		}
		expect(t, events, WatchCopying)
		expect(t, events, WatchMoved)
		if now := infoOf(t, d); now.BackingFile != path {
			t.Errorf("it serves from %s", now.BackingFile)
		}
		serves(t, d, content[info.Offset:info.Offset+info.Size])
		noPart(t, path)
	}
}

func noPart(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path + ".part"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s.part is left: %v", path, err)
	}
}

// TestWatchCopyKeeps: what is there already is not replaced.
func TestWatchCopyKeeps(t *testing.T) {
	d := attach(t, file(t, "from", pattern(imgSize, 1)), Config{ReadOnly: true})
	precious := file(t, "precious", []byte("x"))
	ctx, cancel := context.WithCancel(within(t))
	events, end := watching(ctx, d, precious.Name(), WatchOptions{Copy: true})
	expect(t, events, WatchRefused)
	cancel()
	is(t, ended(t, end), context.Canceled)
	if b, err := os.ReadFile(precious.Name()); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	noPart(t, precious.Name())
}

// TestWatchEnded: the context ends in the middle of a copy.
func TestWatchEnded(t *testing.T) {
	content := pattern(8<<20, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	h.stop()
	ctx, cancel := context.WithCancel(within(t))
	path := filepath.Join(t.TempDir(), "to")
	events, end := watching(ctx, d, path, WatchOptions{Copy: true})
	expect(t, events, WatchCopying)
	cancel()
	is(t, ended(t, end), context.Canceled)
	noPart(t, path)
	h.resume()
	serves(t, d, content)
}

// TestWatchStalled: requests are stuck, then flow again.
func TestWatchStalled(t *testing.T) {
	content := pattern(1<<20, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	to := file(t, "to", content)
	h.stop()
	o := WatchOptions{Switch: SwitchOptions{StallAfter: 20 * time.Millisecond}}
	events, end := watching(within(t), d, to.Name(), o)
	if e := expect(t, events, WatchRefused); !errors.Is(e.Err, ErrStalled) {
		t.Errorf("refused with %v", e.Err)
	}
	h.resume()
	if err := ended(t, end); err != nil {
		t.Fatal(err)
	}
	serves(t, d, content)
}

// TestWatchGone: without its directory there is nothing to wait for.
func TestWatchGone(t *testing.T) {
	d := attach(t, file(t, "from", pattern(4096, 1)), Config{ReadOnly: true})
	dir := filepath.Join(t.TempDir(), "dir")
	_, err := d.Watch(within(t), filepath.Join(dir, "to"), nil)
	is(t, err, fs.ErrNotExist)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	events, end := watching(within(t), d, filepath.Join(dir, "to"), WatchOptions{})
	expect(t, events, WatchWaiting)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	is(t, ended(t, end), fs.ErrNotExist)
}

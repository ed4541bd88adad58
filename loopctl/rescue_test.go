package loopctl

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dead is a device whose server has died after the kernel was to forget what it knew.
func dead(t *testing.T, content []byte, c Config) *Device {
	t.Helper()
	h, f := hang(t, content)
	c.ReadOnly = true
	d := attach(t, f, c)
	f.Close()
	h.forget(t)
	h.die(t)
	return d
}

func TestRescue(t *testing.T) {
	for _, tc := range []struct {
		name string
		size int
		c    Config
	}{
		{"plain", 3 << 20, Config{}},
		{"half a sector", 3<<20 + 612, Config{}},
		{"offset", 3 << 20, Config{Offset: 4096}},
		{"limit", 3 << 20, Config{SizeLimit: 2 << 20}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			content := pattern(tc.size, 1)
			d := dead(t, content, tc.c)
			to := file(t, "to", content)
			shown := content[tc.c.Offset:]
			if tc.c.SizeLimit > 0 {
				shown = shown[:tc.c.SizeLimit]
			}
			sum := sha256.Sum256(shown)
			before, err := Stat(d.Path())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Switch(within(t), to, nil); err == nil {
				t.Error("Switch moves it without rescue")
			}
			r, err := d.Rescue(within(t), to, &SwitchOptions{Digest: sum[:]})
			if err != nil {
				t.Fatal(err)
			}
			now := infoOf(t, d)
			if !isBacking(to, now) || now.Size != before.Size || now.Name != "to" || !now.ReadOnly {
				t.Errorf("it is %+v", now)
			}
			if len(r.Warnings) > 0 {
				t.Error(r.Warnings)
			}
			serves(t, d, content[tc.c.Offset:])
		})
	}
}

// TestRescueRefuses: nothing is touched when it can't be right.
func TestRescueRefuses(t *testing.T) {
	content := pattern(1<<20, 1)
	d := dead(t, content, Config{})
	before, err := Stat(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	sum, wrong := sha256.Sum256(content), sha256.Sum256(nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		size   int
		digest []byte
		want   error
	}{
		{"no digest", within(t), 1 << 20, nil, nil},
		{"other digest", within(t), 1 << 20, wrong[:], ErrContentMismatch},
		{"other size", within(t), 1<<20 - 4096, sum[:], ErrSizeMismatch},
		{"ended", ended, 1 << 20, sum[:], context.Canceled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := d.Rescue(tc.ctx, file(t, "to", content[:tc.size]), &SwitchOptions{Digest: tc.digest})
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if now, err := Stat(d.Path()); err != nil || now != before {
				t.Errorf("it has changed, %v:\n%+v\n%+v", err, before, now)
			}
		})
	}
}

// TestRescueMounted: a file system goes on where it got I/O errors before.
func TestRescueMounted(t *testing.T) {
	img, tree := image(t, "squashfs")
	content := make([]byte, 0)
	st, err := img.Stat()
	if err != nil {
		t.Fatal(err)
	}
	content = append(content, make([]byte, st.Size())...)
	if _, err := img.ReadAt(content, 0); err != nil {
		t.Fatal(err)
	}
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	point := t.TempDir()
	mountOn(t, d.Path(), point, "squashfs", unix.MS_RDONLY, "")
	h.forget(t)
	h.die(t)
	sum := sha256.Sum256(content)
	if _, err := d.Rescue(within(t), img, &SwitchOptions{Digest: sum[:]}); err != nil {
		t.Fatal(err)
	}
	dropCaches(t)
	sameTree(t, tree, point)
}

// TestVerifyHangs: the old file begins to hang while it is read. The error comes in time
// and nothing has changed.
func TestVerifyHangs(t *testing.T) {
	content := pattern(8<<20, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	before := infoOf(t, d)
	o := &SwitchOptions{StallAfter: 20 * time.Millisecond, Progress: func(stage string, done, _ int64) {
		if stage == StageVerify && done > 0 {
			h.stop()
		}
	}}
	start := time.Now()
	_, err := d.Switch(within(t), file(t, "to", content), o)
	is(t, err, ErrStalled)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	h.resume()
	for wait := newBackoff(); infoOf(t, d).InFlight > 0; {
		if err := wait.next(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	unchanged(t, d, before)
	serves(t, d, content)
}

// TestTouch: an old file that hangs while nobody reads is found out at the first read.
func TestTouch(t *testing.T) {
	content := pattern(1<<20, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	h.stop()
	_, err := d.Switch(within(t), file(t, "to", content), &SwitchOptions{StallAfter: 20 * time.Millisecond})
	is(t, err, ErrStalled)
	h.resume()
	serves(t, d, content)
}

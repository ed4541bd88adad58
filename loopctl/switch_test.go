package loopctl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const imgSize = 2<<20 + 512

// unchanged fails the test when d is not as before any more.
func unchanged(t *testing.T, d *Device, before Info) {
	t.Helper()
	now, err := d.Info()
	if err != nil {
		t.Fatal(err)
	}
	if now != before {
		t.Errorf("the device has changed:\nbefore %+v\nnow    %+v", before, now)
	}
}

func infoOf(t *testing.T, d *Device) Info {
	t.Helper()
	info, err := d.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// serves fails the test when d has other content.
func serves(t *testing.T, d *Device, content []byte) {
	t.Helper()
	dev, err := d.directReader()
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	content = content[:infoOf(t, d).readable()]
	got := aligned(len(content))
	if _, err := dev.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("the device has other content at byte %d", difference(got, content))
	}
}

func TestSwitch(t *testing.T) {
	sum := sha256.Sum256(pattern(imgSize, 1))
	for _, tc := range []struct {
		name string
		c    Config
		size int
		o    *SwitchOptions
	}{
		{"full", Config{}, imgSize, nil},
		{"digest", Config{}, imgSize, &SwitchOptions{Verify: VerifyDigest, Digest: sum[:]}},
		{"none", Config{}, imgSize, &SwitchOptions{Verify: VerifyNone}},
		{"no recheck", Config{}, imgSize, &SwitchOptions{SkipRecheck: true}},
		{"offset", Config{Offset: 4096}, imgSize, nil},
		{"limit", Config{SizeLimit: 65536}, imgSize, nil},
		{"large blocks", Config{BlockSize: 4096}, imgSize, nil},
		{"tail", Config{}, imgSize + 100, nil},
		{"direct I/O", Config{DirectIO: true}, imgSize, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			content := pattern(tc.size, 1)
			from, to := file(t, "from", content), file(t, "to", content)
			tc.c.ReadOnly = true
			d := attach(t, from, tc.c)
			before := infoOf(t, d)
			r, err := d.Switch(within(t), to, tc.o)
			if err != nil {
				t.Fatal(err)
			}
			checkReport(t, r, before, infoOf(t, d), content[before.Offset:])
			if now := infoOf(t, d); !isBacking(to, now) || now.Name != "to" || now.DiskSeq <= before.DiskSeq {
				t.Errorf("it serves from %+v", now)
			}
			serves(t, d, content[before.Offset:before.Offset+before.Size])
		})
	}
}

func checkReport(t *testing.T, r *Report, before, after Info, content []byte) {
	t.Helper()
	if before.SizeLimit > 0 {
		content = content[:before.SizeLimit]
	}
	sum := sha256.Sum256(content)
	if r.SHA256 != "" && r.SHA256 != fmt.Sprintf("%x", sum) {
		t.Errorf("digest %s, want %x", r.SHA256, sum)
	}
	if r.Old != before || r.New != after || r.Bytes != int64(before.Size) || r.Ioctl == 0 {
		t.Errorf("report %+v", r)
	}
	for _, w := range r.Warnings {
		t.Error("warning:", w)
	}
}

// TestSwitchBigger: with a size limit a bigger file, as a partition would be, can take over.
func TestSwitchBigger(t *testing.T) {
	content := pattern(imgSize, 1)
	d := attach(t, file(t, "from", content), Config{ReadOnly: true, SizeLimit: imgSize})
	if _, err := d.Switch(within(t), file(t, "to", append(content, pattern(4096, 2)...)), nil); err != nil {
		t.Fatal(err)
	}
	serves(t, d, content)
}

// bad is a new file that Switch must refuse, with what ChangeFD says of it.
type bad struct {
	name   string
	open   func(t *testing.T, d *Device) *os.File
	o      *SwitchOptions
	want   error
	bare   error // the sentinel of ChangeFD; nil: the kernel takes it
	errno  error
	attach Config
}

func badFiles() []bad {
	content := pattern(imgSize, 1)
	plain := func(content []byte) func(*testing.T, *Device) *os.File {
		return func(t *testing.T, _ *Device) *os.File { return file(t, "to", content) }
	}
	path := func(name string, flags int) func(*testing.T, *Device) *os.File {
		return func(t *testing.T, _ *Device) *os.File { return opened(t, name, flags) }
	}
	other := bytes.Clone(content)
	other[imgSize-1]++
	wrong := sha256.Sum256(nil)
	ro := Config{ReadOnly: true}
	return []bad{
		{"other content", plain(other), nil, ErrContentMismatch, nil, nil, ro},
		{"other digest", plain(content), &SwitchOptions{Verify: VerifyDigest, Digest: wrong[:]}, ErrContentMismatch, nil, nil, ro},
		{"100 bytes more", plain(append(bytes.Clone(content), make([]byte, 100)...)), nil, ErrSizeMismatch, nil, nil, ro},
		{"100 bytes less", plain(content[:imgSize-100]), nil, ErrSizeMismatch, ErrSizeMismatch, unix.EINVAL, ro},
		{"a sector more", plain(append(bytes.Clone(content), make([]byte, 512)...)), nil, ErrSizeMismatch, ErrSizeMismatch, unix.EINVAL, ro},
		{"shorter than the limit", plain(content[:4096]), nil, ErrSizeMismatch, ErrSizeMismatch, unix.EINVAL, Config{ReadOnly: true, SizeLimit: 8192}},
		{"empty", plain(nil), nil, ErrSizeMismatch, ErrSizeMismatch, unix.EINVAL, ro},
		{"device read-write", plain(content), nil, ErrNotReadOnly, ErrNotReadOnly, unix.EINVAL, Config{}},
		{"directory", path("/", unix.O_RDONLY), nil, ErrBadBacking, ErrBadBacking, unix.EINVAL, ro},
		{"character device", path("/dev/null", unix.O_RDONLY), nil, ErrBadBacking, ErrBadBacking, unix.EINVAL, ro},
		{"proc", path("/proc/self/status", unix.O_RDONLY), nil, ErrBadBacking, ErrBadBacking, unix.EINVAL, ro},
		{"sys", path("/sys/kernel/uevent_seqnum", unix.O_RDONLY), nil, ErrBadBacking, ErrBadBacking, unix.EINVAL, ro},
		{"O_PATH", path("/etc/passwd", unix.O_PATH), nil, ErrBadBacking, ErrBadBacking, unix.EBADF, ro},
		{"write-only", writeOnly, nil, ErrBadBacking, nil, nil, ro},
		{"closed", closedFile, nil, ErrBadBacking, ErrBadBacking, unix.EBADF, ro},
		{"pipe", pipeEnd, nil, ErrBadBacking, ErrBadBacking, unix.EINVAL, ro},
		{"itself", func(t *testing.T, d *Device) *os.File { return opened(t, d.Path(), 0) }, nil, ErrRecursion, ErrRecursion, unix.EBADF, ro},
		{"a loop on itself", onTop, nil, ErrRecursion, ErrRecursion, unix.EBADF, ro},
		{"the same file", func(t *testing.T, d *Device) *os.File { return opened(t, infoOf(t, d).BackingFile, 0) }, nil, ErrSameFile, nil, nil, ro},
		{"digest too short", plain(content), &SwitchOptions{Verify: VerifyDigest, Digest: wrong[:3]}, nil, nil, nil, ro},
	}
}

func opened(t *testing.T, name string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func writeOnly(t *testing.T, _ *Device) *os.File {
	return opened(t, file(t, "to", pattern(imgSize, 1)).Name(), unix.O_WRONLY)
}

func closedFile(t *testing.T, _ *Device) *os.File {
	f := file(t, "to", pattern(imgSize, 1))
	f.Close()
	return f
}

func pipeEnd(t *testing.T, _ *Device) *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r
}

// onTop is a second loop device that reads from the first.
func onTop(t *testing.T, d *Device) *os.File {
	return opened(t, attach(t, opened(t, d.Path(), 0), Config{ReadOnly: true}).Path(), 0)
}

func TestSwitchRefuses(t *testing.T) {
	for _, tc := range badFiles() {
		t.Run(tc.name, func(t *testing.T) {
			content := pattern(imgSize, 1)
			d := attach(t, file(t, "from", content), tc.attach)
			f := tc.open(t, d)
			before := infoOf(t, d)
			r, err := d.Switch(within(t), f, tc.o)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if r == nil {
				t.Error("no report")
			}
			unchanged(t, d, before)
			serves(t, d, content[:before.Size])
		})
	}
}

// TestChangeFD is the table of errnos: each is a sentinel too.
func TestChangeFD(t *testing.T) {
	for _, tc := range badFiles() {
		t.Run(tc.name, func(t *testing.T) {
			d := attach(t, file(t, "from", pattern(imgSize, 1)), tc.attach)
			f := tc.open(t, d)
			err := d.ChangeFD(f)
			if tc.bare == nil && err == nil {
				return
			}
			if !errors.Is(err, tc.bare) || !errors.Is(err, tc.errno) {
				t.Errorf("got %v, want %v and %v", err, tc.bare, tc.errno)
			}
		})
	}
	t.Run("not bound", func(t *testing.T) {
		d := attach(t, file(t, "from", pattern(imgSize, 1)), Config{ReadOnly: true})
		if err := unix.IoctlSetInt(int(d.f.Fd()), unix.LOOP_CLR_FD, 0); err != nil {
			t.Fatal(err)
		}
		// Newer kernels clear it at the last close: what is open stays bound till then.
		if err := d.ChangeFD(file(t, "to", pattern(imgSize, 1))); err != nil && (!errors.Is(err, ErrNotBound) || !errors.Is(err, unix.ENXIO)) {
			t.Errorf("got %v", err)
		}
	})
}

// at calls do once, when a Switch has come to the end of a stage.
func at(stage string, do func()) func(string, int64, int64) {
	called := false
	return func(s string, done, total int64) {
		if s == stage && done == total && !called {
			called = true
			do()
		}
	}
}

// TestRollBack: what goes wrong after the switch takes the device back to its old file.
func TestRollBack(t *testing.T) {
	content := pattern(imgSize, 1)
	for _, tc := range []struct {
		name  string
		stage string
		spoil func(f *os.File, cancel func())
		want  error
	}{
		{"overwritten", StageVerify, func(f *os.File, _ func()) { f.WriteAt([]byte("x"), imgSize/2) }, ErrContentMismatch},
		{"truncated", StageVerify, func(f *os.File, _ func()) { f.Truncate(4096) }, nil},
		{"cancelled", StageCheck, func(_ *os.File, cancel func()) { cancel() }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from, to := file(t, "from", content), file(t, "to", content)
			d := attach(t, from, Config{ReadOnly: true})
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			o := &SwitchOptions{Progress: at(tc.stage, func() { tc.spoil(to, cancel) })}
			_, err := d.Switch(ctx, to, o)
			if tc.name == "cancelled" && err == nil {
				return // it came too late
			}
			now := infoOf(t, d)
			if !isBacking(from, now) {
				t.Errorf("it serves from %s", now.BackingFile)
			}
			if tc.want != nil && !errors.Is(err, tc.want) || err == nil {
				t.Errorf("got %v", err)
			}
			if tc.name == "overwritten" && !errors.Is(err, ErrRolledBack) {
				t.Errorf("not rolled back: %v", err)
			}
			serves(t, d, content)
		})
	}
}

// TestSwitchInterrupted ends the context at every stage: the device is as it was.
func TestSwitchInterrupted(t *testing.T) {
	content := pattern(imgSize, 1)
	for _, stage := range []string{"", StageSync, StageVerify} {
		t.Run("at "+stage, func(t *testing.T) {
			d := attach(t, file(t, "from", content), Config{ReadOnly: true})
			before := infoOf(t, d)
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			if stage == "" {
				cancel()
			}
			_, err := d.Switch(ctx, file(t, "to", content), &SwitchOptions{Progress: at(stage, cancel)})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			unchanged(t, d, before)
		})
	}
}

// TestSwitchConcurrent: somebody else switches while we verify.
func TestSwitchConcurrent(t *testing.T) {
	content := pattern(imgSize, 1)
	d := attach(t, file(t, "from", content), Config{ReadOnly: true})
	third := file(t, "third", content)
	o := &SwitchOptions{Progress: at(StageVerify, func() {
		if err := d.ChangeFD(third); err != nil {
			t.Error(err)
		}
	})}
	if _, err := d.Switch(within(t), file(t, "to", content), o); !errors.Is(err, ErrConcurrent) {
		t.Errorf("got %v", err)
	}
	if now := infoOf(t, d); !isBacking(third, now) {
		t.Errorf("it serves from %s", now.BackingFile)
	}
}

func TestToMemory(t *testing.T) {
	for _, c := range []Config{{ReadOnly: true}, {ReadOnly: true, Offset: 4096}, {ReadOnly: true, SizeLimit: 65536}} {
		content := pattern(imgSize, 1)
		f := file(t, "from", content)
		d := attach(t, f, c)
		if _, err := d.ToMemory(within(t), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, imgSize), 0); err != nil {
			t.Fatal(err)
		}
		info := infoOf(t, d)
		serves(t, d, content[info.Offset:info.Offset+info.Size])
	}
}

// TestAwait: an ioctl that never ends must not keep its caller.
func TestAwait(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := await(ctx, newAttempt(), func() {}); !errors.Is(err, ErrPending) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stuck: got %v", err)
	}
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Skip(err)
	}
	a := newAttempt()
	a.child <- p
	go func() { a.done <- answer(p.Wait()) }()
	if err := await(ctx, a, func() {}); !errors.Is(err, errNoAnswer) {
		t.Errorf("killed: got %v", err)
	}
}

// TestHelper: the helper process gives the errno, and the thread the same.
func TestHelper(t *testing.T) {
	null := opened(t, "/dev/null", 0)
	for name, start := range map[string]func(dev, f *os.File) *attempt{"process": byProcess, "thread": byThread} {
		if err := await(within(t), start(null, null), func() {}); !errors.Is(err, unix.ENOTTY) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := helperImage("arm64"); err != nil {
		t.Error(err)
	}
	if _, err := helperImage("pdp11"); err == nil {
		t.Error("a helper for the PDP-11")
	}
}

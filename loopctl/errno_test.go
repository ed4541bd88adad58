package loopctl

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// errnoRow is a row of the table of LOOP_CHANGE_FD's errors: what drivers/block/loop.c
// answers, and which of our sentinels stands for it.
type errnoRow struct {
	name   string
	attach Config
	open   func(t *testing.T, d *Device) *os.File
	errno  error // nil: the kernel takes the file
	kind   error
}

func errnoRows() []errnoRow {
	ro := Config{ReadOnly: true}
	limit := Config{ReadOnly: true, SizeLimit: 64 << 10}
	sized := func(size int) func(*testing.T, *Device) *os.File {
		return func(t *testing.T, _ *Device) *os.File { return file(t, "to", pattern(size, 1)) }
	}
	path := func(name string, flags int) func(*testing.T, *Device) *os.File {
		return func(t *testing.T, _ *Device) *os.File { return opened(t, name, flags) }
	}
	self := func(flags int) func(*testing.T, *Device) *os.File {
		return func(t *testing.T, d *Device) *os.File { return opened(t, infoOf(t, d).BackingFile, flags) }
	}
	return []errnoRow{
		{"device read-write", Config{}, sized(imgSize), unix.EINVAL, ErrNotReadOnly},
		{"closed", ro, closedFile, unix.EBADF, ErrBadBacking},
		{"O_PATH", ro, path("/etc/passwd", unix.O_PATH), unix.EBADF, ErrBadBacking},
		{"the device itself", ro, func(t *testing.T, d *Device) *os.File { return opened(t, d.Path(), 0) }, unix.EBADF, ErrRecursion},
		{"a chain that ends in it", ro, onTop, unix.EBADF, ErrRecursion},
		{"unbound loop device", ro, unboundLoop, unix.EINVAL, ErrBadBacking},
		{"directory", ro, path("/", 0), unix.EINVAL, ErrBadBacking},
		{"pipe", ro, pipeEnd, unix.EINVAL, ErrBadBacking},
		{"eventfd", ro, eventFD, unix.EINVAL, ErrBadBacking},
		{"character device", ro, path("/dev/zero", 0), unix.EINVAL, ErrBadBacking},
		{"proc", ro, path("/proc/self/status", 0), unix.EINVAL, ErrBadBacking},
		{"sys", ro, path("/sys/kernel/uevent_seqnum", 0), unix.EINVAL, ErrBadBacking},
		{"hugetlb memfd", ro, memfd(unix.MFD_HUGETLB, 0), unix.EINVAL, ErrBadBacking},
		{"memfd_secret", ro, secretFD, unix.EINVAL, ErrBadBacking},
		{"a sector more", ro, sized(imgSize + 512), unix.EINVAL, ErrSizeMismatch},
		{"a sector less", ro, sized(imgSize - 512), unix.EINVAL, ErrSizeMismatch},
		{"100 bytes less, so a sector", ro, sized(imgSize - 100), unix.EINVAL, ErrSizeMismatch},
		{"100 bytes more", ro, sized(imgSize + 100), nil, nil},
		{"beyond the limit", limit, sized(2 * imgSize), nil, nil},
		{"shorter than the limit", limit, sized(4096), unix.EINVAL, ErrSizeMismatch},
		{"the same file, read-write", ro, self(unix.O_RDWR), nil, nil},
		{"write-only", ro, self(unix.O_WRONLY), nil, nil},
		{"another loop device", ro, func(t *testing.T, _ *Device) *os.File {
			return opened(t, attach(t, file(t, "other", pattern(imgSize, 1)), ro).Path(), 0)
		}, nil, nil},
		{"memfd", ro, memfd(unix.MFD_ALLOW_SEALING, imgSize), nil, nil},
		{"O_TMPFILE", ro, tmpFile, nil, nil},
	}
}

func unboundLoop(t *testing.T, _ *Device) *os.File {
	n, err := freeNumber()
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, "/dev/"+sysName(n), 0)
}

func eventFD(t *testing.T, _ *Device) *os.File {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	return ownFD(t, fd, err)
}

func secretFD(t *testing.T, _ *Device) *os.File {
	fd, err := unix.MemfdSecret(unix.O_CLOEXEC)
	return ownFD(t, fd, err)
}

func memfd(flags int, size int64) func(*testing.T, *Device) *os.File {
	return func(t *testing.T, _ *Device) *os.File {
		fd, err := unix.MemfdCreate("m", flags|unix.MFD_CLOEXEC)
		f := ownFD(t, fd, err)
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		return f
	}
}

func tmpFile(t *testing.T, _ *Device) *os.File {
	fd, err := unix.Open(t.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	f := ownFD(t, fd, err)
	if err := f.Truncate(imgSize); err != nil {
		t.Fatal(err)
	}
	return f
}

func ownFD(t *testing.T, fd int, err error) *os.File {
	t.Helper()
	if err != nil {
		t.Skip("the kernel has no such file:", err)
	}
	f := os.NewFile(uintptr(fd), t.Name())
	t.Cleanup(func() { f.Close() })
	return f
}

// TestErrno: every answer of the kernel is told by a sentinel and by its errno.
func TestErrno(t *testing.T) {
	for _, tc := range errnoRows() {
		t.Run(tc.name, func(t *testing.T) {
			from := file(t, "from", pattern(imgSize, 1))
			d := attach(t, from, tc.attach)
			f := tc.open(t, d)
			err := d.ChangeFD(f)
			if tc.errno == nil {
				// Back, so that the new file is free to be cleaned up.
				if back := d.ChangeFD(from); err != nil || back != nil {
					t.Errorf("got %v, and back %v", err, back)
				}
				return
			}
			is(t, err, tc.kind, tc.errno)
		})
	}
}

// is fails the test when err doesn't match all of want, or isn't an *Error.
func is(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("got %v, want %v", err, w)
		}
	}
	if e := (*Error)(nil); !errors.As(err, &e) {
		t.Errorf("%T is no *Error", err)
	}
}

// TestErrnoNotBound: the kernel looks at the descriptor first, then at the device.
func TestErrnoNotBound(t *testing.T) {
	asRoot(t)
	good := file(t, "to", pattern(imgSize, 1))
	d := &Device{f: unboundLoop(t, nil), number: 0, path: "/dev/unbound"}
	is(t, d.ChangeFD(good), ErrNotBound, unix.ENXIO)
	is(t, d.ChangeFD(closedFile(t, nil)), ErrBadBacking, unix.EBADF)
}

// TestErrnoNoLoop: any other device stands for a kernel without the ioctl.
func TestErrnoNoLoop(t *testing.T) {
	d := &Device{f: opened(t, "/dev/null", 0), path: "/dev/null"}
	is(t, d.ChangeFD(file(t, "to", pattern(512, 1))), ErrUnsupported, unix.ENOTTY)
	if d.hasChangeFD() {
		t.Error("/dev/null has LOOP_CHANGE_FD")
	}
}

// TestErrnoInterrupted: nobody lives to see this one but the helper's parent.
func TestErrnoInterrupted(t *testing.T) {
	d := attach(t, file(t, "from", pattern(4096, 1)), Config{ReadOnly: true})
	is(t, d.explain("switch", file(t, "to", nil), unix.EINTR), ErrInterrupted, unix.EINTR)
}

// TestErrnoOldDead: from 6.18 on the size of the old file is asked of its server.
func TestErrnoOldDead(t *testing.T) {
	content := pattern(imgSize, 1)
	h, f := hang(t, content)
	d := attach(t, f, Config{ReadOnly: true})
	f.Close()
	h.forget(t)
	h.die(t)
	err := d.ChangeFD(file(t, "to", content))
	if err == nil && !atLeast(kernelRelease(), 6, 16) {
		t.Skip("this kernel keeps the size itself")
	}
	is(t, err, ErrOldUnreadable, unix.EINVAL)
}

const asNobody = "LOOPCTL_TEST_NOBODY" // a device and a file

// TestPermission has somebody try who isn't root.
func TestPermission(t *testing.T) {
	if args := os.Getenv(asNobody); args != "" {
		permission(t, args)
		return
	}
	content := pattern(4096, 1)
	img := file(t, "img", content)
	d := attach(t, img, Config{ReadOnly: true})
	before := infoOf(t, d)
	dir, err := os.MkdirTemp("/tmp", "loopctl")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "to"), content, 0o644),
			os.WriteFile(filepath.Join(dir, "test"), self, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	other := exec.CommandContext(within(t), filepath.Join(dir, "test"), "-test.run=^TestPermission$")
	other.Dir, other.Env = "/", []string{asNobody + "=" + d.Path() + " " + filepath.Join(dir, "to")}
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := other.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	unchanged(t, d, before)
}

func permission(t *testing.T, args string) {
	path, name, _ := strings.Cut(args, " ")
	_, err := Open(path)
	is(t, err, ErrPermission, unix.EACCES, fs.ErrPermission)
	_, err = Attach(context.Background(), opened(t, name, 0), Config{ReadOnly: true})
	is(t, err, ErrPermission, unix.EACCES)
	if _, err := List(); err != nil {
		t.Errorf("List: %v", err)
	}
	if _, err := Stat(path); err != nil {
		t.Errorf("Stat: %v", err)
	}
}

package loopctl

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSizes is losetup's file-show, file-offset, file-sizelimit and file-section of
// util-linux, and LTP's ioctl_loop07: what a device shows of a file, by everybody who
// knows it.
func TestSizes(t *testing.T) {
	const mib = 1 << 20
	for _, tc := range []struct {
		name                      string
		file, offset, limit, want uint64
	}{
		{"file-show", 10 * mib, 0, 0, 10485760},
		{"file-offset", 10 * mib, mib, 0, 9437184},
		{"file-sizelimit", 10 * mib, 0, 3 * mib, 3145728},
		{"file-section", 10 * mib, mib, 3 * mib, 3145728},
		{"ioctl_loop07, limit beyond the end", mib, 0, 4 * mib, 2048 * 512},
		{"ioctl_loop07, limit within", mib, 0, mib / 2, 1024 * 512},
		{"section to the end", 10 * mib, 9 * mib, 3 * mib, mib},
		{"not whole sectors", mib + 100, 0, 0, mib},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, w way) {
				f := file(t, "img", nil)
				if err := f.Truncate(int64(tc.file)); err != nil {
					t.Fatal(err)
				}
				d := w.attached(t, f, Config{ReadOnly: true, Offset: tc.offset, SizeLimit: tc.limit})
				agree(t, fmt.Sprint(tc.want), sizes(t, d))
				agree(t, fmt.Sprintf("offset %d limit %d ro true dio false log-sec 512 file %s", tc.offset, tc.limit, f.Name()), shown(t, d))
			})
		})
	}
}

// TestAgainstLosetup: a device of losetup's making is to us what it is to losetup.
func TestAgainstLosetup(t *testing.T) {
	asRoot(t)
	f := file(t, "img", pattern(1<<20, 1))
	path := tool(t, "losetup", "--find", "--show", "--read-only", "--offset", "4096", "--sizelimit", "65536", f.Name())
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { release(t, d) })
	agree(t, "offset 4096 limit 65536 ro true dio false log-sec 512 file "+f.Name(), shown(t, d))
	agree(t, "65536", sizes(t, d))
}

// TestFlags is LTP's ioctl_loop01: of the flags only autoclear and partition scan are
// settable on a bound device, and autoclear alone can be taken back.
func TestFlags(t *testing.T) {
	for name, attach := range map[string]func(testing.TB, *os.File, Config) *Device{"configure": attach, "legacy": attachLegacy} {
		t.Run(name, func(t *testing.T) {
			d := attach(t, file(t, "img", pattern(10<<20, 1)), Config{})
			setFlags(t, d, unix.LO_FLAGS_AUTOCLEAR|unix.LO_FLAGS_PARTSCAN|unix.LO_FLAGS_READ_ONLY|unix.LO_FLAGS_DIRECT_IO)
			want := Info{Autoclear: true, PartScan: true}
			if got := flagsOf(infoOf(t, d)); got != want {
				t.Errorf("all set: %+v, want %+v", got, want)
			}
			setFlags(t, d, 0)
			if got := flagsOf(infoOf(t, d)); got != (Info{PartScan: true}) {
				t.Errorf("all cleared: %+v", got)
			}
		})
	}
}

func flagsOf(i Info) Info {
	return Info{ReadOnly: i.ReadOnly, Autoclear: i.Autoclear, PartScan: i.PartScan, DirectIO: i.DirectIO}
}

func setFlags(t *testing.T, d *Device, flags uint32) {
	t.Helper()
	status, err := unix.IoctlLoopGetStatus64(int(d.f.Fd()))
	if err == nil {
		status.Flags = flags
		err = setStatus(int(d.f.Fd()), status)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadOnly is the first half of LTP's ioctl_loop02: a device is read-only because it was
// asked for, or because the file was opened so, and nothing can be written.
func TestReadOnly(t *testing.T) {
	content := pattern(1<<20, 1)
	for name, open := range map[string]int{"file read-only": os.O_RDONLY, "file read-write": os.O_RDWR} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, w way) {
				f := opened(t, file(t, "img", content).Name(), open)
				d := w.attached(t, f, Config{ReadOnly: true})
				agree(t, "offset 0 limit 0 ro true dio false log-sec 512 file "+f.Name(), shown(t, d))
				if ro := tool(t, "lsblk", "-n", "-d", "-o", "RO", d.Path()); ro != "1" {
					t.Errorf("lsblk says ro %s", ro)
				}
				dev, err := os.OpenFile(d.Path(), os.O_RDWR, 0)
				if err == nil {
					_, err = dev.Write(make([]byte, 512))
					dev.Close()
				}
				if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EROFS) {
					t.Errorf("a write: %v", err)
				}
				serves(t, d, content)
			})
		})
	}
}

// TestCapacity is LTP's ioctl_loop04: a device takes its file's new size when told to, and
// a write ends where that ends.
func TestCapacity(t *testing.T) {
	f := file(t, "img", make([]byte, 10240))
	d := attach(t, f, Config{})
	agree(t, "10240", sizes(t, d))
	if err := f.Truncate(5120); err != nil {
		t.Fatal(err)
	}
	agree(t, "10240", sizes(t, d))
	if err := d.SetCapacity(); err != nil {
		t.Fatal(err)
	}
	agree(t, "5120", sizes(t, d))
	dev := opened(t, d.Path(), os.O_RDWR)
	if n, err := dev.Write(make([]byte, 10240)); n != 5120 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a write of 10240 bytes: %d, %v", n, err)
	}
}

// TestDirectIO is LTP's ioctl_loop05: direct I/O on and off, and with an offset of whole
// blocks; not with half a block.
func TestDirectIO(t *testing.T) {
	_, point := volume(t, file(t, "img", pattern(1<<20, 1))) // a file system that has direct I/O
	f, err := os.OpenFile(point+"/copy.img", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tc := range []struct {
		name    string
		c       Config
		refused bool
	}{
		{"no offset", Config{}, false},
		{"a block", Config{Offset: 4096}, false},
		{"half a block", Config{Offset: 256}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := attach(t, f, tc.c)
			err := d.SetDirectIO(true)
			if tc.refused {
				if !errors.Is(err, unix.EINVAL) || infoOf(t, d).DirectIO {
					t.Errorf("on: %v", err)
				}
				return
			}
			if err != nil || !infoOf(t, d).DirectIO || !strings.Contains(losetup(t, d), "dio true") {
				t.Errorf("on: %v, %+v, losetup: %s", err, infoOf(t, d), losetup(t, d))
			}
			if err := d.SetDirectIO(false); err != nil || infoOf(t, d).DirectIO || !strings.Contains(losetup(t, d), "dio false") {
				t.Errorf("off: %v, %+v, losetup: %s", err, infoOf(t, d), losetup(t, d))
			}
		})
	}
}

// TestBlockSizes is LTP's ioctl_loop06 and blktests' loop/002: powers of two from 512 to the
// page size, when it is attached and later.
func TestBlockSizes(t *testing.T) {
	page := uint32(os.Getpagesize())
	for _, tc := range []struct {
		size uint32
		good bool
	}{{512, true}, {1024, true}, {2048, true}, {4096, true}, {256, false}, {1234, false}, {page - 1, false}, {1 << 31, false}} {
		t.Run(fmt.Sprint(tc.size), func(t *testing.T) {
			both(t, func(t *testing.T, w way) {
				ends := noLeaks(t)
				f := file(t, "img", pattern(1<<20, 1))
				d, err := w.attach(f, Config{ReadOnly: true, BlockSize: tc.size})
				if (err == nil) != tc.good {
					t.Errorf("attached with it: %v", err)
				}
				if err == nil {
					checkBlockSize(t, d, tc.size)
					release(t, d)
				}
				f.Close()
				ends()
			})
			d := attach(t, file(t, "img", pattern(1<<20, 1)), Config{ReadOnly: true})
			err := d.SetBlockSize(tc.size)
			switch {
			case tc.good && err == nil:
				checkBlockSize(t, d, tc.size)
			case tc.good || !errors.Is(err, unix.EINVAL):
				t.Errorf("set later: %v", err)
			default:
				checkBlockSize(t, d, 512)
			}
		})
	}
}

func checkBlockSize(t *testing.T, d *Device, want uint32) {
	t.Helper()
	if got := infoOf(t, d).BlockSize; got != want {
		t.Errorf("block size %d, want %d", got, want)
	}
	if got := tool(t, "blockdev", "--getss", d.Path()); got != fmt.Sprint(want) {
		t.Errorf("blockdev says %s, want %d", got, want)
	}
}

// TestBlockSizeMounted: one that is mounted keeps its block size.
func TestBlockSizeMounted(t *testing.T) {
	img, tree := image(t, "squashfs")
	d := attach(t, img, Config{ReadOnly: true})
	point := t.TempDir()
	mountOn(t, d.Path(), point, "squashfs", unix.MS_RDONLY, "")
	if err := d.SetBlockSize(4096); !errors.Is(err, ErrBusy) || !errors.Is(err, unix.EBUSY) {
		if err == nil && !atLeast(kernelRelease(), 6, 17) {
			t.Skip("this kernel lets it")
		}
		t.Errorf("got %v", err)
	}
	sameTree(t, tree, point)
}

// unbound is a loop device of our own that nobody else is given.
func unbound(t *testing.T) (path string) {
	t.Helper()
	asRoot(t)
	ctl := opened(t, "/dev/loop-control", os.O_RDWR)
	for n := 1000 + os.Getpid()%10000*10; ; n++ {
		err := unix.IoctlSetInt(int(ctl.Fd()), unix.LOOP_CTL_ADD, n)
		if errors.Is(err, unix.EEXIST) {
			continue
		}
		if err != nil {
			t.Skip("no loop device can be added: ", err)
		}
		t.Cleanup(func() {
			until(t, "the device to be removed", func() bool {
				return unix.IoctlSetInt(int(ctl.Fd()), unix.LOOP_CTL_REMOVE, n) == nil
			})
		})
		return fmt.Sprintf("/dev/loop%d", n)
	}
}

// TestUnboundIsFast is blktests' loop/003: opening and closing unbound devices costs nothing,
// where a kernel that waits a grace period for each takes minutes.
func TestUnboundIsFast(t *testing.T) {
	path := unbound(t)
	start := time.Now()
	for range 5000 {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for range 200 {
		if _, err := Open(path); !errors.Is(err, ErrNotBound) {
			t.Fatalf("Open: %v", err)
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if out := command(t, "info", path); out.code != statusFor(ErrNotBound) {
		t.Errorf("%+v", out)
	}
}

// TestStatusWithoutBuffer is blktests' loop/005: a status asked for without room for it is
// an error, after which the device goes on.
func TestStatusWithoutBuffer(t *testing.T) {
	content := pattern(1<<20, 1)
	d := attach(t, file(t, "img", content), Config{ReadOnly: true})
	for _, request := range []uintptr{unix.LOOP_GET_STATUS, unix.LOOP_GET_STATUS64} {
		const nowhere = 1
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.f.Fd(), request, nowhere)
		if errno != unix.EFAULT && errno != unix.EINVAL {
			t.Errorf("request %#x: %v", request, errno)
		}
	}
	if _, err := d.Switch(within(t), file(t, "to", content), nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

package loopctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// suitable refuses what the kernel would refuse, and what it would accept to the
// device's harm. It reads nothing from the device.
func (s *swap) suitable() error {
	old := s.report.Old
	if !old.ReadOnly {
		return s.fail(ErrNotReadOnly, errors.New("attach it read-only to be able to switch it"))
	}
	if _, err := accessMode(s.file); err != nil {
		return s.fail(ErrBadBacking, err)
	}
	st, err := fstat(s.file)
	if err != nil {
		return s.fail(ErrBadBacking, err)
	}
	if !backable(s.file, st) {
		return s.fail(ErrBadBacking, errors.New("neither a regular file that the kernel can read nor a block device"))
	}
	if uint64(st.Dev) == old.BackingDev && st.Ino == old.BackingIno {
		return s.fail(ErrSameFile, nil)
	}
	if err := s.notItself(); err != nil {
		return err
	}
	return s.sameSize(st)
}

// notItself refuses a file whose bytes come from the device itself.
func (s *swap) notItself() error {
	var own unix.Stat_t
	if err := unix.Fstat(int(s.dev.f.Fd()), &own); err != nil {
		return s.fail(nil, err)
	}
	t := newTracer(uint64(own.Rdev))
	itself, err := t.open(s.file)
	for _, name := range t.blind {
		s.warn("it can't be seen whether %s is stored on the device itself", name)
	}
	if itself {
		return s.fail(ErrRecursion, nil)
	}
	if err != nil {
		return s.fail(nil, fmt.Errorf("find out where the new file is stored: %w", err))
	}
	return nil
}

// sameSize compares in bytes. The kernel compares sectors, and with a size limit
// takes any file that is long enough, which is as it should be.
func (s *swap) sameSize(st unix.Stat_t) error {
	old := s.report.Old
	size, err := byteSize(st)
	if err != nil {
		return s.fail(ErrBadBacking, err)
	}
	want := old.Offset + old.Size
	s.tail = int64(old.Size) - old.readable()
	if old.SizeLimit > 0 && size >= want {
		return nil
	}
	if size == want || s.oldSize > 0 && size == s.oldSize && visible(size, old)/sectorSize == old.Size/sectorSize {
		s.tail += int64(size - want)
		return nil
	}
	return s.fail(ErrSizeMismatch, fmt.Errorf("it has %d bytes, the device needs %d", size, max(want, s.oldSize)))
}

// partitionsFree refuses when a partition of the device is in use: the kernel
// would go on with the old table.
func (s *swap) partitionsFree() error {
	name := sysName(s.dev.number)
	entries, err := os.ReadDir("/sys/block/" + name)
	if err != nil {
		return s.fail(nil, err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), name+"p") {
			continue
		}
		if held, err := exclusive("/dev/" + e.Name()); err != nil || held {
			return s.fail(ErrPartitioned, fmt.Errorf("/dev/%s is mounted or open", e.Name()))
		}
	}
	return nil
}

// flowing refuses when requests wait in the device and none comes back.
func (s *swap) flowing(ctx context.Context) error {
	name := sysName(s.dev.number)
	limit := s.options.StallAfter
	start := time.Now()
	waiting, done, err := system().traffic(name)
	for wait := newBackoff(); err == nil && waiting > 0; {
		var now uint64
		waiting, now, err = system().traffic(name)
		if now != done {
			return nil
		}
		if time.Since(start) > limit {
			return s.fail(ErrStalled, fmt.Errorf("%d requests wait, none was answered for %v", waiting, limit))
		}
		if err := wait.next(ctx); err != nil {
			return s.fail(nil, err)
		}
	}
	if err != nil {
		return s.fail(nil, err)
	}
	return nil
}

// traffic is how many requests wait, and how many have been answered so far:
// reads and writes of Documentation/block/stat.rst.
func (s sysfs) traffic(name string) (waiting, done uint64, err error) {
	a := attributes{fsys: s.root, dir: "block/" + name}
	waiting = a.sum("inflight")
	if stat := a.fields("stat"); len(stat) > 4 {
		done = a.parse("stat", stat[0]) + a.parse("stat", stat[4])
	}
	return waiting, done, a.err
}

// survives refuses when the kernel would shut down the file system on the device: from
// Linux 6.6 on LOOP_CHANGE_FD ends in fs_bdev_mark_dead of those that have a shutdown
// operation. A file system that isn't mounted has nothing to lose. content is where its
// superblock can be read.
func (s *swap) survives(content io.ReaderAt) error {
	held, err := s.dev.Held()
	if err != nil {
		return err
	}
	if !held {
		return nil
	}
	fstype, err := fileSystem(content)
	if err != nil {
		return s.fail(nil, fmt.Errorf("read the superblock: %w", err))
	}
	release := kernelRelease()
	switch {
	case fstype == "":
		s.warn("what is on the device is not known; the kernel may shut it down at the switch")
	case slices.Contains([]string{"ext4", "xfs", "f2fs"}, fstype) && !s.options.AllowFSKill && atLeast(release, 6, 6):
		return s.fail(ErrWouldKillFS, fmt.Errorf("%s on Linux %s; squashfs, erofs and btrfs live on", fstype, release))
	}
	return nil
}

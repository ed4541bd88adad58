package loopctl

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ToMemory copies what the device serves into a sealed memfd and switches to it, so
// that nothing but memory is needed any more. Too little memory gives ErrNoMemory
// before anything is copied.
func (d *Device) ToMemory(ctx context.Context, o *SwitchOptions) (*Report, error) {
	info, err := d.Info()
	if err != nil {
		return &Report{}, err
	}
	report := &Report{Old: info, New: info}
	if err := enoughMemory(info.Size); err != nil {
		return report, d.fail("copy to memory", ErrNoMemory, err)
	}
	f, err := memoryFile(filepath.Base(info.BackingFile))
	if err != nil {
		return report, d.fail("copy to memory", kindOf(err), err)
	}
	defer f.Close()
	if err := f.Truncate(int64(info.Offset + info.Size)); err != nil {
		return report, d.fail("copy to memory", kindOf(err), err)
	}
	s := newSwap(d, f, o)
	return s.run(ctx, []step{s.look, s.check, s.copy, s.sync, s.verify}, s.change)
}

// copy fills the new file, which is in memory, and seals it. What lies before the device's
// offset is a hole.
func (s *swap) copy(ctx context.Context) error {
	if err := s.copyContent(ctx); err != nil {
		return s.fail(readKind(err), fmt.Errorf("copy the device to memory: %w", err))
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(s.given.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return s.fail(nil, fmt.Errorf("seal the copy: %w", err))
	}
	return nil
}

func (s *swap) copyContent(ctx context.Context) error {
	dev, err := s.dev.cachedReader()
	if err != nil {
		return err
	}
	defer dev.Close()
	part, done := s.content(), int64(0)
	tell := s.progress(StageCopy, part.n)
	return inOrder(ctx, part.n, reader(section{dev, 0, part.n}), func(data []byte) error {
		_, err := s.given.WriteAt(data, part.off+done)
		done += int64(len(data))
		tell(done)
		return err
	})
}

// memoryFile is a memfd that can be sealed and never executed, where the
// kernel knows the difference (6.3).
func memoryFile(name string) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// enoughMemory leaves some for everybody else.
func enoughMemory(size uint64) error {
	const rest = 32 << 20
	available, err := memAvailable()
	if err == nil && available < size+rest {
		err = fmt.Errorf("%d MiB are needed, %d MiB are available", (size+rest)>>20, available>>20)
	}
	return err
}

// memAvailable is MemAvailable of /proc/meminfo, bytes.
func memAvailable() (uint64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 53)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no MemAvailable in /proc/meminfo")
}

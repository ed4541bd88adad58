package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/stage2/host"
)

// switchPatience is how long the drive may take to answer the reads that are under way,
// for which the kernel waits before it switches. A scratched disc needs minutes,
// one that hangs would be waited for without end.
const switchPatience = 10 * time.Minute

// Switch implements host.Loops: device and file are compared byte for byte
// before, and everything is read back through the device after it.
func (h *Host) Switch(ctx context.Context, device, file string, progress func(string, int64, int64)) (host.Switched, error) {
	f, err := os.Open(file)
	if err != nil {
		return host.Switched{}, err
	}
	defer f.Close()
	d, err := loopctl.Open(device)
	if err != nil {
		return host.Switched{}, err
	}
	r, err := switchLoop(ctx, d, f, progress)
	if errors.Is(err, loopctl.ErrSameFile) {
		r, err = readBack(ctx, d, progress)
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return host.Switched{}, fmt.Errorf("switch %s to %s: %w", device, file, err)
	}
	return host.Switched{
		Old: r.Old.BackingFile, New: r.New.BackingFile, Bytes: r.Bytes, SHA256: r.SHA256,
		Ioctl: r.Ioctl, Verify: r.Verify + r.Check,
	}, nil
}

func switchLoop(ctx context.Context, d *loopctl.Device, f *os.File, progress func(string, int64, int64)) (*loopctl.Report, error) {
	info, err := d.Info()
	if err != nil {
		return nil, err
	}
	options := &loopctl.SwitchOptions{Verify: loopctl.VerifyFull, Timeout: switchPatience, Progress: progress}
	if options.Old = openBacking(info); options.Old != nil {
		defer options.Old.Close()
	}
	return d.Switch(ctx, f, options)
}

// readBack is a Switch to the file that the device serves from already.
func readBack(ctx context.Context, d *loopctl.Device, progress func(string, int64, int64)) (*loopctl.Report, error) {
	info, err := d.Info()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	sum, err := d.Digest(ctx, func(done int64) {
		if progress != nil {
			progress(loopctl.StageCheck, done, int64(info.Size))
		}
	})
	return &loopctl.Report{Old: info, New: info, Bytes: int64(info.Size), SHA256: sum, Check: time.Since(began)}, err
}

// openBacking opens the file that a loop device serves from, so that a failed
// switch can be taken back. Its path in sysfs is that of the root of stage 1; the
// identity of the file decides. Without it Switch has to do by itself.
func openBacking(info loopctl.Info) *os.File {
	for _, root := range []string{"", handoff.Outside} {
		f, err := os.Open(filepath.Join("/", root, info.BackingFile))
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(int(f.Fd()), &st) == nil && st.Dev == info.BackingDev && st.Ino == info.BackingIno {
			return f
		}
		f.Close()
	}
	return nil
}

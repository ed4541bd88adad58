package stage1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/mounts"
	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/media"
)

// kernelMounter is the real mounter. load, if set, brings in a file system's
// module before it is mounted; the kernel would start a process for that.
type kernelMounter struct{ load func(alias string) }

func (k kernelMounter) Mount(m mount) error {
	if k.load != nil && m.fstype != "" {
		k.load("fs-" + m.fstype)
	}
	err := unix.Mount(m.source, m.target, m.fstype, m.flags, m.data)
	if err == nil && m.fstype == "nfs" {
		printk("6") // it says with notice only that a server doesn't respond, and nobody else can
	}
	return err
}

func (kernelMounter) Unmount(target string) error { return unix.Unmount(target, unix.UMOUNT_NOFOLLOW) }

func (kernelMounter) Move(from, to string) error { return unix.Mount(from, to, "", unix.MS_MOVE, "") }

// Force makes the file system read-only first, so that what was written is
// whole on the disk even if somebody still has it open.
func (kernelMounter) Force(target string) error {
	_ = unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	return unix.Unmount(target, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
}

// Mounts reads proc(5)'s mountinfo, field 5.
func (kernelMounter) Mounts() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return mountPoints(string(data)), nil
}

func mountPoints(mountinfo string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		if f := strings.Fields(line); len(f) > 4 {
			points = append(points, mounts.Unescape(f[4]))
		}
	}
	return points
}

// kernelLoops is the real loops.
type kernelLoops struct{ load func(name string) }

func (k kernelLoops) Attach(ctx context.Context, file string) (string, error) {
	if k.load != nil {
		k.load("loop")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	d, err := loopctl.Attach(ctx, f, loopctl.Config{ReadOnly: true})
	if err != nil {
		return "", err
	}
	return d.Path(), d.Close()
}

func (kernelLoops) Detach(ctx context.Context, device string) error {
	d, err := loopctl.Open(device)
	if errors.Is(err, loopctl.ErrNotBound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = d.Detach(ctx)
	if errors.Is(err, loopctl.ErrBusy) {
		return fmt.Errorf("%w (%w)", unix.EBUSY, err)
	}
	return err
}

// kernelDrives is the real drives.
type kernelDrives struct{ watch *media.Watch }

// newKernelDrives begins to watch what is in the drives.
func newKernelDrives() (kernelDrives, error) {
	w, err := media.NewWatch()
	return kernelDrives{w}, err
}

func (kernelDrives) Drives() ([]string, error) { return media.Drives("/") }

func (kernelDrives) Volumes() ([]media.Volume, error) { return media.Volumes("/") }

func (k kernelDrives) Look(ctx context.Context, device string) (media.Disc, error) {
	if k.watch == nil {
		return media.Look(ctx, device)
	}
	return k.watch.Look(ctx, device)
}

func (k kernelDrives) Changed(ctx context.Context) error {
	list, err := media.Drives("/")
	if err != nil {
		return err
	}
	if k.watch == nil || len(list) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	return k.watch.Await(ctx, list)
}

func (kernelDrives) Eject(device string) error { return media.Eject(device) }

// kernelPower is the real power.
type kernelPower struct{}

// SwapOff stops swapping to everything in /proc/swaps: a target's swap
// partition, for the most part.
func (kernelPower) SwapOff() error {
	data, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return nil // a kernel without swap
	}
	var errs []error
	for _, path := range swaps(string(data)) {
		if err := swapOff(path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

// swaps are the paths in /proc/swaps, whose first line is a heading.
func swaps(table string) []string {
	var list []string
	for i, line := range strings.Split(table, "\n") {
		if f := strings.Fields(line); i > 0 && len(f) > 0 {
			list = append(list, mounts.Unescape(f[0]))
		}
	}
	return list
}

func (kernelPower) Sync() { unix.Sync() }

func (kernelPower) MemoryFree() int64 { return memoryFree() }

func (kernelPower) End(a handoff.Action) error {
	switch a {
	case handoff.Poweroff:
		return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	case handoff.Halt:
		return unix.Reboot(unix.LINUX_REBOOT_CMD_HALT)
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

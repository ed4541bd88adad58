package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/devlinks"
	"github.com/molt-installer/molt/stage2/host"
)

// Release implements host.Disks. It goes by what the kernel has, not by what LVM and
// the like read from disks: that can be damaged, or missing in part.
func (h *Host) Release(ctx context.Context, device string) error {
	dir, err := sysDir(device)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find out what stands on %s: %w", device, err)
	}
	return h.release(ctx, dir)
}

// sysDir is where sysfs(5) describes a block device, under whatever name it is given.
func sysDir(device string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(device, &st); err != nil {
		return "", &os.PathError{Op: "stat", Path: device, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", &os.PathError{Op: "stat", Path: device, Err: unix.ENOTBLK}
	}
	return filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)))
}

// release ends what stands on the device at dir and on its partitions.
func (h *Host) release(ctx context.Context, dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "holders", "*"))
	if err != nil {
		return err
	}
	parts, err := filepath.Glob(filepath.Join(dir, "*", "partition"))
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := h.release(ctx, filepath.Dir(p)); err != nil {
			return err
		}
	}
	for _, link := range found {
		holder, err := filepath.EvalSymlinks(link)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went with another
		}
		if err == nil {
			err = h.release(ctx, holder)
		}
		if err == nil {
			err = h.end(ctx, holder)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end ends a device on which nothing stands.
func (h *Host) end(ctx context.Context, dir string) error {
	node := "/dev/" + filepath.Base(dir)
	link := node // what links lead to
	var args []string
	if name, err := os.ReadFile(filepath.Join(dir, "dm", "name")); err == nil {
		args = []string{"dmsetup", "remove", "--retry", strings.TrimSpace(string(name))}
		link = "/dev/mapper/" + args[len(args)-1]
	} else if _, err := os.Stat(filepath.Join(dir, "md")); err == nil {
		args = []string{"mdadm", "--stop", node}
	} else {
		return &host.BusyError{Path: node}
	}
	err := h.Run(ctx, host.Command{Args: args, Env: host.WithoutUdev()})
	if err == nil {
		return devlinks.Forget("/dev", link)
	}
	if _, gone := os.Stat(dir); errors.Is(gone, fs.ErrNotExist) {
		return nil
	}
	if f, open := openExclusive(node); open == nil {
		f.Close()
	} else if b := (*host.BusyError)(nil); errors.As(open, &b) {
		return b
	}
	return fmt.Errorf("stop %s: %w", node, err)
}

package linuxhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/host"
)

// partsPatience is how long the kernel may take to make the device node of a partition.
const partsPatience = 30 * time.Second

// rescan makes the kernel take over the table just written to f. Disks that
// don't scan for partitions, as loop devices, are told each one.
func rescan(f *os.File, t host.Table, g geometry) error {
	err := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0)
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	return tell(f, t, g)
}

// tell makes the kernel have t's partitions, one by one: those that it has already are
// left alone, so others may be in use.
func tell(f *os.File, t host.Table, g geometry) error {
	have, err := kernelParts(f.Name())
	if err != nil {
		return err
	}
	want := map[int]host.TablePart{}
	for i, p := range t.Parts {
		want[p.No(i)] = known(p, g)
	}
	for n, p := range have {
		if w, ok := want[n]; ok && w.Start == p.Start && w.Size == p.Size {
			delete(want, n)
		} else if err := blkpg(f, unix.BLKPG_DEL_PARTITION, n, p); err != nil && !errors.Is(err, unix.ENXIO) {
			return fmt.Errorf("remove the old partition %d: %w", n, err)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(want)) {
		if err := blkpg(f, unix.BLKPG_ADD_PARTITION, n, want[n]); err != nil {
			return fmt.Errorf("add partition %d: %w", n, err)
		}
	}
	return nil
}

// known is p as the kernel has it: of an extended partition it shows no more than
// the first two sectors (block/partitions/msdos.c).
func known(p host.TablePart, g geometry) host.TablePart {
	if isExtended(p.Type) {
		p.Size = min(p.Size, max(g.sector, 1024))
	}
	return p
}

// isExtended reports whether type is that of the partition which holds the logical ones.
func isExtended(kind string) bool {
	return slices.Contains([]string{"5", "f", "85"}, dosType(kind))
}

// kernelParts are the partitions that the kernel has of a disk, by number.
func kernelParts(disk string) (map[int]host.TablePart, error) {
	found, err := filepath.Glob(filepath.Join("/sys/class/block", filepath.Base(disk), "*", "partition"))
	if err != nil {
		return nil, err
	}
	parts := map[int]host.TablePart{}
	for _, file := range found {
		dir := filepath.Dir(file)
		data, err := os.ReadFile(file)
		n, err2 := strconv.Atoi(strings.TrimSpace(string(data)))
		start, err3 := sectors(dir + "/start")
		size, err4 := sectors(dir + "/size")
		if err := errors.Join(err, err2, err3, err4); err != nil {
			return nil, err
		}
		parts[n] = host.TablePart{Number: n, Start: start, Size: size}
	}
	return parts, nil
}

// blkpg is ioctl BLKPG, include/uapi/linux/blkpg.h.
func blkpg(f *os.File, op int32, n int, p host.TablePart) error {
	part := unix.BlkpgPartition{Start: p.Start, Length: p.Size, Pno: int32(n)}
	arg := unix.BlkpgIoctlArg{Op: op, Datalen: int32(unsafe.Sizeof(part)), Data: (*byte)(unsafe.Pointer(&part))}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return errno
	}
	return nil
}

// awaitParts waits until the kernel has every partition where it should be,
// with a device node. devtmpfs makes the nodes; inotify tells of them.
func awaitParts(ctx context.Context, disk string, parts []host.TablePart, g geometry) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("wait for the partitions of %s: inotify: %w", disk, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(disk), unix.IN_CREATE|unix.IN_ATTRIB|unix.IN_MOVED_TO); err != nil {
		return fmt.Errorf("watch %s: %w", filepath.Dir(disk), err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, partsPatience, errors.New("the kernel doesn't make it"))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { events.Close() })
	defer stop()
	buf := make([]byte, 4096)
	for {
		missing, err := missingPart(disk, parts, g)
		if err != nil || missing == "" {
			return err
		}
		if _, err := events.Read(buf); err != nil {
			return fmt.Errorf("wait for %s: %w", missing, errors.Join(context.Cause(ctx), err))
		}
	}
}

// missingPart names the first partition without a device node. A partition that is
// elsewhere than the table says is an error: a node of an old table would be
// formatted in its place.
func missingPart(disk string, parts []host.TablePart, g geometry) (string, error) {
	for i, p := range parts {
		p = known(p, g)
		node := partName(disk, p.No(i))
		sys := filepath.Join("/sys/class/block", filepath.Base(node))
		start, err := sectors(sys + "/start")
		if errors.Is(err, os.ErrNotExist) {
			return node, nil
		}
		size, err2 := sectors(sys + "/size")
		if err := errors.Join(err, err2); err != nil {
			return "", err
		}
		if start != p.Start || size != p.Size {
			return "", fmt.Errorf("%s is at %d with %d bytes for the kernel, but %d with %d in the table: restart the machine and try again", node, start, size, p.Start, p.Size)
		}
		if _, err := os.Stat(node); err != nil {
			return node, nil
		}
	}
	return "", nil
}

// sectors reads a number of 512-byte sectors, as sysfs counts whatever the
// disk's own sector is, and returns bytes.
func sectors(path string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n * 512, err
}

// partName is the kernel's name of partition n (block/partitions/core.c).
func partName(disk string, n int) string {
	if c := disk[len(disk)-1]; c >= '0' && c <= '9' {
		disk += "p"
	}
	return disk + strconv.Itoa(n)
}

// Wipe implements host.Disks. On a whole disk the partitions come first, or
// what is in them would turn up again in later partitions.
func (h *Host) Wipe(ctx context.Context, device string) error {
	f, err := openExclusive(device)
	if err != nil {
		return err
	}
	f.Close()
	args := []string{"wipefs", "--all", "--quiet"}
	found, err := filepath.Glob(filepath.Join("/sys/class/block", filepath.Base(device), "*", "partition"))
	if err != nil {
		return err
	}
	for _, p := range found {
		args = append(args, filepath.Join(filepath.Dir(device), filepath.Base(filepath.Dir(p))))
	}
	return h.Run(ctx, host.Command{Args: append(args, device)})
}

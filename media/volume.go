package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Volume is a disk, a partition or an optical drive, with what its superblock says.
type Volume struct {
	Path   string `json:"path"`             // "/dev/sda1"
	Size   int64  `json:"size"`             // bytes
	FSType string `json:"fstype,omitempty"` // blkid's names: "iso9660", "vfat", "crypto_LUKS"; empty for none that is known
	Label  string `json:"label,omitempty"`
	UUID   string `json:"uuid,omitempty"` // in blkid's notation
}

// ReadVolume says what is in r, which has size bytes; 0 for unknown, then
// superblocks at the end aren't found. Nothing known, and nothing
// readable, give the zero Volume.
func ReadVolume(r io.ReaderAt, size int64) Volume {
	for _, f := range formats() {
		if v, ok := f(block{r}, size); ok {
			v.Size = size
			return v
		}
	}
	return Volume{Size: size}
}

// Volumes lists the disks, their partitions and the discs in optical drives
// of the machine whose root directory is root ("/"): disks in the order of
// their names, partitions after their disk. Loop, RAM and floppy disks are left
// out, and so are drives without a disc: reading those would put errors into the kernel's log.
// One that can't be read is listed without type.
func Volumes(root string) ([]Volume, error) {
	entries, err := os.ReadDir(filepath.Join(root, "sys/block"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	var volumes []Volume
	for _, e := range entries {
		if skipped(e.Name()) {
			continue
		}
		dir := filepath.Join(root, "sys/block", e.Name())
		for _, d := range append([]string{dir}, partitions(dir)...) {
			if v, ok := volumeAt(root, d); ok {
				volumes = append(volumes, v)
			}
		}
	}
	return volumes, nil
}

func skipped(name string) bool {
	return slices.ContainsFunc([]string{"loop", "ram", "zram", "fd", "nbd"}, func(kind string) bool {
		rest, ok := strings.CutPrefix(name, kind)
		return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
	})
}

// partitions are the directories of a disk's partitions in sysfs, by number.
func partitions(disk string) []string {
	found, _ := filepath.Glob(filepath.Join(disk, "*", "partition"))
	slices.SortFunc(found, func(a, b string) int { return int(readNumber(a) - readNumber(b)) })
	for i, p := range found {
		found[i] = filepath.Dir(p)
	}
	return found
}

func readNumber(path string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n
}

// volumeAt reads the device that a directory of sysfs stands for. A drive
// without a medium has no size.
func volumeAt(root, dir string) (Volume, bool) {
	const sector = 512 // sysfs counts in these, whatever the device has
	size := readNumber(filepath.Join(dir, "size")) * sector
	// sysfs writes a slash in a device's name as "!": cciss!c0d0.
	device := "/dev/" + strings.ReplaceAll(filepath.Base(dir), "!", "/")
	v := Volume{Path: device, Size: size}
	if size == 0 || emptyDrive(filepath.Join(root, device)) {
		return v, false
	}
	f, err := os.OpenFile(filepath.Join(root, device), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return v, true
	}
	defer f.Close()
	v = ReadVolume(f, size)
	v.Path = device
	return v, true
}

func emptyDrive(path string) bool {
	if optical, err := isOptical(path); err != nil || !optical {
		return false
	}
	d, err := OpenDrive(path)
	if err != nil {
		return true
	}
	defer d.Close()
	s, err := d.Status()
	return err != nil || s != StatusDiscOK
}

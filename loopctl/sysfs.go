package loopctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sectorSize is the unit of sizes in sysfs, whatever the device's block size.
const sectorSize = 512

// sysfs reads /sys, or what a test puts in its place.
// Attributes: Documentation/ABI/stable/sysfs-block and drivers/block/loop.c.
type sysfs struct{ root fs.FS }

func system() sysfs { return sysfs{os.DirFS("/sys")} }

// Stat is the Info of one device from sysfs, without opening it: an open blocks
// behind a stuck switch.
func Stat(path string) (Info, error) {
	name, err := deviceName(path)
	if err != nil {
		return Info{}, &Error{Op: "stat", Dev: path, Kind: ErrNotLoop, Err: err}
	}
	info, err := system().info(name)
	if err != nil {
		return info, &Error{Op: "stat", Dev: "/dev/" + name, Kind: kindOf(err), Err: causeOf(err)}
	}
	return info, nil
}

// List is every bound device in order of numbers, from sysfs, without opening any.
func List() ([]Info, error) {
	infos, err := system().list()
	if err != nil {
		return nil, &Error{Op: "list", Err: err}
	}
	return infos, nil
}

// deviceName finds the name in /sys/block of "/dev/loop3", "loop3" or "3".
func deviceName(p string) (string, error) {
	if n, err := strconv.ParseUint(strings.TrimPrefix(p, "loop"), 10, 20); err == nil {
		return "loop" + strconv.FormatUint(n, 10), nil
	}
	var st unix.Stat_t
	if err := unix.Stat(p, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", errors.New("not a block device")
	}
	link, err := os.Readlink("/sys/dev/block/" + devString(uint64(st.Rdev)))
	if err != nil {
		return "", err
	}
	if _, ok := loopNumber(path.Base(link)); !ok {
		return "", fmt.Errorf("it is %s", path.Base(link))
	}
	return path.Base(link), nil
}

// loopNumber is the 3 of "loop3".
func loopNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "loop")
	n, err := strconv.ParseUint(digits, 10, 20)
	return int(n), ok && err == nil
}

// devString is a device number as sysfs and mountinfo write it.
func devString(dev uint64) string {
	return fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
}

func (s sysfs) list() ([]Info, error) {
	entries, err := fs.ReadDir(s.root, "block")
	if err != nil {
		return nil, err
	}
	var infos []Info
	for _, e := range entries {
		if _, ok := loopNumber(e.Name()); !ok {
			continue
		}
		info, err := s.info(e.Name())
		if errors.Is(err, ErrNotBound) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b Info) int { return a.Number - b.Number })
	return infos, nil
}

// info reads one device. The sequence number before and after tells whether
// what lies between belongs together.
func (s sysfs) info(name string) (Info, error) {
	const tries = 5
	for range tries {
		a := attributes{fsys: s.root, dir: "block/" + name}
		seq := a.number("diskseq")
		info := a.info(name)
		if a.err != nil {
			return info, a.err
		}
		if seq == info.DiskSeq {
			return info, nil
		}
	}
	return Info{}, fmt.Errorf("%s: %w", name, ErrConcurrent)
}

// attributes reads the attributes of one device and keeps the first error.
type attributes struct {
	fsys fs.FS
	dir  string
	err  error
}

func (a *attributes) info(name string) Info {
	n, _ := loopNumber(name)
	return Info{
		Number:      n,
		Path:        "/dev/" + name,
		BackingFile: a.backing(),
		ReadOnly:    a.number("ro") != 0,
		Autoclear:   a.number("loop/autoclear") != 0,
		PartScan:    a.number("loop/partscan") != 0,
		DirectIO:    a.number("loop/dio") != 0,
		Offset:      a.number("loop/offset"),
		SizeLimit:   a.number("loop/sizelimit"),
		Size:        a.number("size") * sectorSize,
		BlockSize:   uint32(a.number("queue/logical_block_size")),
		InFlight:    int(a.sum("inflight")),
		DiskSeq:     a.number("diskseq"),
	}
}

// backing is the path of the backing file. The kernel makes the directory
// loop/ when it binds a device and removes it first when it clears it.
func (a *attributes) backing() string {
	data, err := fs.ReadFile(a.fsys, a.dir+"/loop/backing_file")
	file := strings.TrimSuffix(string(data), "\n")
	if err == nil && file != "" {
		return file
	}
	if _, serr := fs.Stat(a.fsys, a.dir); serr != nil {
		a.keep(serr)
	} else {
		a.keep(ErrNotBound)
	}
	return ""
}

// number is an attribute that is one number, 0 when this kernel has no such
// attribute or the device is just going away.
func (a *attributes) number(name string) uint64 {
	fields := a.fields(name)
	if len(fields) == 0 {
		return 0
	}
	return a.parse(name, fields[0])
}

// sum adds up the numbers of an attribute.
func (a *attributes) sum(name string) (total uint64) {
	for _, f := range a.fields(name) {
		total += a.parse(name, f)
	}
	return total
}

func (a *attributes) fields(name string) []string {
	data, err := fs.ReadFile(a.fsys, a.dir+"/"+name)
	if err != nil && !gone(err) {
		a.keep(err)
	}
	return strings.Fields(string(data))
}

func (a *attributes) parse(name, value string) uint64 {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		a.keep(fmt.Errorf("%s/%s: %w", a.dir, name, err))
	}
	return n
}

func (a *attributes) keep(err error) {
	if a.err == nil {
		a.err = err
	}
}

// gone says that an attribute isn't there (any more). sysfs answers ENODEV
// when it goes away between open and read.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)
}

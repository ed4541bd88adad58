package loopctl

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// tracer finds out whether bytes come from one block device in the end, through
// partitions, device mapper, md, loop devices, file systems of several devices and overlays.
type tracer struct {
	sys    sysfs
	base   uint64  // the device looked for
	mounts []mount // of all mountinfo files that can be had
	seen   map[uint64]bool
	blind  []string // what it couldn't see through, for people
}

func newTracer(base uint64) *tracer {
	t := &tracer{sys: system(), base: base, seen: map[uint64]bool{}}
	for _, pid := range []int{os.Getpid(), 1, os.Getppid()} {
		// What can't be had is missing later, where it is needed.
		mounts, _ := readMounts(fmt.Sprintf("/proc/%d/mountinfo", pid))
		t.mounts = append(t.mounts, mounts...)
	}
	return t
}

// open says whether the bytes of an open file come from the device.
func (t *tracer) open(f *os.File) (bool, error) {
	var st unix.Statx_t
	const mask = unix.STATX_TYPE | unix.STATX_INO | unix.STATX_MNT_ID
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, mask, &st)
	if err != nil {
		return false, err
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return false, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Dev_major == 0 && t.mountOf(name, st) == nil {
		return false, t.unmounted(f)
	}
	return t.file(name, st), nil
}

// unmounted tells of a file whose mount is nowhere to be seen. Those in memory have none.
func (t *tracer) unmounted(f *os.File) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return err
	}
	if st.Type == unix.OVERLAYFS_SUPER_MAGIC || st.Type == unix.BTRFS_SUPER_MAGIC {
		t.blind = append(t.blind, f.Name())
	}
	return nil
}

// file is the same for a file by its path, as sysfs and mountinfo have it.
func (t *tracer) file(name string, st unix.Statx_t) bool {
	dev := devOf(st)
	if unix.Major(dev) != 0 {
		return t.device(dev)
	}
	m := t.mountOf(name, st)
	switch {
	case m == nil:
		return false
	case m.fstype == "overlay":
		return t.overlay(m, name)
	case m.fstype == "btrfs":
		return t.btrfs(m.source)
	case m.fstype == "bcachefs":
		return t.sources(strings.Split(m.source, ":"))
	}
	return t.sources([]string{m.source})
}

// mountOf is the mount that a file was reached by. The path decides between
// two views of the same mount, of different roots.
func (t *tracer) mountOf(name string, st unix.Statx_t) *mount {
	var found *mount
	for i := range t.mounts {
		m := &t.mounts[i]
		same := m.id == st.Mnt_id
		if st.Mask&unix.STATX_MNT_ID == 0 { // before Linux 5.8
			same = m.dev == devOf(st)
		}
		if _, ok := m.inside(name); same && (found == nil || ok) {
			found = m
			if ok {
				break
			}
		}
	}
	return found
}

// inside is the path within the file system of a path below the mount point.
func (m *mount) inside(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(m.point, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return path.Join(m.root, rest), true
}

// sources looks at what a file system without a device number of its own names as its
// source: a device, an image file (erofs), a directory.
func (t *tracer) sources(names []string) bool {
	for _, name := range names {
		if st, ok := findBacking(name); ok && path.IsAbs(name) && t.file(name, st) {
			return true
		}
	}
	return false
}

// device is the same for a block device.
func (t *tracer) device(dev uint64) bool {
	if dev == t.base {
		return true
	}
	if t.seen[dev] {
		return false
	}
	t.seen[dev] = true
	for _, next := range t.sys.below(dev) {
		if t.device(next) {
			return true
		}
	}
	return t.backing(dev)
}

// backing looks below a loop device.
func (t *tracer) backing(dev uint64) bool {
	data, err := fs.ReadFile(t.sys.root, "dev/block/"+devString(dev)+"/loop/backing_file")
	if err != nil {
		return false
	}
	name := strings.TrimSuffix(string(data), "\n")
	if st, ok := findBacking(name); ok {
		return t.file(name, st)
	}
	link, err := os.Readlink("/sys/dev/block/" + devString(dev))
	if err != nil {
		return false
	}
	next, ok := backingDevice(Info{Path: "/dev/" + path.Base(link), BackingFile: name})
	if !ok {
		t.blind = append(t.blind, name)
	}
	return ok && unix.Major(next) != 0 && t.device(next)
}

// btrfs looks at all devices of the file system of which source is one.
func (t *tracer) btrfs(source string) bool {
	st, ok := findBacking(source)
	if !ok {
		t.blind = append(t.blind, source)
		return false
	}
	return t.device(devOf(st)) || slices.ContainsFunc(t.sys.btrfsDevices(devOf(st)), t.device)
}

// btrfsDevices are all devices of the btrfs of which dev is one
// (Documentation/ABI/testing/sysfs-fs-btrfs doesn't tell of devices/, fs/btrfs/sysfs.c does).
func (s sysfs) btrfsDevices(dev uint64) []uint64 {
	systems, _ := fs.Glob(s.root, "fs/btrfs/*/devices")
	for _, dir := range systems {
		var devs []uint64
		entries, _ := fs.ReadDir(s.root, dir)
		for _, e := range entries {
			data, _ := fs.ReadFile(s.root, dir+"/"+e.Name()+"/dev")
			if d, err := parseDev(strings.TrimSpace(string(data))); err == nil {
				devs = append(devs, d)
			}
		}
		if slices.Contains(devs, dev) {
			return devs
		}
	}
	return nil
}

// overlay looks for the layer that the file lies in. What was deleted could lie in any.
func (t *tracer) overlay(m *mount, name string) bool {
	layers := m.layers()
	inside, ok := m.inside(name)
	for _, layer := range layers {
		file, st, there := locate(path.Join(layer, inside))
		if !ok || !there {
			continue
		}
		if t.file(path.Join(layer, inside), st) {
			return true
		}
		if !onlyMetadata(file) {
			return false
		}
	}
	for _, layer := range layers {
		_, st, there := locate(layer)
		if !there || !path.IsAbs(layer) {
			t.blind = append(t.blind, layer)
		} else if t.file(layer, st) {
			return true
		}
	}
	return false
}

// onlyMetadata says that the data of an overlay's file lies further down
// (Documentation/filesystems/overlayfs.rst, "Metadata only copy up").
func onlyMetadata(file string) bool {
	_, err := unix.Lgetxattr(file, "trusted.overlay.metacopy", nil)
	return err == nil
}

// layers are the directories of an overlay, the uppermost first. A colon in a path is escaped.
func (m *mount) layers() (dirs []string) {
	for option := range strings.SplitSeq(m.options, ",") {
		key, value, _ := strings.Cut(option, "=")
		value = unescape(value)
		switch key {
		case "upperdir":
			dirs = append([]string{value}, dirs...)
		case "lowerdir+", "datadir+":
			dirs = append(dirs, value)
		case "lowerdir":
			const colon = "\x00"
			for dir := range strings.SplitSeq(strings.ReplaceAll(value, `\:`, colon), ":") {
				if dir != "" { // two colons begin the layers of data only
					dirs = append(dirs, strings.ReplaceAll(dir, colon, ":"))
				}
			}
		}
	}
	return dirs
}

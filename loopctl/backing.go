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

// roots are where the path of a backing file may be found. sysfs gives it from the
// namespace's root, also to a process that is chrooted somewhere below: PID 1, or the parent
// process, are probably not.
func roots() []string {
	return []string{"", "/proc/1/root", fmt.Sprintf("/proc/%d/root", os.Getppid())}
}

// findBacking looks the path of a backing file up, here and outside. It can't find
// a deleted file or one on a file system that was unmounted lazily, and what it finds may
// be another file of that name.
func findBacking(file string) (unix.Statx_t, bool) {
	_, st, ok := locate(file)
	return st, ok
}

// locate is findBacking with the path that the file can be had by from here.
func locate(file string) (string, unix.Statx_t, bool) {
	for _, root := range roots() {
		st, err := statx(root + file)
		if err == nil {
			return root + file, st, true
		}
	}
	return "", unix.Statx_t{}, false
}

// statx asks for what the kernel has in memory, so that a file on a dead server
// doesn't block.
func statx(path string) (unix.Statx_t, error) {
	var st unix.Statx_t
	const mask = unix.STATX_TYPE | unix.STATX_INO | unix.STATX_MNT_ID
	err := uninterrupted(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, mask, &st)
	})
	return st, err
}

// devOf is the device below a file: the block device that it is, or the one
// that its file system is on.
func devOf(st unix.Statx_t) uint64 {
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		return unix.Mkdev(st.Rdev_major, st.Rdev_minor)
	}
	return unix.Mkdev(st.Dev_major, st.Dev_minor)
}

// openBacking opens the current backing file of info, and makes sure that it is that one.
func openBacking(info Info) (*os.File, bool) {
	for _, root := range roots() {
		f, err := openPlain(root+info.BackingFile, 0)
		if err != nil {
			continue
		}
		if isBacking(f, info) {
			return f, true
		}
		f.Close()
	}
	return nil, false
}

func isBacking(f *os.File, info Info) bool {
	st, err := fstat(f)
	return err == nil && uint64(st.Dev) == info.BackingDev && st.Ino == info.BackingIno
}

// below are the devices directly under a partition, a device mapper or an md device.
func (s sysfs) below(dev uint64) []uint64 {
	dir := "dev/block/" + devString(dev)
	var devs []uint64
	add := func(name string) {
		data, _ := fs.ReadFile(s.root, name)
		if n, err := parseDev(strings.TrimSpace(string(data))); err == nil {
			devs = append(devs, n)
		}
	}
	slaves, _ := fs.ReadDir(s.root, dir+"/slaves")
	for _, e := range slaves {
		add(dir + "/slaves/" + e.Name() + "/dev")
	}
	if _, err := fs.Stat(s.root, dir+"/partition"); err == nil {
		if link, err := os.Readlink("/sys/" + dir); err == nil {
			add("block/" + path.Base(path.Dir(link)) + "/dev")
		}
	}
	return slices.DeleteFunc(devs, func(d uint64) bool { return d == dev })
}

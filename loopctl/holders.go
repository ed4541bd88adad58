package loopctl

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// How a Holder holds.
const (
	HoldsFile  = "open file"
	HoldsCwd   = "working directory"
	HoldsRoot  = "root directory"
	HoldsExe   = "program"
	HoldsMap   = "mapped file"
	HoldsMount = "mount"
	HoldsLoop  = "loop device"
	HoldsSwap  = "swap"
	HoldsStack = "device on top" // device mapper, md, bcache
)

// Holder is somebody who keeps a file system or a block device busy.
type Holder struct {
	How     string `json:"how"`               // one of the constants above
	PID     int    `json:"pid,omitempty"`     // of the process; for HoldsMount of one in that mount namespace; else 0
	Command string `json:"command,omitempty"` // of PID, at most 15 bytes (comm)
	Path    string `json:"path"`              // the file, mount point or device
	Device  string `json:"device,omitempty"`  // for HoldsLoop: "/dev/loop3"
}

// String says it in words: "pid 214 (bash): working directory /medium/pool".
func (h Holder) String() string {
	switch h.How {
	case HoldsLoop:
		return fmt.Sprintf("%s, which serves from %s", h.Device, h.Path)
	case HoldsMount:
		return fmt.Sprintf("mount at %s (seen by pid %d, %s)", h.Path, h.PID, h.Command)
	case HoldsSwap, HoldsStack:
		return h.How + " " + h.Path
	}
	return fmt.Sprintf("pid %d (%s): %s %s", h.PID, h.Command, h.How, h.Path)
}

// Holders finds who keeps busy the file system that path is on, or, when path is a
// block device, that device, its partitions, and the file systems mounted from them. The mount
// that path itself is on is not among them. It needs root to see other people's
// processes. An empty list doesn't prove that nobody is there: the kernel has users of
// its own, and one thread may have other descriptors than its process.
func Holders(ctx context.Context, path string) ([]Holder, error) {
	t, err := newTarget(path)
	if err != nil {
		return nil, &Error{Op: "find holders of", Dev: path, Err: err}
	}
	holders, err := t.processes(ctx)
	if err != nil {
		return nil, &Error{Op: "find holders of", Dev: path, Err: err}
	}
	holders = append(holders, t.loops()...)
	holders = append(holders, t.swaps()...)
	return append(holders, t.stacked()...), nil
}

// target is what is held: files with one of these device numbers, or reached by a mount
// with one. The files of btrfs have another st_dev in each subvolume, and none of
// them is that of mountinfo and maps.
type target struct {
	devs    []uint64          // st_dev and mountinfo's number of the file systems, st_rdev of the block devices
	block   []uint64          // the block devices among them
	mountID uint64            // of the mount that the question was about
	mounts  map[uint64]uint64 // the number that mountinfo has for a mount, all namespaces seen so far
}

func newTarget(path string) (*target, error) {
	st, err := statx(path)
	if err != nil {
		return nil, err
	}
	mounts, err := readMounts("")
	if err != nil {
		return nil, err
	}
	// A chrooted caller sees more there; it may not be allowed to.
	outside, _ := readMounts("/proc/1/mountinfo")
	mounts = append(mounts, outside...)
	t := &target{devs: []uint64{devOf(st)}, mounts: map[uint64]uint64{}}
	t.learn(mounts)
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		t.block = system().withPartitions(devOf(st))
		t.devs = slices.Clone(t.block)
		t.addMounted(mounts)
		return t, nil
	}
	t.mountID = st.Mnt_id
	if dev, ok := t.mounts[st.Mnt_id]; ok {
		t.devs = append(t.devs, dev)
	}
	return t, nil
}

func (t *target) learn(mounts []mount) {
	for _, m := range mounts {
		t.mounts[m.id] = m.dev
	}
}

// addMounted adds the device numbers of file systems that have one of their own, as
// btrfs, but are mounted from a block device of the target.
func (t *target) addMounted(mounts []mount) {
	for _, m := range mounts {
		st, err := statx(m.source)
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
			continue
		}
		devs := []uint64{devOf(st)}
		if m.fstype == "btrfs" {
			devs = append(devs, system().btrfsDevices(devOf(st))...)
		}
		if slices.ContainsFunc(devs, t.holds) {
			t.devs = append(t.devs, m.dev)
		}
	}
}

func (t *target) holds(dev uint64) bool { return slices.Contains(t.devs, dev) }

// has says whether a file is on the target, or is it.
func (t *target) has(st unix.Statx_t) bool {
	dev, ok := t.mounts[st.Mnt_id]
	return t.holds(devOf(st)) || t.holds(unix.Mkdev(st.Dev_major, st.Dev_minor)) || ok && t.holds(dev)
}

// loops finds the loop devices whose backing file is on the target.
func (t *target) loops() []Holder {
	infos, err := List()
	if err != nil {
		return nil
	}
	var holders []Holder
	for _, info := range infos {
		if t.backs(info) {
			holders = append(holders, Holder{How: HoldsLoop, Path: info.BackingFile, Device: info.Path})
		}
	}
	return holders
}

// backs says whether the backing file of a loop device is on the target.
func (t *target) backs(info Info) bool {
	if st, ok := findBacking(info.BackingFile); ok {
		return t.has(st)
	}
	dev, ok := backingDevice(info)
	return ok && t.holds(dev)
}

// backingDevice is the device below the backing file. It asks the loop device, which
// may block, only when the path leads nowhere.
func backingDevice(info Info) (uint64, bool) {
	if st, ok := findBacking(info.BackingFile); ok {
		return devOf(st), true
	}
	d, err := Open(info.Path)
	if err != nil {
		return 0, false
	}
	defer d.Close()
	status, err := unix.IoctlLoopGetStatus64(int(d.f.Fd()))
	if err != nil {
		return 0, false
	}
	if status.Rdevice != 0 {
		return status.Rdevice, true
	}
	return status.Device, true
}

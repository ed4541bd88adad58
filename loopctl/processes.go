package loopctl

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processes goes through /proc. A process that ends meanwhile holds nothing any more.
func (t *target) processes(ctx context.Context) ([]Holder, error) {
	pids, err := pids()
	if err != nil {
		return nil, err
	}
	var holders []Holder
	seen := map[string]bool{}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		p := process{pid: pid, dir: fmt.Sprintf("/proc/%d/", pid)}
		mounts := p.mounts(t, seen) // first: they tell where the files are
		held := append(append(p.links(t), p.maps(t)...), mounts...)
		for i := range held {
			held[i].PID, held[i].Command = pid, p.command()
		}
		holders = append(holders, held...)
	}
	return holders, nil
}

// pids are the processes in order, 1 first: it sees the mounts that chrooted ones don't.
func pids() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

type process struct {
	pid int
	dir string
}

func (p process) command() string {
	data, _ := os.ReadFile(p.dir + "comm")
	return strings.TrimSpace(string(data))
}

// links looks at what the symbolic links of a process lead to.
func (p process) links(t *target) []Holder {
	links := []struct{ name, how string }{{"cwd", HoldsCwd}, {"root", HoldsRoot}, {"exe", HoldsExe}}
	fds, _ := os.ReadDir(p.dir + "fd")
	for _, fd := range fds {
		links = append(links, struct{ name, how string }{"fd/" + fd.Name(), HoldsFile})
	}
	var holders []Holder
	for _, l := range links {
		st, err := statx(p.dir + l.name)
		if err != nil || !t.has(st) {
			continue
		}
		if to, err := os.Readlink(p.dir + l.name); err == nil {
			holders = append(holders, Holder{How: l.how, Path: to})
		}
	}
	return holders
}

// maps looks at the mapped files but the program, once each.
func (p process) maps(t *target) []Holder {
	f, err := os.Open(p.dir + "maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	exe, _ := os.Readlink(p.dir + "exe")
	seen := map[string]bool{exe: true}
	var holders []Holder
	for lines := bufio.NewScanner(f); lines.Scan(); {
		dev, file, ok := parseMap(lines.Text())
		if ok && t.holds(dev) && !seen[file] {
			seen[file] = true
			holders = append(holders, Holder{How: HoldsMap, Path: file})
		}
	}
	return holders
}

// parseMap takes a line of /proc/<pid>/maps apart, proc(5):
// "7f00-7f01 r--p 00000000 fe:00 1234   /usr/lib/libc.so.6". Only a newline is escaped in the path.
func parseMap(line string) (dev uint64, file string, ok bool) {
	var fields [5]string
	rest := line
	for i := range fields {
		if fields[i], rest, ok = strings.Cut(strings.TrimLeft(rest, " "), " "); !ok {
			return 0, "", false
		}
	}
	major, minor, _ := strings.Cut(fields[3], ":")
	ma, err1 := strconv.ParseUint(major, 16, 32)
	mi, err2 := strconv.ParseUint(minor, 16, 32)
	file = strings.ReplaceAll(strings.TrimLeft(rest, " "), `\012`, "\n")
	return unix.Mkdev(uint32(ma), uint32(mi)), file, err1 == nil && err2 == nil && file != ""
}

// mounts looks at the mounts that the process sees, each of them once for all processes:
// the number of a mount is unique in all namespaces.
func (p process) mounts(t *target, seen map[string]bool) []Holder {
	view := p.view()
	if seen[view] {
		return nil
	}
	seen[view] = true
	all, err := readMounts(p.dir + "mountinfo")
	if err != nil {
		return nil
	}
	t.learn(all)
	var holders []Holder
	for _, m := range all {
		key := "mount " + strconv.FormatUint(m.id, 10)
		if t.holds(m.dev) && m.id != t.mountID && !seen[key] {
			seen[key] = true
			holders = append(holders, Holder{How: HoldsMount, Path: m.point})
		}
	}
	return holders
}

// view is the same for processes that see the same mounts: those of one
// namespace with one root.
func (p process) view() string {
	ns, err := os.Readlink(p.dir + "ns/mnt")
	st, serr := statx(p.dir + "root")
	if err != nil || serr != nil {
		return p.dir
	}
	return fmt.Sprint("view ", ns, st.Mnt_id, " ", st.Ino)
}

// swaps finds swap devices and files on the target.
func (t *target) swaps() []Holder {
	data, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return nil
	}
	var holders []Holder
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "\t")
		if st, err := statx(unescape(name)); err == nil && strings.HasPrefix(name, "/") && t.has(st) {
			holders = append(holders, Holder{How: HoldsSwap, Path: unescape(name)})
		}
	}
	return holders
}

// stacked finds the block devices that are made of those of the target.
func (t *target) stacked() []Holder {
	var holders []Holder
	for _, dev := range t.block {
		entries, _ := os.ReadDir("/sys/dev/block/" + devString(dev) + "/holders")
		for _, e := range entries {
			holders = append(holders, Holder{How: HoldsStack, Path: "/dev/" + e.Name()})
		}
	}
	return holders
}

// withPartitions is a block device and the partitions of it.
func (s sysfs) withPartitions(dev uint64) []uint64 {
	devs := []uint64{dev}
	dir := "dev/block/" + devString(dev)
	entries, _ := fs.ReadDir(s.root, dir)
	for _, e := range entries {
		if _, err := fs.Stat(s.root, path.Join(dir, e.Name(), "partition")); err != nil {
			continue
		}
		data, _ := fs.ReadFile(s.root, path.Join(dir, e.Name(), "dev"))
		if n, err := parseDev(strings.TrimSpace(string(data))); err == nil {
			devs = append(devs, n)
		}
	}
	return devs
}

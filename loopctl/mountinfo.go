package loopctl

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mount is a line of /proc/<pid>/mountinfo, proc(5).
type mount struct {
	id      uint64
	dev     uint64 // st_dev of its files; of a virtual device for btrfs and the like
	root    string // what of the file system is mounted
	point   string
	fstype  string
	source  string // "/dev/loop3"
	options string // of the file system, still escaped
}

// Mounts are the mount points of the device's file systems in a mountinfo file
// (proc(5)). An empty name means /proc/self/mountinfo; a chrooted caller sees the mounts
// outside its root only in that of a process that is not, as /proc/1/mountinfo.
func (d *Device) Mounts(mountinfo string) ([]string, error) {
	all, err := readMounts(mountinfo)
	if err != nil {
		return nil, d.fail("list mounts of", nil, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(d.f.Fd()), &st); err != nil {
		return nil, d.fail("list mounts of", nil, err)
	}
	var points []string
	for _, m := range all {
		if m.dev == uint64(st.Rdev) || m.isFrom(fmt.Sprintf("/dev/loop%d", d.number)) {
			points = append(points, m.point)
		}
	}
	return points, nil
}

// isFrom says whether m names the device, or a partition of it, as its source.
func (m mount) isFrom(device string) bool {
	rest, ok := strings.CutPrefix(m.source, device)
	return ok && (rest == "" || rest[0] == 'p')
}

func readMounts(name string) ([]mount, error) {
	if name == "" {
		name = "/proc/self/mountinfo"
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mounts, err := parseMounts(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return mounts, nil
}

func parseMounts(r io.Reader) ([]mount, error) {
	var mounts []mount
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20) // an overlay of many layers makes long lines
	for n := 1; lines.Scan(); n++ {
		m, err := parseMount(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		mounts = append(mounts, m)
	}
	return mounts, lines.Err()
}

// parseMount takes a line apart at single spaces: a source may be empty.
func parseMount(line string) (mount, error) {
	f := strings.Split(line, " ")
	dash := slices.Index(f, "-")
	if dash < 6 || len(f) < dash+3 {
		return mount{}, fmt.Errorf("not a line of mountinfo: %q", line)
	}
	id, err := strconv.ParseUint(f[0], 10, 64)
	if err != nil {
		return mount{}, fmt.Errorf("mount id: %w", err)
	}
	dev, err := parseDev(f[2])
	if err != nil {
		return mount{}, err
	}
	m := mount{id: id, dev: dev, root: unescape(f[3]), point: unescape(f[4]), fstype: f[dash+1], source: unescape(f[dash+2])}
	if len(f) > dash+3 {
		m.options = f[dash+3]
	}
	return m, nil
}

// parseDev reads "7:3".
func parseDev(s string) (uint64, error) {
	major, minor, ok := strings.Cut(s, ":")
	ma, err1 := strconv.ParseUint(major, 10, 32)
	mi, err2 := strconv.ParseUint(minor, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("not a device number: %q", s)
	}
	return unix.Mkdev(uint32(ma), uint32(mi)), nil
}

// unescape undoes the \ooo of space, tab, newline, backslash and #.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

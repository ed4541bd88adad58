package loopctl

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

// FuzzRealMountinfo and FuzzRealMaps begin with what this machine's kernel writes.
func FuzzRealMountinfo(f *testing.F) {
	for _, name := range []string{"/proc/self/mountinfo", "/proc/1/mountinfo"} {
		data, _ := os.ReadFile(name)
		for line := range strings.Lines(string(data)) {
			f.Add(strings.TrimSuffix(line, "\n"))
		}
	}
	f.Add(`1 2 7:3 / /with\040space\011tab\012line\134back\043hash rw - squashfs /dev/loop3 ro`)
	f.Add(`1 2 4294967295:4294967295 / / rw a:1 b:2 - - - -`)
	f.Fuzz(func(t *testing.T, line string) {
		m, err := parseMount(line)
		if err != nil {
			return
		}
		if fields := strings.Fields(line); !strings.HasPrefix(line, " ") && len(fields) > 4 {
			if n, err := parseDev(strings.Split(line, " ")[2]); err != nil || n != m.dev {
				t.Errorf("%q: device %d, not %d", line, m.dev, n)
			}
		}
		if strings.Contains(m.fstype, " ") || len(m.point) > len(line) {
			t.Errorf("%q: %+v", line, m)
		}
		if m.isFrom("/dev/loop3") && !strings.HasPrefix(m.source, "/dev/loop3") {
			t.Errorf("%q is from /dev/loop3", m.source)
		}
	})
}

func FuzzRealMaps(f *testing.F) {
	data, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(data)) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Add(`7f00-7f01 r--p 00000000 fe:00 1234    /a b/c\012d (deleted)`)
	f.Add("7f00-7f01 r--p 00000000 fffffffff:00 1234    /x")
	f.Fuzz(func(t *testing.T, line string) {
		_, file, ok := parseMap(line)
		if ok && (file == "" || strings.HasPrefix(file, " ") || !strings.HasSuffix(strings.ReplaceAll(line, `\012`, "\n"), file)) {
			t.Errorf("%q: file %q", line, file)
		}
	})
}

// escape does what the kernel does to names in mountinfo: mangle_path of fs/seq_file.c.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(" \t\n\\#", s[i]) >= 0 {
			fmt.Fprintf(&b, `\%03o`, s[i])
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// FuzzEscapes: what the kernel writes of any names comes out as those names.
func FuzzEscapes(f *testing.F) {
	f.Add("/mnt/a b", "/dev/loop3", uint32(7), uint32(3))
	f.Add("/\t\n\\#040", `\040`, uint32(259), uint32(1<<20-1))
	f.Add("", "", uint32(0), uint32(0))
	f.Add("/-", " - ", uint32(1), uint32(2))
	f.Fuzz(func(t *testing.T, point, source string, major, minor uint32) {
		major, minor = major%4096, minor%(1<<20) // 12 and 20 bits, as dev_t has
		line := fmt.Sprintf("36 35 %d:%d / %s rw shared:1 - squashfs %s ro\n", major, minor, escape(point), escape(source))
		got, err := parseMounts(strings.NewReader(line))
		want := mount{id: 36, dev: unix.Mkdev(major, minor), point: point, fstype: "squashfs", source: source}
		if point == "-" {
			return // no mount point is relative
		}
		if err != nil || len(got) != 1 || got[0].dev != want.dev || got[0].point != point || got[0].source != source || got[0].fstype != want.fstype {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
		if dev := devString(want.dev); dev != fmt.Sprintf("%d:%d", major, minor) {
			t.Errorf("device %s", dev)
		}
	})
}

func FuzzDeviceNumber(f *testing.F) {
	for _, s := range []string{"7:3", "0:0", "259:1048575", "", ":", "7:", "-7:3", "7:3:1", "4294967296:0", " 7:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseDev(s)
		if err == nil && n == 0 && strings.Trim(s, "0:+") != "" {
			t.Errorf("%q is %d", s, n)
		}
	})
}

func FuzzLoopName(f *testing.F) {
	for _, s := range []string{"loop0", "loop1048575", "loop", "loop-1", "loop+1", "loop 1", "loop1p1", "loop99999999999999999999", "sda", "loop-control"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := loopNumber(s)
		if !ok {
			return
		}
		if digits := strings.TrimPrefix(s, "loop"); n < 0 || n >= 1<<20 || strings.TrimLeft(digits, "0") != strings.TrimLeft(fmt.Sprint(n), "0") {
			t.Errorf("%q is %d", s, n)
		}
	})
}

// FuzzDeviceTree builds a sysfs of loop devices and device mapper by chance, cycles among it:
// the search through it ends and finds what is there.
func FuzzDeviceTree(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 0}) // one long cycle
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7}) // each on itself
	f.Add([]byte{1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, edges []byte) {
		const nodes = 8
		fsys := fstest.MapFS{}
		reach := [nodes][nodes]bool{}
		for i, to := range edges[:min(len(edges), 3*nodes)] {
			from, to := i%nodes, int(to)%nodes
			reach[from][to] = true
			fsys[fmt.Sprintf("dev/block/253:%d/slaves/dm-%d/dev", from, to)] = &fstest.MapFile{Data: fmt.Appendf(nil, "253:%d\n", to)}
		}
		for k := range nodes {
			for i := range nodes {
				for j := range nodes {
					reach[i][j] = reach[i][j] || i == j || reach[i][k] && reach[k][j]
				}
			}
		}
		for i := range nodes {
			for j := range nodes {
				got := reaches(sysfs{fsys}, unix.Mkdev(253, uint32(i)), unix.Mkdev(253, uint32(j)))
				if got != reach[i][j] {
					t.Fatalf("%v: from %d to %d: %v", edges, i, j, got)
				}
			}
		}
	})
}

// reaches asks below, as whoever looks for a recursion does.
func reaches(s sysfs, from, to uint64) bool {
	seen := map[uint64]bool{from: true}
	for todo := []uint64{from}; len(todo) > 0; todo = todo[1:] {
		if todo[0] == to {
			return true
		}
		for _, next := range s.below(todo[0]) {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return false
}

func FuzzSuperblock(f *testing.F) {
	for _, sb := range superblocks {
		f.Add(append(make([]byte, sb.offset), sb.magic...))
		f.Add(append(make([]byte, sb.offset), sb.magic[:len(sb.magic)-1]...))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, head []byte) {
		name, err := fileSystem(bytes.NewReader(head))
		if err != nil {
			t.Fatal(err)
		}
		for _, sb := range superblocks {
			end := sb.offset + len(sb.magic)
			if sb.name == name && (len(head) < end || string(head[sb.offset:end]) != sb.magic) {
				t.Errorf("%s without its magic", name)
			}
			if name == "" && len(head) >= end && string(head[sb.offset:end]) == sb.magic {
				t.Errorf("%s not seen", sb.name)
			}
		}
	})
}

func FuzzRelease(f *testing.F) {
	for _, s := range []string{"6.6.0", "6.18.44-fc-v769", "5.10.0-28-amd64", "7", "", "..", "99999999999999999999.1", "6.-5"} {
		f.Add(s, 6, 6)
	}
	f.Fuzz(func(t *testing.T, release string, major, minor int) {
		if minor < 1<<30 && atLeast(release, major, minor+1) && !atLeast(release, major, minor) {
			t.Errorf("%q is at least %d.%d, but not %d.%d", release, major, minor+1, major, minor)
		}
	})
}

// FuzzList: devices with any names and attributes give a list in order, or an error, and
// every entry is bound.
func FuzzList(f *testing.F) {
	f.Add("loop3", "/a\n", "16\n", "loop10", "/b (deleted)\n", "0\n")
	f.Add("loop-control", "", "", "sda", "/x", "1")
	f.Add("loop0", "\n", "16", "loop00", "/y", "-1")
	f.Fuzz(func(t *testing.T, name1, backing1, size1, name2, backing2, size2 string) {
		fsys := fstest.MapFS{"block/sda/size": {Data: []byte("1\n")}}
		for _, d := range [][3]string{{name1, backing1, size1}, {name2, backing2, size2}} {
			if d[0] == "" || path.Base(path.Clean("/"+d[0])) != d[0] {
				continue
			}
			fsys["block/"+d[0]+"/loop/backing_file"] = &fstest.MapFile{Data: []byte(d[1])}
			fsys["block/"+d[0]+"/size"] = &fstest.MapFile{Data: []byte(d[2])}
		}
		infos, err := sysfs{fsys}.list()
		for i, info := range infos {
			if info.BackingFile == "" || i > 0 && infos[i-1].Number > info.Number || err != nil {
				t.Errorf("%+v, %v", infos, err)
			}
		}
	})
}

package loopctl

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestParseMounts(t *testing.T) {
	in := `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
37 35 7:3 / /a\040b\134c rw shared:2 master:3 propagate_from:4 - squashfs /dev/loop3 ro
38 35 0:40 / /empty rw -  ` + "" + ` rw
`
	in = strings.Replace(in, "-   rw", "- tmpfs  rw", 1)
	got, err := parseMounts(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	want := []mount{
		{36, unix.Mkdev(98, 0), "/mnt1", "/mnt2", "ext3", "/dev/root", "rw,errors=continue"},
		{37, unix.Mkdev(7, 3), "/", `/a b\c`, "squashfs", "/dev/loop3", "ro"},
		{38, unix.Mkdev(0, 40), "/", "/empty", "tmpfs", "", "rw"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mount{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, line := range []string{"", "36 35 98:0 / / rw ext3 x rw", "x 35 98:0 / / rw - ext3 x rw", "36 35 98 / / rw - ext3 x rw"} {
		if _, err := parseMount(line); err == nil {
			t.Errorf("%q passes", line)
		}
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")
	f.Add(`37 35 7:3 / /a\040b\1 rw - squashfs /dev/loop3 ro`)
	f.Add("38 35 0:40 / /x rw - tmpfs  rw")
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, in string) {
		mounts, err := parseMounts(strings.NewReader(in))
		if err == nil && len(mounts) != len(strings.Split(strings.TrimSuffix(in, "\n"), "\n")) && in != "" {
			t.Errorf("%d mounts of %q", len(mounts), in)
		}
		if len(unescape(in)) > len(in) {
			t.Error("unescape adds")
		}
	})
}

func FuzzMaps(f *testing.F) {
	f.Add("7f00-7f01 r--p 00000000 fe:00 1234                       /usr/lib/libc.so.6")
	f.Add("7f00-7f01 r--p 00000000 00:00 0 ")
	f.Add("7ffc-7ffd rw-p 00000000 00:00 0                          [stack]")
	f.Fuzz(func(t *testing.T, in string) {
		if _, file, ok := parseMap(in); ok && file == "" {
			t.Error("a map without a file passes")
		}
	})
}

// device is a loop device in a sysfs of our own.
func device(attributes map[string]string) sysfs {
	fsys := fstest.MapFS{"block/loop3/ro": {Data: []byte("1\n")}}
	for name, value := range attributes {
		fsys["block/loop3/"+name] = &fstest.MapFile{Data: []byte(value)}
	}
	return sysfs{fsys}
}

func TestSysfs(t *testing.T) {
	s := device(map[string]string{
		"loop/backing_file": "/a\nb (deleted)\n", "loop/offset": "4096\n", "loop/sizelimit": "0\n", "loop/autoclear": "1\n",
		"loop/partscan": "0\n", "loop/dio": "1\n", "size": "16\n", "inflight": "       2        1\n",
		"queue/logical_block_size": "512\n", "diskseq": "77\n",
	})
	want := Info{Number: 3, Path: "/dev/loop3", BackingFile: "/a\nb (deleted)", ReadOnly: true, Autoclear: true, DirectIO: true,
		Offset: 4096, Size: 8192, BlockSize: 512, DiskSeq: 77, InFlight: 3}
	got, err := s.info("loop3")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if _, err := device(nil).info("loop3"); !errors.Is(err, ErrNotBound) {
		t.Errorf("not bound: %v", err)
	}
	if all, err := device(nil).list(); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v", all, err)
	}
}

func FuzzSysfs(f *testing.F) {
	f.Add("/a\n", "16\n", "0 1\n", "77\n", "1 2 3 4 5 6 7 8 9\n")
	f.Add("", "", "", "", "")
	f.Add("/x", "18446744073709551616", "- -", "1\n\n", "0")
	f.Fuzz(func(t *testing.T, backing, size, inflight, seq, stat string) {
		s := device(map[string]string{"loop/backing_file": backing, "size": size, "inflight": inflight, "diskseq": seq, "stat": stat})
		if info, err := s.info("loop3"); err == nil && info.BackingFile == "" {
			t.Errorf("bound to nothing: %+v", info)
		}
		_, _, _ = s.traffic("loop3")
	})
}

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"6.6.0": true, "6.5.13": false, "6.12.117+deb13-amd64": true, "5.10.0-28": false, "7.0": true, "6.18.44-fc-v769": true, "": true, "x": true,
	} {
		if got := atLeast(release, 6, 6); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

func TestError(t *testing.T) {
	err := error(&Error{Op: "switch", Dev: "/dev/loop3", File: "/b", Kind: ErrRolledBack, Err: &Error{Op: "check", Kind: ErrContentMismatch, Err: &MismatchError{Offset: 7}}})
	want := "switch /dev/loop3 (/b): previous backing file restored: check: new backing file has other content: first difference at byte 7"
	if err.Error() != want {
		t.Errorf("got %q", err)
	}
	var m *MismatchError
	if !errors.Is(err, ErrRolledBack) || !errors.Is(err, ErrContentMismatch) || !errors.As(err, &m) || m.Offset != 7 {
		t.Error("errors.Is doesn't see through it")
	}
}

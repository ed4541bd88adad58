package loopctl

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// superblocks are where and how file systems sign, each from its on-disk format
// in fs/*/ of the kernel; ISO 9660 from ECMA-119.
var superblocks = [...]struct {
	name   string
	offset int
	magic  string
}{
	{"squashfs", 0, "hsqs"},
	{"xfs", 0, "XFSB"},
	{"erofs", 1024, "\xe2\xe1\xf5\xe0"},
	{"f2fs", 1024, "\x10\x20\xf5\xf2"},
	{"ext4", 1024 + 56, "\x53\xef"}, // ext2 and ext3 too, which ext4 mounts
	{"iso9660", 32768 + 1, "CD001"},
	{"btrfs", 65536 + 64, "_BHRfS_M"},
}

// fileSystem names the file system by its superblock, "" when it knows none. Unlike
// mountinfo that works for mounts in other namespaces.
func fileSystem(r io.ReaderAt) (string, error) {
	head := make([]byte, 65536+4096)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	for _, sb := range superblocks {
		if sb.offset < n && bytes.HasPrefix(head[sb.offset:n], []byte(sb.magic)) {
			return sb.name, nil
		}
	}
	return "", nil
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// atLeast says whether release ("6.18.44-fc") is of that version or later; one
// that can't be read counts as later.
func atLeast(release string, major, minor int) bool {
	parts := strings.FieldsFunc(release, func(r rune) bool { return r < '0' || r > '9' })
	if len(parts) < 2 {
		return true
	}
	ma, err1 := strconv.Atoi(parts[0])
	mi, err2 := strconv.Atoi(parts[1])
	return err1 != nil || err2 != nil || ma > major || ma == major && mi >= minor
}

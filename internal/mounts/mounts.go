// Package mounts is what everyone who mounts and reads tables of mounts has to know of
// file systems and of the tables' notation. It mounts nothing itself.
package mounts

import (
	"strconv"
	"strings"
)

// Untouched are the options that, with a read-only mount, keep a volume as it is. Read-only
// alone is not enough: after a crash, or below a system that sleeps, the journal would
// be replayed (ext4(5), xfs(5), btrfs(5), Documentation/filesystems/f2fs.rst). XFS refuses a second
// volume of the same UUID, such as a clone whose twin is in use somewhere. Empty where
// nothing is needed.
func Untouched(fstype string) string {
	switch fstype {
	case "ext3", "ext4":
		return "noload"
	case "xfs":
		return "norecovery,nouuid"
	case "btrfs":
		return "rescue=nologreplay"
	case "f2fs":
		return "norecovery"
	}
	return ""
}

// Unescape undoes \040 and its like in a field of fstab(5), proc_mounts(5), mountinfo or swaps.
func Unescape(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if c, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}

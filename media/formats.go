package media

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// format recognises one kind of superblock. The places and magics are those
// of the Linux sources named at each.
type format func(b block, size int64) (Volume, bool)

// formats are all of them. What lies beneath a file system comes before what
// could be left of one inside of it.
func formats() []format {
	return []format{luks, lvm, mdraid, swap, xfs, btrfs, ext, iso9660, squashfs, bitlocker, ntfs, exfat, vfat}
}

// block reads at places that may not be there.
type block struct{ r io.ReaderAt }

// at returns n bytes at offset; zeros when they can't be read.
func (b block) at(offset int64, n int) []byte {
	data := make([]byte, n)
	if offset < 0 {
		return data
	}
	if got, _ := b.r.ReadAt(data, offset); got < n {
		return make([]byte, n)
	}
	return data
}

func (b block) has(offset int64, magic string) bool {
	return string(b.at(offset, len(magic))) == magic
}

func le16(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) }
func le32(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }

// cstring is what is before the first NUL, as text.
func cstring(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.TrimRight(strings.ToValidUTF8(string(b), "\uFFFD"), " ")
}

// uuid is b in groups of 8-4-4-4-12 hex digits; none when it is all zero.
func uuid(b []byte) string {
	if len(bytes.Trim(b[:16], "\x00")) == 0 {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// luks: cryptsetup's on-disk format specifications, LUKS1 and LUKS2.
func luks(b block, _ int64) (Volume, bool) {
	h := b.at(0, 208)
	if string(h[:6]) != "LUKS\xba\xbe" {
		return Volume{}, false
	}
	v := Volume{FSType: "crypto_LUKS", UUID: cstring(h[168:208])}
	if binary.BigEndian.Uint16(h[6:]) == 2 {
		v.Label = cstring(h[24:72])
	}
	return v, true
}

// lvm: struct label_header in LVM2's lib/label/label.h; the label is in one
// of the first four sectors.
func lvm(b block, _ int64) (Volume, bool) {
	for s := int64(0); s < 4; s++ {
		h := b.at(s*512, 512)
		if string(h[:8]) != "LABELONE" || string(h[24:32]) != "LVM2 001" {
			continue
		}
		v := Volume{FSType: "LVM2_member"}
		if at := le32(h[20:]); at+32 <= 512 {
			v.UUID = lvmUUID(cstring(h[at : at+32]))
		}
		return v, true
	}
	return Volume{}, false
}

// lvmUUID writes 32 letters in LVM's groups.
func lvmUUID(s string) string {
	if len(s) != 32 {
		return s
	}
	return strings.Join([]string{s[:6], s[6:10], s[10:14], s[14:18], s[18:22], s[22:26], s[26:]}, "-")
}

// mdraid: struct mdp_superblock_1 in linux/raid/md_p.h. Version 1.1 is at the
// start, 1.2 4 KiB in, 1.0 and 0.90 near the end.
func mdraid(b block, size int64) (Volume, bool) {
	const magic = "\xfc\x4e\x2b\xa9"
	for _, at := range []int64{0, 4096, size&^4095 - 8192} {
		h := b.at(at, 64)
		if string(h[:4]) == magic && le32(h[4:]) == 1 {
			return Volume{FSType: "linux_raid_member", UUID: uuid(h[16:]), Label: cstring(h[32:])}, true
		}
	}
	h := b.at(size&^(64<<10-1)-64<<10, 64)
	if string(h[:4]) == magic && le32(h[4:]) == 0 {
		return Volume{FSType: "linux_raid_member"}, true
	}
	return Volume{}, false
}

// swap: union swap_header in linux/swap.h; the magic ends the first page.
func swap(b block, _ int64) (Volume, bool) {
	for _, page := range []int64{4096, 8192, 16384, 65536} {
		if b.has(page-10, "SWAPSPACE2") {
			h := b.at(1024, 44)
			return Volume{FSType: "swap", UUID: uuid(h[12:]), Label: cstring(h[28:])}, true
		}
	}
	return Volume{}, false
}

// xfs: struct xfs_dsb in fs/xfs/libxfs/xfs_format.h.
func xfs(b block, _ int64) (Volume, bool) {
	h := b.at(0, 120)
	return Volume{FSType: "xfs", UUID: uuid(h[32:]), Label: cstring(h[108:120])}, string(h[:4]) == "XFSB"
}

// btrfs: struct btrfs_super_block in linux/btrfs_tree.h.
func btrfs(b block, _ int64) (Volume, bool) {
	h := b.at(64<<10, 555)
	return Volume{FSType: "btrfs", UUID: uuid(h[32:]), Label: cstring(h[299:])}, string(h[64:72]) == "_BHRfS_M"
}

// ext: struct ext4_super_block in fs/ext4/ext4.h. Which of the three it is,
// the features tell.
func ext(b block, _ int64) (Volume, bool) {
	h := b.at(1024, 136)
	if le16(h[56:]) != 0xef53 {
		return Volume{}, false
	}
	const (
		journal    = 0x4  // compatible
		journalDev = 0x8  // incompatible
		ext3In     = 0x16 // incompatible features that ext3 knows
		ext3RO     = 0x7  // read-only compatible ones
	)
	v := Volume{FSType: "ext4", UUID: uuid(h[104:]), Label: cstring(h[120:136])}
	compatible, incompatible, readOnly := le32(h[92:]), le32(h[96:]), le32(h[100:])
	switch {
	case incompatible&journalDev != 0:
		v.FSType = "jbd"
	case incompatible&^ext3In != 0 || readOnly&^ext3RO != 0:
	case compatible&journal != 0:
		v.FSType = "ext3"
	default:
		v.FSType = "ext2"
	}
	return v, true
}

// iso9660: ECMA-119 8.4. The identity that tools agree on is the date of the
// last modification, or of creation.
func iso9660(b block, _ int64) (Volume, bool) {
	disc, err := openISO(b.r)
	if err != nil {
		return Volume{}, false
	}
	v := Volume{FSType: "iso9660", Label: cstring([]byte(disc.label))}
	for _, at := range []int64{16*isoBlock + 830, 16*isoBlock + 813} {
		d := string(b.at(at, 16))
		if strings.Trim(d, "0123456789") == "" && strings.Trim(d, "0") != "" {
			v.UUID = strings.Join([]string{d[:4], d[4:6], d[6:8], d[8:10], d[10:12], d[12:14], d[14:16]}, "-")
			break
		}
	}
	return v, true
}

// squashfs: Documentation/filesystems/squashfs.rst.
func squashfs(b block, _ int64) (Volume, bool) {
	return Volume{FSType: "squashfs"}, b.has(0, "hsqs")
}

func bitlocker(b block, _ int64) (Volume, bool) {
	return Volume{FSType: "BitLocker"}, b.has(3, "-FVE-FS-")
}

// hexReversed writes a little-endian number as hex, the way Windows shows serial numbers.
func hexReversed(b []byte) string {
	r := make([]byte, len(b))
	for i := range b {
		r[len(b)-1-i] = b[i]
	}
	return strings.ToUpper(hex.EncodeToString(r))
}

// serial is a FAT serial number: "1A2B-3C4D".
func serial(b []byte) string {
	s := hexReversed(b[:4])
	if s == "00000000" {
		return ""
	}
	return s[:4] + "-" + s[4:]
}

func utf16String(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

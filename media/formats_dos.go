package media

import (
	"cmp"
	"math/bits"
	"strings"
)

// The file systems that begin with a DOS boot sector.

// bootSector is the part all of them share (Microsoft, FAT specification, 3.1).
type bootSector struct {
	data    []byte
	sector  int64 // bytes
	cluster int64 // bytes
}

func (b block) bootSector() (bootSector, bool) {
	d := b.at(0, 512)
	sector, per := le16(d[11:]), int64(d[13])
	ok := d[510] == 0x55 && d[511] == 0xaa && (d[0] == 0xeb || d[0] == 0xe9) &&
		sector >= 512 && sector <= 4096 && bits.OnesCount16(uint16(sector)) == 1 && bits.OnesCount8(d[13]) == 1
	return bootSector{d, sector, sector * per}, ok
}

// vfat: Microsoft, FAT specification. The label of the root directory is the
// one that Windows changes; the boot sector has that of when it was made.
func vfat(b block, _ int64) (Volume, bool) {
	s, ok := b.bootSector()
	if !ok || s.data[16] == 0 || s.data[16] > 2 || le16(s.data[14:]) == 0 {
		return Volume{}, false
	}
	v := Volume{FSType: "vfat"}
	reserved := le16(s.data[14:]) * s.sector
	if per := le16(s.data[22:]); per != 0 { // FAT12, FAT16
		if !strings.HasPrefix(string(s.data[54:]), "FAT") {
			return Volume{}, false
		}
		root := reserved + int64(s.data[16])*per*s.sector
		v.UUID, v.Label = serial(s.data[39:]), fatLabel(s.data[43:54])
		v.Label = cmp.Or(rootLabel(b.at(root, min(int(le16(s.data[17:])), 4096)*32)), v.Label)
		return v, true
	}
	if string(s.data[82:87]) != "FAT32" {
		return Volume{}, false
	}
	root := reserved + int64(s.data[16])*le32(s.data[36:])*s.sector + (le32(s.data[44:])-2)*s.cluster
	v.UUID, v.Label = serial(s.data[67:]), fatLabel(s.data[71:82])
	v.Label = cmp.Or(rootLabel(b.at(root, int(s.cluster))), v.Label)
	return v, true
}

// rootLabel looks through directory entries for the volume's label.
func rootLabel(dir []byte) string {
	const volumeID, mask, deleted = 0x08, 0x18, 0xe5
	for ; len(dir) >= 32 && dir[0] != 0; dir = dir[32:] {
		if dir[11] != 0x0f && dir[11]&mask == volumeID && dir[0] != deleted {
			return fatLabel(dir[:11])
		}
	}
	return ""
}

func fatLabel(b []byte) string {
	s := cstring(b)
	if s == "NO NAME" {
		return ""
	}
	return s
}

// ntfs: struct ntfs boot sector and $Volume in fs/ntfs3/ntfs.h.
func ntfs(b block, _ int64) (Volume, bool) {
	s, ok := b.bootSector()
	if !ok || string(s.data[3:11]) != "NTFS    " {
		return Volume{}, false
	}
	v := Volume{FSType: "ntfs", UUID: hexReversed(s.data[72:80])}
	record := int64(int8(s.data[64])) * s.cluster
	if n := int8(s.data[64]); n < 0 {
		record = 1 << min(-int(n), 16)
	}
	const volumeFile = 3
	if record >= 512 && record <= 64<<10 {
		v.Label = ntfsLabel(b.at(le32(s.data[48:])*s.cluster+volumeFile*record, int(record)))
	}
	return v, true
}

// ntfsLabel finds the attribute $VOLUME_NAME in a record of the file table.
func ntfsLabel(record []byte) string {
	const volumeName, resident = 0x60, 0
	if string(record[:4]) != "FILE" {
		return ""
	}
	for at := le16(record[20:]); at+24 <= int64(len(record)); {
		kind, size := le32(record[at:]), le32(record[at+4:])
		if kind == volumeName && record[at+8] == resident {
			start, n := at+le16(record[at+20:]), le32(record[at+16:])
			if start+n > int64(len(record)) {
				return ""
			}
			return utf16String(record[start : start+n])
		}
		if size < 24 {
			return ""
		}
		at += size
	}
	return ""
}

// exfat: Microsoft, exFAT specification, 3.1 and 7.3.
func exfat(b block, _ int64) (Volume, bool) {
	d := b.at(0, 512)
	if string(d[3:11]) != "EXFAT   " || d[108] < 9 || d[108] > 12 || d[109] > 25-d[108] {
		return Volume{}, false
	}
	v := Volume{FSType: "exfat", UUID: serial(d[100:])}
	sector, cluster := int64(1)<<d[108], int64(1)<<(d[108]+d[109])
	const volumeLabel = 0x83
	root := b.at(le32(d[88:])*sector+(le32(d[96:])-2)*cluster, int(min(cluster, 64<<10)))
	for ; len(root) >= 32 && root[0] != 0; root = root[32:] {
		if root[0] == volumeLabel {
			v.Label = utf16String(root[2 : 2+2*min(int(root[1]), 11)])
			break
		}
	}
	return v, true
}

package layout

import (
	"cmp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// piece is a partition that has been asked for; sizes and places in MiB.
type piece struct {
	config.Partition
	fstype  string
	order   int           // in which it was asked for
	disk    *disk         // nil until one has been chosen
	old     *machine.Part // that it is on; nil when it is new, and on a disk without a table
	min     int64
	got     int64
	start   int64
	logical bool
}

// cost is the room that p takes: a logical partition has a table before it.
func (p *piece) cost() int64 {
	if p.logical {
		return p.min + 1
	}
	return p.min
}

// existing reports whether p is on what is there already.
func (p *piece) existing() bool { return p.OnPart != "" }

// rank puts first on the disk what the firmware looks for.
func (p *piece) rank() int {
	switch {
	case p.fstype == biosboot:
		return 0
	case p.Mount == "/boot/efi":
		return 1
	case p.Primary || p.Mount == "/boot":
		return 2
	}
	return 3
}

// biosboot stands for the kind of a BIOS boot partition, which has no file system.
const biosboot = "biosboot"

// fsType is the file system of what is mounted at mount when none was named.
func fsType(mount, asked string) string {
	switch {
	case memberKind(mount) != "":
		return ""
	case mount == biosboot || asked == biosboot:
		return biosboot
	case mount == "swap" || asked == "linux-swap":
		return "swap"
	case asked == "efi" || asked == "" && mount == "/boot/efi":
		return "vfat"
	}
	return cmp.Or(asked, "ext4")
}

// collect makes the pieces, those that the firmware looks for first.
func (m *maker) collect() {
	for i, p := range m.s.Partitions {
		q := &piece{Partition: p, fstype: fsType(p.Mount, p.FSType), order: i}
		switch {
		case q.existing():
			if !m.onOld(q) {
				continue
			}
		case p.Disk != "":
			q.disk = m.diskFor(p)
			if q.disk == nil {
				continue
			}
		}
		m.pieces = append(m.pieces, q)
	}
	slices.SortStableFunc(m.pieces, func(x, y *piece) int { return cmp.Compare(x.rank(), y.rank()) })
}

func (m *maker) diskFor(p config.Partition) *disk {
	for _, d := range m.disks {
		if Matches(d.Disk, p.Disk) {
			return d
		}
	}
	return nil
}

// onOld finds the partition that q is to be on; false when it can't be.
func (m *maker) onOld(q *piece) bool {
	d, err := m.findPart(q.OnPart)
	if err != nil {
		return false // said already
	}
	l, ok := m.leaf(d.Path)
	if !ok {
		return false
	}
	q.disk, q.old = m.find(l.disk.Path), l.part
	switch {
	case q.disk == nil:
		return false
	case m.pieceOn(l.path()) != nil:
		m.Problems.Add(DoubleMount, q.Mount, "%s is to be %s already", l.path(), m.pieceOn(l.path()).Mount)
		return false
	case l.part == nil:
		q.disk.whole = q
	case q.disk.fresh || q.disk.lost[l.part.Path]:
		m.Problems.Add(DiskKept, q.Mount, "%s is to be used again, and clearpart gives it up", l.part.Path)
		return false
	case isExtended(*l.part):
		m.Problems.Add(BadPartition, q.Mount, "%s is an extended partition", l.part.Path)
		return false
	}
	q.disk.used = true
	if q.NoFormat {
		q.fstype = keptType(q, d)
		m.checkKept(q, d)
	}
	return true
}

// keptType is the kind of what stays on d.
func keptType(q *piece, d machine.Device) string {
	if q.fstype == biosboot || memberKind(q.Mount) != "" {
		return q.fstype
	}
	return d.FSType
}

// checkKept looks whether what is there can be what it is to be.
func (m *maker) checkKept(q *piece, d machine.Device) {
	kind := memberKind(q.Mount)
	switch {
	case q.Mount == "/":
		m.checkRoot("/", true)
	case kind == "" && q.LUKS == nil && (strings.HasPrefix(q.Mount, "/") && !mountable(d.FSType) || q.Mount == "swap" && d.FSType != "swap"):
		m.Problems.Add(BadPartition, q.Mount, "%s (%s) can't be kept as that", d.Path, cmp.Or(d.FSType, "nothing known"))
	case q.LUKS != nil && d.FSType != "crypto_LUKS":
		m.Problems.Add(BadEncryption, q.Mount, "%s is not encrypted", d.Path)
	case kind != "" && q.LUKS == nil && d.FSType != memberType(kind):
		m.Problems.Add(BadReference, q.Mount, "%s (%s) can't be kept as a member", d.Path, d.FSType)
	case kind == "" && q.fstype == "" && q.Mount != biosboot:
		m.Problems.Add(BadPartition, q.Mount, "there is no file system on %s to be kept", d.Path)
	}
}

// mountable reports whether blkid's type is that of a file system.
func mountable(fstype string) bool {
	return !slices.Contains([]string{"", "swap", "LVM2_member", "linux_raid_member", "crypto_LUKS"}, fstype)
}

// memberType is what blkid calls a member of that kind.
func memberType(kind string) string {
	return map[string]string{"raid": "linux_raid_member", "pv": "LVM2_member", "btrfs": "btrfs"}[kind]
}

// least is the least size of p on d.
func (m *maker) least(p *piece, d *disk) int64 {
	size := max(p.SizeMiB, m.swapWanted(p.Recommended, p.Hibernation, d.Size))
	if p.Percent > 0 {
		size = max(size, d.free()*int64(p.Percent)/100)
	}
	return max(size, 1)
}

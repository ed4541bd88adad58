package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// Partition types, UEFI specification 5.3.3 and the GUIDs GRUB and the
// Discoverable Partitions Specification name.
const (
	typeBIOSBoot = "21686148-6449-6e6f-744e-656564454649"
	typeESP      = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
	typeSwap     = "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"
	typeLinux    = "0fc63daf-8483-4772-8e79-3d69d8477de4"
)

const mib = 1 << 20

// request is a partition that has been asked for, sizes in MiB.
type request struct {
	config.Partition
	fstype string
	got    int64
}

// storage lays the partitions out on the disks.
func (b *builder) storage() {
	disks := b.targets()
	requests := b.requests(disks)
	b.checkRequests(requests)
	if len(b.problems) > 0 || len(disks) == 0 {
		return
	}
	main := b.mainDisk(disks, requests)
	for _, d := range disks {
		mine := slices.DeleteFunc(slices.Clone(requests), func(r *request) bool {
			return !(r.Disk == "" && d.Path == main.Path) && !(r.Disk != "" && matches(d, r.Disk))
		})
		b.layDisk(d, mine)
	}
	b.checkSpace()
}

// requests are the partitions asked for, by autopart or one by one.
func (b *builder) requests(disks []machine.Disk) []*request {
	s := b.Answers.Storage
	if s.Auto != nil && len(s.Partitions) > 0 {
		b.problems.add(BadPartition, "autopart", "can't be used together with part")
	}
	parts := s.Partitions
	if s.Auto != nil {
		parts = b.autopart(disks)
	}
	var out []*request
	for _, p := range parts {
		out = append(out, &request{Partition: p, fstype: fsType(p)})
	}
	slices.SortStableFunc(out, func(x, y *request) int { return cmp.Compare(rank(x), rank(y)) })
	return out
}

// rank puts first on the disk what the firmware looks for.
func rank(r *request) int {
	switch r.Mount {
	case "biosboot":
		return 0
	case "/boot/efi":
		return 1
	}
	return 2
}

// autopart is the default layout: what the firmware needs, swap, and the rest
// for the root.
func (b *builder) autopart(disks []machine.Disk) []config.Partition {
	auto := b.Answers.Storage.Auto
	if auto.Type != "" && auto.Type != "plain" {
		b.problems.add(NotSupported, "autopart --type="+auto.Type, "only plain is supported")
	}
	var disk machine.Disk
	if len(disks) > 0 {
		disk = b.mainDisk(disks, nil)
	}
	var parts []config.Partition
	if b.Machine.Firmware == machine.UEFI {
		parts = append(parts, config.Partition{Mount: "/boot/efi", SizeMiB: espSize(disk)})
	} else {
		parts = append(parts, config.Partition{Mount: "biosboot", SizeMiB: 1})
	}
	if swap := SwapSize(b.Machine.Memory, disk.Size) / mib; swap > 0 && !auto.NoSwap {
		parts = append(parts, config.Partition{Mount: "swap", SizeMiB: swap})
	}
	return append(parts, config.Partition{Mount: "/", Format: config.Format{FSType: auto.FSType}, SizeMiB: 256, Grow: true})
}

// espSize is the usual size, or a smaller one on a small disk. FAT32 with
// sectors of 4096 bytes can't be smaller than 256 MiB (65525 clusters).
func espSize(d machine.Disk) int64 {
	if d.Size < 4<<30 && d.Sector <= 512 {
		return 64
	}
	return 512
}

// SwapSize is how much swap a machine gets by itself, in bytes: Anaconda's
// rule of thumb, but at most a tenth of the disk. It is 0 on a tiny disk.
func SwapSize(memory, disk int64) int64 {
	const gib = 1 << 30
	var size int64
	switch {
	case memory < 2*gib:
		size = 2 * memory
	case memory < 8*gib:
		size = memory
	case memory < 64*gib:
		size = memory / 2
	default:
		size = 4 * gib
	}
	size = min(size, disk/10) / mib * mib
	if size < 64*mib {
		return 0
	}
	return size
}

// fsType is the file system of p when none was named.
func fsType(p config.Partition) string {
	switch {
	case p.Mount == "biosboot" || p.FSType == "biosboot":
		return ""
	case p.Mount == "swap":
		return "swap"
	case p.FSType == "efi" || p.FSType == "vfat" || p.FSType == "" && p.Mount == "/boot/efi":
		return "vfat"
	}
	return cmp.Or(p.FSType, "ext4")
}

// mainDisk takes the partitions for which no disk is named: the one the boot
// loader goes to, else the one with the root, else the first that is large
// enough, else the largest.
func (b *builder) mainDisk(disks []machine.Disk, requests []*request) machine.Disk {
	for _, spec := range []string{b.Answers.Boot.Disk, rootDisk(requests)} {
		i := slices.IndexFunc(disks, func(d machine.Disk) bool { return spec != "" && matches(d, spec) })
		if i >= 0 {
			return disks[i]
		}
	}
	need := b.plan.Space.Total() + 2*mib
	for _, r := range requests {
		if r.Mount != "/" {
			need += r.SizeMiB * mib
		}
	}
	if i := slices.IndexFunc(disks, func(d machine.Disk) bool { return d.Size >= need }); i >= 0 {
		return disks[i]
	}
	return slices.MaxFunc(disks, func(x, y machine.Disk) int { return cmp.Compare(x.Size, y.Size) })
}

func rootDisk(requests []*request) string {
	for _, r := range requests {
		if r.Mount == "/" {
			return r.Disk
		}
	}
	return ""
}

// layDisk gives the partitions their places, in whole MiB from the first one
// on; the last MiB is the backup table's.
func (b *builder) layDisk(d machine.Disk, requests []*request) {
	room := d.Size/mib - 2
	for _, r := range requests {
		r.got = b.wanted(r, d)
		room -= r.got
	}
	if room < 0 {
		b.problems.add(TooSmall, d.Path, "is %s, and the partitions need %s more", machine.Size(d.Size), machine.Size(-room*mib))
		return
	}
	grow(requests, room)
	disk := Disk{Path: d.Path, Model: d.Model, Size: d.Size, Lost: d.Parts, LostFS: d.FSType, LostLabel: d.Label, LostTable: d.Table, Table: "gpt", GUID: b.IDs(), Seq: d.Seq}
	at := int64(mib)
	for n, r := range requests {
		v := b.volume(r, partPath(d.Path, n+1))
		v.Number = n + 1
		v.Start, v.Size = at, r.got*mib
		at += v.Size
		disk.Parts = append(disk.Parts, v)
	}
	b.plan.Disks = append(b.plan.Disks, disk)
}

// wanted is the least size of r, MiB.
func (b *builder) wanted(r *request, d machine.Disk) int64 {
	if r.Recommended && r.fstype == "swap" {
		return max(64, SwapSize(b.Machine.Memory, d.Size)/mib)
	}
	return max(r.SizeMiB, 1)
}

// grow shares room MiB among those that grow, evenly, up to their maximum.
func grow(requests []*request, room int64) {
	growing := slices.DeleteFunc(slices.Clone(requests), func(r *request) bool { return !r.Grow })
	for room > 0 && len(growing) > 0 {
		share := max(1, room/int64(len(growing)))
		growing = slices.DeleteFunc(growing, func(r *request) bool {
			more := min(share, room)
			if r.MaxSizeMiB > 0 {
				more = min(more, max(0, r.MaxSizeMiB-r.got))
			}
			r.got += more
			room -= more
			return more == 0 || r.got == r.MaxSizeMiB
		})
	}
}

// volume turns r into a partition with new identifiers.
func (b *builder) volume(r *request, device string) Volume {
	v := Volume{Device: device, Mount: r.Mount, FSType: r.fstype, Label: r.Label, Options: r.FSOptions, MkfsOptions: r.MkfsOptions, GUID: b.IDs()}
	switch {
	case r.fstype == "":
		v.Mount, v.Type = "biosboot", typeBIOSBoot
		return v
	case r.Mount == "/boot/efi":
		v.Type = typeESP
	case r.fstype == "swap":
		v.Type = typeSwap
	default:
		v.Type = typeLinux
	}
	v.UUID = b.IDs()
	if r.fstype == "vfat" {
		v.UUID = strings.ToUpper(v.UUID[:4] + "-" + v.UUID[4:8])
	}
	return v
}

// partPath is the device of partition n: the kernel puts a "p" behind a digit
// (block/partitions/core.c).
func partPath(disk string, n int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		disk += "p"
	}
	return disk + strconv.Itoa(n)
}

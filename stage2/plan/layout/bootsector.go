package layout

import (
	"cmp"
	"slices"
)

// bootSector is for a BIOS that finds GRUB in no disk's first sector, and reports whether it is so:
// bootloader --location=partition and --nombr. Then no BIOS boot partition is needed.
func (m *maker) bootSector(kernels Volume) bool {
	switch {
	case m.Loader.Location == "partition":
		m.othersStart(kernels, "--location=partition")
		m.bootPartition(kernels)
	case m.Loader.NoMBR:
		m.othersStart(kernels, "--nombr")
		m.warn("no disk's first sector is written (bootloader --nombr): the boot loader that is there, or another medium, must start the new system, by its /boot/grub/grub.cfg")
	default:
		return false
	}
	return true
}

// othersStart asks whether there can be a boot loader of another system: on a disk whose table
// stays, or on one that isn't written. The installer's own stick starts no system.
func (m *maker) othersStart(kernels Volume, option string) {
	for _, d := range m.Disks {
		if d.Kept {
			return
		}
	}
	for _, d := range m.Machine.Disks {
		if !d.Removable && d.Size > 0 && !slices.ContainsFunc(m.Disks, func(own Disk) bool { return own.Path == d.Path }) {
			return
		}
	}
	m.Problems.Add(NoBoot, kernels.Mount, "bootloader %s: every disk of this machine gets a new partition table, and no boot loader stays that could start the new system; leave the option out, or write --location=none if something else starts it", option)
}

// bootPartition asks whether GRUB can start from the partition with the kernels: it must have
// room for a boot sector, and no layer may shift what is in it (grub-core/fs: reserved_first_sector).
func (m *maker) bootPartition(kernels Volume) {
	bad := func(why string) {
		m.Problems.Add(NoBoot, kernels.Mount, "bootloader --location=partition: %s; give /boot an ext4 partition of its own, or leave the option out", why)
	}
	for _, l := range m.below(kernels.Device) {
		if l.Kind != Btrfs || len(l.On) > 1 {
			bad("a BIOS can't start from " + cmp.Or(kindWord(string(l.Kind)), "logical volume") + " " + l.Name)
			return
		}
	}
	if !slices.Contains([]string{"ext2", "ext3", "ext4", "btrfs", "vfat"}, kernels.FSType) {
		bad(kernels.FSType + " has no room for a boot sector")
		return
	}
	m.warn("GRUB is put into the first sector of %s alone (bootloader --location=partition): the boot loader in the disk's own must start it", kernels.Device)
}

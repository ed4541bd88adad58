package layout

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// boot asks whether the firmware will find GRUB and GRUB the kernel, and finds
// the disks that the machine can start from.
func (m *maker) boot() {
	if m.Loader.Location == "none" {
		return
	}
	kernels, ok := m.mounted("/boot")
	if !ok {
		if kernels, ok = m.mounted("/"); !ok {
			return
		}
	}
	m.readable(kernels)
	if m.Machine.Firmware == machine.UEFI {
		m.bootUEFI(kernels)
	} else if !m.bootSector(kernels) {
		m.bootBIOS(kernels)
	}
}

// all are the volumes on partitions and on layers.
func (r *Result) all() []Volume {
	var all []Volume
	for _, d := range r.Disks {
		all = append(all, d.Parts...)
	}
	return append(all, r.Volumes...)
}

func (r *Result) mounted(mount string) (Volume, bool) {
	for _, v := range r.all() {
		if v.Mount == mount {
			return v, true
		}
	}
	return Volume{}, false
}

// below are the layers that a device is on, the uppermost first.
func (r *Result) below(device string) []Layer {
	var all []Layer
	for _, l := range r.Layers {
		if l.Device != device || l.Kind == Btrfs && len(all) > 0 {
			continue
		}
		all = append(all, l)
		on := l.On
		for _, g := range r.Layers {
			if g.Name == l.Group && l.Group != "" && g.Kind == Group {
				all, on = append(all, g), append(slices.Clone(on), g.On...)
			}
		}
		for _, dev := range on {
			if dev != device {
				all = append(all, r.below(dev)...)
			}
		}
	}
	return all
}

// Under are the layers that a volume of the result is on, the uppermost first.
func Under(layers []Layer, device string) []Layer { return (&Result{Layers: layers}).below(device) }

// on are the disks that a device is on in the end.
func (r *Result) on(device string) []string {
	devices := []string{device}
	for _, l := range r.below(device) {
		devices = append(devices, l.On...)
	}
	var disks []string
	for _, d := range r.Disks {
		if slices.ContainsFunc(d.Parts, func(v Volume) bool { return slices.Contains(devices, v.Device) }) {
			disks = append(disks, d.Path)
		}
	}
	return disks
}

// readable finds what GRUB can't read kernels from: its manual, and disk/{lvm,mdraid1x_linux,luks2}.c.
func (m *maker) readable(v Volume) {
	own := "; give /boot a partition of its own"
	bad := func(format string, args ...any) {
		m.Problems.Add(NoBoot, v.Mount, "GRUB can't read the kernels from "+format+own, args...)
	}
	if !slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"}, v.FSType) {
		bad("%s", v.FSType)
	}
	for _, l := range m.below(v.Device) {
		switch {
		case l.Kind == LUKS && !grubOpens(*l.LUKS):
			bad("encrypted storage with argon2 (use --pbkdf=pbkdf2 and GRUB asks for the passphrase)")
		case l.Kind == LUKS:
			m.warn("GRUB asks for the passphrase of %s before the menu, with the keys of a US keyboard", v.Mount)
		case l.Kind == LV && l.Pool != "":
			bad("a thin volume")
		case l.Kind == LV && l.CacheMiB > 0:
			bad("a volume with a cache")
		case l.Kind == RAID && l.Level == "linear":
			bad("a linear array")
		}
	}
}

// grubOpens reports whether GRUB has the key derivation of l: it has no argon2.
func grubOpens(l config.LUKS) bool { return l.Version == "luks1" || l.PBKDF == "pbkdf2" }

func (m *maker) bootUEFI(kernels Volume) {
	esp, ok := m.mounted("/boot/efi")
	if !ok {
		m.Problems.Add(NoBoot, "/boot/efi", "this machine starts by UEFI and needs an EFI system partition (part /boot/efi --fstype=efi --size=512)")
		return
	}
	for _, l := range m.below(esp.Device) {
		if l.Kind != RAID || l.Level != "1" || !l.Existing && l.Metadata != "1.0" {
			m.Problems.Add(NoBoot, "/boot/efi", "the firmware can't read it from %s %s; use a partition, or an array of level 1", kindWord(string(l.Kind)), l.Name)
		}
	}
	if esp.NoFormat && esp.FSType != "vfat" {
		m.Problems.Add(NoBoot, "/boot/efi", "%s has %s, and the firmware reads FAT", esp.Device, esp.FSType)
	}
	if esp.Type != "" && esp.Type != "0xef" && !strings.EqualFold(esp.Type, ESP) {
		m.warn("%s isn't marked as an EFI system partition: some firmware won't look at it", esp.Device)
	}
	if esp.Existing && !esp.NoFormat && m.shared(esp) {
		m.warn("%s is formatted: the boot loaders of other systems on it are lost", esp.Device)
	}
	m.Boot = m.on(esp.Device)
	m.both(kernels, m.Boot)
}

// shared reports whether other partitions stay on v's disk that nobody asks for.
func (m *maker) shared(v Volume) bool {
	return slices.ContainsFunc(m.Disks, func(d Disk) bool {
		return slices.Contains(d.Parts, v) && slices.ContainsFunc(d.Parts, func(o Volume) bool { return o.Existing && o.NoFormat && !o.Used() })
	})
}

// both warns when an array that can lose a disk doesn't help, since the machine
// can't start from all of its disks.
func (m *maker) both(kernels Volume, from []string) {
	on := m.on(kernels.Device)
	if m.redundant(kernels.Device) && slices.ContainsFunc(on, func(d string) bool { return !slices.Contains(from, d) }) {
		what := "a BIOS boot partition (part biosboot --size=1 --ondisk=…)"
		if m.Machine.Firmware == machine.UEFI {
			what = "a part of the EFI system partition (raid /boot/efi --level=1 --fstype=efi)"
		}
		m.warn("%s is on %s, but the machine can start from %s only; give each disk %s", kernels.Mount, strings.Join(on, ", "), strings.Join(from, ", "), what)
	}
}

// bootBIOS takes the disks that GRUB's image fits on: with a BIOS boot
// partition, or between a dos table and the first partition.
func (m *maker) bootBIOS(kernels Volume) {
	on := m.on(kernels.Device)
	var can []string
	for _, d := range m.Disks {
		// A disk that is only there for what is kept on it keeps its boot sector.
		ours := slices.Contains(on, d.Path) || m.find(d.Path).room || m.Loader.Disk != "" && Matches(m.find(d.Path).Disk, m.Loader.Disk)
		if ours && (d.Table == "dos" || slices.ContainsFunc(d.Parts, isBIOSBoot)) {
			can = append(can, d.Path)
		}
	}
	both := slices.DeleteFunc(slices.Clone(can), func(d string) bool { return !slices.Contains(on, d) })
	if !m.redundant(kernels.Device) {
		both = both[:min(1, len(both))]
	}
	if len(both) == 0 {
		both = can[:min(1, len(can))]
	}
	if first, err := m.Machine.Find(m.Loader.Disk); m.Loader.Disk != "" && err == nil {
		if !slices.Contains(can, first.Path) {
			m.Problems.Add(NoBoot, first.Path, "bootloader --boot-drive names it, and there is no BIOS boot partition for it (part biosboot --size=1 --ondisk=%s)", first.Name())
			return
		}
		both = slices.DeleteFunc(both, func(d string) bool { return d == first.Path || !m.redundant(kernels.Device) })
		both = append([]string{first.Path}, both...)
	}
	if len(both) == 0 {
		m.Problems.Add(NoBoot, "biosboot", "this machine starts by BIOS and needs a BIOS boot partition (part biosboot --size=1)")
	}
	m.Boot = both
	m.both(kernels, both)
}

func isBIOSBoot(v Volume) bool {
	return v.Mount == biosboot || strings.EqualFold(v.Type, "21686148-6449-6e6f-744e-656564454649")
}

// redundant reports whether a device is on an array that can lose a member.
func (m *maker) redundant(device string) bool {
	return slices.ContainsFunc(m.below(device), func(l Layer) bool {
		return l.Kind == RAID && l.Level != "0" && l.Level != "linear" || l.Kind == Btrfs && strings.HasPrefix(l.Data, "raid1")
	})
}

// remarks are about what has its place by now: file systems that came out too small,
// and what a person should know.
func (m *maker) remarks() {
	for _, v := range m.all() {
		least := leastSize(v.FSType, m.sectorOf(v))
		if v.Used() && !v.NoFormat && v.FSType != "" && v.Size < least*mib && v.Subvolume == "" {
			m.Problems.Add(TooSmall, v.Mount, "%s needs at least %d MiB, and gets %s", v.FSType, least, machine.Size(v.Size))
		}
	}
	for _, d := range m.Disks {
		m.remark(d)
	}
}

func (m *maker) sectorOf(v Volume) int {
	sector := 512
	for _, path := range m.on(v.Device) {
		for _, d := range m.Disks {
			if d.Path == path {
				sector = max(sector, d.Sector)
			}
		}
	}
	return sector
}

func (m *maker) remark(d Disk) {
	at := m.find(d.Path)
	if d.Table == "dos" && d.Size/mib > at.reach() && d.Rewritten() {
		m.warn("%s is %s, and a msdos table can use %s of it; clearpart --disklabel=gpt would use all", d.Path, machine.Size(d.Size), machine.Size(at.reach()*mib))
	}
	if !d.Kept || m.Machine.Firmware == machine.UEFI || !slices.Contains(m.Boot, d.Path) {
		return
	}
	if d.Table == "dos" && slices.ContainsFunc(d.Parts, func(v Volume) bool { return v.Start < mib }) {
		m.warn("%s has a partition before its first MiB: GRUB may have no room there", d.Path)
	}
	for _, v := range d.Parts {
		if v.Existing && !isBIOSBoot(v) && m.mountless(v) {
			m.warn("%s gets GRUB in its boot sector; the systems that stay on it are started from GRUB's menu", d.Path)
			return
		}
	}
}

func (m *maker) mountless(v Volume) bool { return v.Mount == "" && v.FSType == "ntfs" }

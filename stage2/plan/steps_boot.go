package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// bootloader is the step that installs GRUB.
func (b *builder) bootloader() bootloader {
	a, h := b.Answers, b.Handoff
	disks := b.bootDisks()
	s := bootloader{
		base: base{"bootloader", "Install the boot loader", 10},
		efi:  b.Machine.Firmware == machine.UEFI, arch: b.Machine.Arch,
		disks:  disks,
		vendor: strings.ToLower(strings.ReplaceAll(h.Build.Set.Product, " ", "")), product: h.Build.Set.Name(),
		kernel: kernelOptions(strings.TrimSpace(b.resume()+" "+a.Boot.Append), h.CommandLine), serial: serialCommand(h.CommandLine), timeout: 5,
	}
	for _, d := range b.plan.Disks {
		s.seen = append(s.seen, seen{d.Path, d.Seq})
	}
	if a.Boot.Timeout != nil {
		s.timeout = *a.Boot.Timeout
	}
	for _, v := range b.plan.volumes() {
		if v.Mount == "/" {
			s.root = v
		}
		if v.Mount == "/boot/efi" {
			s.esp = b.partOf(v)
		}
		if v.Mount == "/boot" || v.Mount == "/" && s.boot.Mount == "" {
			s.boot = v
		}
	}
	s.esps, s.password, s.leaveOrder = b.esps(), a.Boot.Password, a.Boot.LeaveOrder
	s.sector, s.stable = b.bootSector(s.boot, disks)
	s.modules, s.locked = b.grubModules(s.boot)
	return s
}

// bootSector is where a BIOS finds GRUB if not on a disk as a whole, and what to tell GRUB's
// packages of it.
func (b *builder) bootSector(boot Volume, disks []string) (sector string, stable []string) {
	switch loader := b.Answers.Boot; {
	case b.Machine.Firmware == machine.UEFI:
		return "", nil
	case loader.Location == "partition":
		return boot.Device, []string{b.stablePartition(boot)}
	case loader.NoMBR:
		return noSector, nil
	}
	for _, d := range disks {
		stable = append(stable, b.stableName(d))
	}
	return "", stable
}

// stablePartition is the link by the serial number of the disk v is on.
func (b *builder) stablePartition(v Volume) string {
	on := b.partOf(v)
	if link := b.stableName(on.disk); strings.HasPrefix(link, "/dev/disk/by-id/") {
		return link + "-part" + strconv.Itoa(on.number)
	}
	return v.Device
}

// bootMeaning warns of what has no meaning with this machine's firmware.
func (b *builder) bootMeaning() {
	a := b.Answers.Boot
	for _, o := range []struct {
		given bool
		text  string
	}{
		{a.LeaveOrder && b.Machine.Firmware != machine.UEFI, "bootloader --leavebootorder has no meaning here: a BIOS keeps no list of what to start"},
		{a.NoMBR && b.Machine.Firmware == machine.UEFI, "bootloader --nombr has no meaning here: by UEFI no disk's first sector is written"},
		{a.Location == "partition" && b.Machine.Firmware == machine.UEFI, "bootloader --location=partition has no meaning here: by UEFI the boot loader is a file on the EFI system partition"},
	} {
		if o.given && a.Location != "none" {
			b.plan.Warnings = append(b.plan.Warnings, o.text)
		}
	}
}

// bootDisks are the disks that the machine can start from.
func (b *builder) bootDisks() []string {
	if len(b.plan.Boot) == 0 && len(b.plan.Disks) > 0 {
		return []string{b.plan.Disks[0].Path}
	}
	return b.plan.Boot
}

// esps are where EFI system partitions are mounted, the usual one first.
func (b *builder) esps() []string {
	mounts := []string{"/boot/efi"}
	for _, v := range b.plan.volumes() {
		if v.Type == typeESP && strings.HasPrefix(v.Mount, "/") && v.Mount != mounts[0] {
			mounts = append(mounts, v.Mount)
		}
	}
	return mounts
}

// grubModules are what GRUB needs to read boot, and whether it is encrypted.
func (b *builder) grubModules(boot Volume) (modules []string, locked bool) {
	modules = []string{"part_gpt"}
	if slices.ContainsFunc(b.plan.Disks, func(d Disk) bool { return d.Table == "dos" }) {
		modules = append(modules, "part_msdos")
	}
	layers, _ := b.plan.below(boot.Device, b.plan.Layers)
	for _, l := range layers {
		switch l.Kind {
		case LayerLUKS:
			modules, locked = append(modules, "cryptodisk", "luks", "luks2", "gcry_rijndael", "gcry_sha256"), true
		case LayerRAID:
			modules = append(modules, "mdraid1x", "raid5rec", "raid6rec")
		case LayerLV:
			modules = append(modules, "lvm")
		}
	}
	slices.Sort(modules)
	fs := boot.FSType
	if strings.HasPrefix(fs, "ext") {
		fs = "ext2"
	}
	return append(slices.Compact(modules), fs), locked
}

// stableName is a link by the disk's serial number, where there is one.
func (b *builder) stableName(disk string) string {
	for _, d := range b.Machine.Disks {
		for _, l := range d.Links {
			if d.Path == disk && strings.HasPrefix(l, "/dev/disk/by-id/") && !strings.Contains(l, "/wwn-") {
				return l
			}
		}
	}
	return disk
}

package layout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// expand says autopart and reqpart, and the EFI system partition that is there
// already, as single requests.
func (m *maker) expand() {
	s := &m.s
	if s.Auto != nil && (len(s.Partitions)+len(s.Arrays)+len(s.Groups)+len(s.Logicals)+len(s.Btrfs) > 0 || s.Reqpart != nil) {
		m.Problems.Add(BadPartition, "autopart", "can't be used together with part, raid, volgroup, logvol, btrfs or reqpart")
		s.Auto = nil
	}
	m.addFirmware()
	if s.Reqpart != nil && s.Reqpart.AddBoot {
		m.addPart(config.Partition{Mount: "/boot", SizeMiB: m.bootSize()})
	}
	if s.Auto != nil {
		m.autopart(*s.Auto)
	}
}

func (m *maker) addPart(p config.Partition) { m.s.Partitions = append(m.s.Partitions, p) }

// asks reports whether something is asked for at mount.
func (m *maker) asks(mount string) bool {
	s := m.s
	return slices.ContainsFunc(s.Partitions, func(p config.Partition) bool { return p.Mount == mount || mount == "biosboot" && p.FSType == mount }) ||
		slices.ContainsFunc(s.Arrays, func(a config.Array) bool { return a.Mount == mount }) ||
		slices.ContainsFunc(s.Logicals, func(l config.Logical) bool { return l.Mount == mount }) ||
		slices.ContainsFunc(s.Btrfs, func(v config.Btrfs) bool { return v.Mount == mount })
}

// addFirmware adds what the machine's firmware needs: for autopart and reqpart
// a new partition, for all others only one that is there.
func (m *maker) addFirmware() {
	mount, size := "/boot/efi", m.espSize()
	if m.Machine.Firmware != machine.UEFI { // as boot has it
		mount, size = "biosboot", 1
	}
	if m.asks(mount) || m.Loader.Location == "none" && m.s.Auto == nil && m.s.Reqpart == nil {
		return
	}
	if p, ok := m.oldFirmware(mount); ok {
		m.addPart(config.Partition{Mount: mount, OnPart: p.Path, Format: config.Format{Existing: true, NoFormat: true}})
		return
	}
	if m.s.Auto == nil && m.s.Reqpart == nil {
		return
	}
	if mount == "/boot/efi" {
		m.addPart(config.Partition{Mount: mount, SizeMiB: size})
		return
	}
	for _, d := range m.startDisks() {
		if d == nil || d.table != "dos" {
			m.addPart(config.Partition{Mount: mount, SizeMiB: size, Disk: diskPath(d)})
		}
	}
}

func diskPath(d *disk) string {
	if d == nil {
		return ""
	}
	return d.Path
}

// startDisks are the disks that a machine with BIOS is to start from: those with
// members of arrays, so that one of them will do, else the main one.
func (m *maker) startDisks() []*disk {
	var all []*disk
	for _, p := range m.s.Partitions {
		if memberKind(p.Mount) == "raid" && p.Disk != "" {
			if i := slices.IndexFunc(m.disks, func(d *disk) bool { return Matches(d.Disk, p.Disk) }); i >= 0 && !slices.Contains(all, m.disks[i]) {
				all = append(all, m.disks[i])
			}
		}
	}
	if len(all) == 0 {
		all = append(all, m.mainDisk())
	}
	return all
}

// oldFirmware is the partition for the firmware that stays on one of the disks,
// on the main one if it can be.
func (m *maker) oldFirmware(mount string) (machine.Part, bool) {
	use := map[string]string{"/boot/efi": "EFI system", "biosboot": "BIOS boot"}[mount]
	disks := m.disks
	if main := m.mainDisk(); main != nil {
		disks = append([]*disk{main}, disks...)
	}
	for _, d := range disks {
		for _, p := range d.Parts {
			if p.Use() == use && !d.fresh && !d.lost[p.Path] && !m.claimed(p.Path) && (mount == "biosboot" || p.FSType == "vfat") {
				return p, true
			}
		}
	}
	return machine.Part{}, false
}

// claimed reports whether a request is for the partition at path.
func (m *maker) claimed(path string) bool {
	return slices.ContainsFunc(m.s.Partitions, func(p config.Partition) bool {
		d, err := m.findPart(p.OnPart)
		return p.OnPart != "" && err == nil && d.Path == path
	})
}

// mainDisk takes the partitions for which no disk is named: the one the boot
// loader goes to, else the one with the root, else the first with enough room, else
// the one with the most. It is nil when none has room for anything.
func (m *maker) mainDisk() *disk {
	var usable []*disk
	for _, d := range m.disks {
		if d.room {
			usable = append(usable, d)
		}
	}
	for _, spec := range []string{m.Loader.Disk, m.rootDisk()} {
		if i := slices.IndexFunc(usable, func(d *disk) bool { return spec != "" && Matches(d.Disk, spec) }); i >= 0 {
			return usable[i]
		}
	}
	need := m.Space/mib + 2
	for _, p := range m.s.Partitions {
		if p.Mount != "/" && p.Disk == "" && p.OnPart == "" {
			need += p.SizeMiB
		}
	}
	if i := slices.IndexFunc(usable, func(d *disk) bool { return d.free() >= need }); i >= 0 {
		return usable[i]
	}
	if len(usable) == 0 {
		return nil
	}
	return slices.MaxFunc(usable, func(x, y *disk) int { return cmp.Compare(x.free(), y.free()) })
}

func (m *maker) rootDisk() string {
	for _, p := range m.s.Partitions {
		if p.Mount == "/" {
			return p.Disk
		}
	}
	return ""
}

// autopart is the default layout: what the firmware needs is there already; then a
// /boot where GRUB couldn't read the root, swap, /home on a large disk, and the root.
func (m *maker) autopart(a config.Autopart) {
	main := m.mainDisk()
	if main == nil {
		main = &disk{}
	}
	if a.LUKS != nil && a.LUKS.Passphrase == "" {
		m.Problems.Add(BadEncryption, "autopart", "has no passphrase; use --passphrase=…")
		a.LUKS = nil
	}
	if !a.NoBoot && (a.LUKS != nil || a.Type == "thinp") {
		m.addPart(config.Partition{Mount: "/boot", SizeMiB: m.bootSize()})
	}
	l := m.sizes(a, main)
	switch a.Type {
	case "", "plain":
		m.autoPlain(a, l)
	case "lvm", "thinp":
		m.autoLVM(a, l, main)
	case "btrfs":
		m.autoBtrfs(a, l, main)
	default:
		m.Problems.Add(NotSupported, "autopart --type="+a.Type, "use plain, lvm, thinp or btrfs")
	}
}

// autoSizes are those of autopart, in MiB; 0 is none.
type autoSizes struct{ swap, root, rootMax, home int64 }

// sizes goes by Anaconda's rules: /home is apart when there are 50 GiB, and then
// the root has at most 70 GiB.
func (m *maker) sizes(a config.Autopart, main *disk) autoSizes {
	s := autoSizes{root: 256}
	if !a.NoSwap {
		s.swap = max(SwapSize(m.Machine.Memory, main.Size)/mib, m.swapWanted(false, a.Hibernation, main.Size))
	}
	room := main.free()
	if a.Type != "" && a.Type != "plain" {
		room = 0
		for _, d := range m.disks {
			room += d.free()
		}
	}
	if !a.NoHome && room > 50*1024 {
		s.root, s.rootMax, s.home = 1024, 70*1024, 500
	}
	return s
}

func (m *maker) autoPlain(a config.Autopart, l autoSizes) {
	if l.swap > 0 {
		m.addPart(config.Partition{Mount: "swap", SizeMiB: l.swap, Format: config.Format{LUKS: a.LUKS}})
	}
	format := config.Format{FSType: a.FSType, LUKS: a.LUKS}
	m.addPart(config.Partition{Mount: "/", Format: format, SizeMiB: l.root, Grow: true, MaxSizeMiB: l.rootMax})
	if l.home > 0 {
		m.addPart(config.Partition{Mount: "/home", Format: format, SizeMiB: l.home, Grow: true})
	}
}

// autoMembers asks for a member on every disk that has room, the main one first.
func (m *maker) autoMembers(kind string, least int64, luks *config.LUKS, main *disk) []string {
	var names []string
	for _, d := range append([]*disk{main}, m.disks...) {
		size := int64(1024)
		if len(names) == 0 {
			size = least
		} else if d == main || d.free() < 2*size {
			continue
		}
		name := fmt.Sprintf("%s.auto%d", kind, len(names)+1)
		m.addPart(config.Partition{Mount: name, SizeMiB: size, Grow: true, Disk: d.Path, Format: config.Format{LUKS: luks}})
		names = append(names, name)
	}
	return names
}

func (m *maker) autoLVM(a config.Autopart, l autoSizes, main *disk) {
	group := config.VolumeGroup{Name: m.freeGroup()}
	root := config.Logical{Mount: "/", Name: "root", Group: group.Name, SizeMiB: l.root, Grow: true, MaxSizeMiB: l.rootMax, Format: config.Format{FSType: a.FSType}}
	home := config.Logical{Mount: "/home", Name: "home", Group: group.Name, SizeMiB: l.home, Grow: true, Format: config.Format{FSType: a.FSType}}
	if a.Type == "thinp" {
		group.ReservedPercent = 20 // for the pool to grow, as Anaconda has it
		pool := config.Logical{Mount: "none", Name: "pool00", Group: group.Name, ThinPool: true, SizeMiB: l.root + l.home, Grow: true}
		root.Pool, home.Pool = pool.Name, pool.Name
		m.s.Logicals = append(m.s.Logicals, pool)
	}
	group.Members = m.autoMembers("pv", l.swap+l.root+l.home+64, a.LUKS, main)
	m.s.Groups = append(m.s.Groups, group)
	if l.swap > 0 {
		m.s.Logicals = append(m.s.Logicals, config.Logical{Mount: "swap", Name: "swap", Group: group.Name, SizeMiB: l.swap})
	}
	m.s.Logicals = append(m.s.Logicals, root)
	if l.home > 0 {
		m.s.Logicals = append(m.s.Logicals, home)
	}
}

// freeGroup is a name that no group which stays has.
func (m *maker) freeGroup() string {
	for n := 0; ; n++ {
		name := fmt.Sprintf("vg%d", n)
		if !slices.ContainsFunc(m.stays, func(s machine.Stack) bool { return s.Kind == "vg" && s.Name == name }) {
			return name
		}
	}
}

func (m *maker) autoBtrfs(a config.Autopart, l autoSizes, main *disk) {
	if l.swap > 0 {
		m.addPart(config.Partition{Mount: "swap", SizeMiB: l.swap, Format: config.Format{LUKS: a.LUKS}})
	}
	if a.FSType != "" && a.FSType != "btrfs" {
		m.Problems.Add(BadPartition, "autopart", "--type=btrfs can't have --fstype=%s", a.FSType)
	}
	const label = "system"
	members := m.autoMembers("btrfs", max(l.root+l.home, 256), a.LUKS, main)
	m.s.Btrfs = append(m.s.Btrfs, config.Btrfs{Mount: "none", Members: members, Label: label},
		config.Btrfs{Mount: "/", Subvolume: "root", Parent: "LABEL=" + label})
	if l.home > 0 {
		m.s.Btrfs = append(m.s.Btrfs, config.Btrfs{Mount: "/home", Subvolume: "home", Parent: "LABEL=" + label})
	}
}

// memberKind is what a request that isn't mounted is a member of: "raid", "pv",
// "btrfs"; empty for all others.
func memberKind(mount string) string {
	kind, _, ok := strings.Cut(mount, ".")
	if ok && (kind == "raid" || kind == "pv" || kind == "btrfs") {
		return kind
	}
	return ""
}

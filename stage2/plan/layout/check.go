package layout

import (
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// check looks at all requests by themselves, before anything has a place.
func (m *maker) check() {
	s := m.s
	if s.Auto == nil && len(s.Partitions)+len(s.Arrays)+len(s.Logicals)+len(s.Btrfs) == 0 {
		m.Problems.Add(NoRoot, "", "no partitions are asked for; use autopart or part")
		return
	}
	m.checkMounts()
	for _, p := range s.Partitions {
		m.checkPartition(p)
	}
	for _, a := range s.Arrays {
		m.checkFormat("raid "+a.Name, a.Mount, fsType(a.Mount, a.FSType), a.Format)
		m.checkRoot(a.Mount, a.NoFormat)
	}
	for _, l := range s.Logicals {
		m.checkLogical(l)
		m.checkRoot(l.Mount, l.NoFormat)
	}
	for _, v := range s.Btrfs {
		m.checkMount(v.Mount, "btrfs")
		m.checkRoot(v.Mount, v.NoFormat || v.Existing && v.Subvolume != "")
	}
	m.checkReferences()
	if spec := m.Loader.Disk; spec != "" {
		switch n := len(m.Machine.FindAll(spec)); {
		case n == 0:
			m.Problems.Add(DiskUnknown, spec, "bootloader --boot-drive names a disk that isn't there")
		case n > 1:
			m.Problems.Add(DiskUnknown, spec, "bootloader --boot-drive names %d disks; name one", n)
		}
	}
}

// checkRoot refuses to install over another system.
func (m *maker) checkRoot(mount string, kept bool) {
	if mount == "/" && kept {
		m.Problems.Add(BadPartition, "/", "can't be kept (--noformat): the new system needs an empty file system")
	}
}

// checkMounts finds mount points that are asked for twice, and a missing root.
func (m *maker) checkMounts() {
	seen := map[string]bool{}
	take := func(mount string) {
		if strings.HasPrefix(mount, "/") && seen[mount] || memberKind(mount) != "" && seen[mount] {
			m.Problems.Add(DoubleMount, mount, "is asked for twice")
		}
		seen[mount] = true
	}
	s := m.s
	for _, p := range s.Partitions {
		take(p.Mount)
	}
	for _, a := range s.Arrays {
		take(a.Mount)
	}
	for _, l := range s.Logicals {
		take(l.Mount)
	}
	for _, v := range s.Btrfs {
		take(v.Mount)
	}
	if !seen["/"] && !m.Problems.Has(NotSupported) {
		m.Problems.Add(NoRoot, "", "there is no root file system (part / …)")
	}
}

func (m *maker) checkPartition(p config.Partition) {
	fs := fsType(p.Mount, p.FSType)
	m.checkFormat(p.Mount, p.Mount, fs, p.Format)
	if p.OnPart != "" {
		return
	}
	m.checkSizes(p.Mount, fs, p.SizeMiB, p.MaxSizeMiB, p.Grow || p.Recommended || p.Hibernation || p.Percent > 0)
	if p.Percent < 0 || p.Percent > 100 {
		m.Problems.Add(BadPartition, p.Mount, "--percent=%d is no percentage; use 1 to 100", p.Percent)
	}
	if p.NoFormat || p.Existing {
		m.Problems.Add(BadReference, p.Mount, "--noformat goes only with --onpart=…, which says what is to be kept")
	}
}

func (m *maker) checkSizes(subject, fs string, size, most int64, flexible bool) {
	switch {
	case size <= 0 && !flexible:
		m.Problems.Add(BadPartition, subject, "has no size; use --size=MiB")
	case most > 0 && most < size:
		m.Problems.Add(BadPartition, subject, "--maxsize is smaller than --size")
	case size < leastSize(fs, 512) && !flexible:
		m.Problems.Add(TooSmall, subject, "%s needs at least %d MiB, and --size says %d", fs, leastSize(fs, 512), size)
	}
}

func (m *maker) checkLogical(l config.Logical) {
	subject := "logvol " + l.Name
	if l.ThinPool {
		if l.LUKS != nil {
			m.Problems.Add(NotSupported, subject, "a thin pool can't be encrypted; encrypt its group's members or its volumes")
		}
	} else {
		m.checkFormat(subject, l.Mount, fsType(l.Mount, l.FSType), l.Format)
	}
	if !l.Existing && !l.NoFormat {
		fs := fsType(l.Mount, l.FSType)
		if l.ThinPool {
			fs = ""
		}
		m.checkSizes(subject, fs, l.SizeMiB, l.MaxSizeMiB, l.Grow || l.Recommended || l.Hibernation || l.Percent > 0)
	}
	if l.CacheMode != "" && l.CacheMode != "writeback" && l.CacheMode != "writethrough" {
		m.Problems.Add(BadPartition, subject, "--cachemode=%s is not known; use writeback or writethrough", l.CacheMode)
	}
	if l.CacheMiB > 0 && (l.Pool != "" || l.ThinPool) {
		m.Problems.Add(NotSupported, subject, "a thin pool or volume can't have a cache")
	}
}

// checkMount looks at a mount point by itself.
func (m *maker) checkMount(mount, fs string) {
	switch {
	case mount == "" || mount == "none" || mount == "swap" || mount == biosboot || memberKind(mount) != "":
	case !strings.HasPrefix(mount, "/") || path.Clean(mount) != mount || strings.ContainsAny(mount, " \t\n\\#"):
		m.Problems.Add(BadPartition, mount, "is not a mount point; use an absolute path")
	case slices.ContainsFunc([]string{"/dev", "/proc", "/sys", "/run", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/mnt", "/target"}, func(p string) bool { return mount == p }):
		m.Problems.Add(BadPartition, mount, "can't be a file system of its own")
	case mount == "/" && (fs == "vfat" || fs == "swap"):
		m.Problems.Add(BadPartition, mount, "can't be %s; use ext4, xfs or btrfs", fs)
	}
}

// checkFormat looks at what is to be made on something.
func (m *maker) checkFormat(subject, mount, fs string, f config.Format) {
	labels := map[string]int{"ext2": 16, "ext3": 16, "ext4": 16, "xfs": 12, "vfat": 11, "swap": 15, "btrfs": 255}
	longest, known := labels[fs]
	kind := memberKind(mount)
	switch {
	case f.NoFormat:
	case kind != "" || fs == biosboot:
	case fs == "prepboot" || fs == "ppc PReP Boot":
		m.Problems.Add(BadPartition, subject, "a PReP boot partition is for POWER machines; leave it out")
	case !known:
		m.Problems.Add(BadPartition, subject, "file system %q is not known; use ext4, xfs, btrfs, vfat or swap", fs)
	case (fs == "swap") != (mount == "swap") && mount != "none":
		m.Problems.Add(BadPartition, subject, "can't have the file system %s", fs)
	case mount == "/boot/efi" && fs != "vfat":
		m.Problems.Add(BadPartition, subject, "the firmware reads FAT and not %s; use --fstype=efi", fs)
	case fs == "vfat" && !fatLabel(f.Label):
		m.Problems.Add(BadPartition, subject, "label %q can't be on FAT: mkfs.vfat takes none of *?.,;:/\\|+=<>[]\" and no letters beyond ASCII", f.Label)
	case len(f.Label) > longest:
		m.Problems.Add(BadPartition, subject, "label %q is longer than the %d characters of %s", f.Label, longest, fs)
	}
	m.checkMount(mount, fs)
	if f.LUKS != nil {
		m.checkLUKS(subject, mount, fs, *f.LUKS)
	}
}

// fatLabel goes by mkfs.fat(8).
func fatLabel(label string) bool {
	return !strings.ContainsFunc(label, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`*?.,;:/\|+=<>[]"`, r) })
}

func (m *maker) checkLUKS(subject, mount, fs string, l config.LUKS) {
	bad := func(format string, args ...any) { m.Problems.Add(BadEncryption, subject, format, args...) }
	switch {
	case mount == "/boot/efi" || fs == biosboot:
		bad("can't be encrypted: the firmware reads it")
	case l.Passphrase == "":
		bad("has no passphrase; use --passphrase=…")
	}
	switch {
	case l.Version != "" && l.Version != "luks1" && l.Version != "luks2":
		bad("--luks-version=%s is not known; use luks1 or luks2", l.Version)
	case l.PBKDF != "" && !slices.Contains([]string{"pbkdf2", "argon2i", "argon2id"}, l.PBKDF):
		bad("--pbkdf=%s is not known; use pbkdf2, argon2i or argon2id", l.PBKDF)
	case l.Version == "luks1" && strings.HasPrefix(l.PBKDF, "argon2"):
		bad("luks1 can't have --pbkdf=%s; use luks2 or pbkdf2", l.PBKDF)
	case l.PBKDFMemory > 0 && (l.PBKDF == "pbkdf2" || l.Version == "luks1"):
		bad("--pbkdf-memory goes only with argon2i and argon2id")
	case l.PBKDFTime > 0 && l.PBKDFRounds > 0:
		bad("--pbkdf-time and --pbkdf-iterations exclude each other")
	}
}

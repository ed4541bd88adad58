package machine

import (
	"fmt"
	"strings"
)

// Size is a number of bytes for a person: "512 B", "1.5 MiB", "20 GiB".
func Size(n int64) string {
	if n < 1024 && n > -1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), -1
	for ; unit < len("KMGTPE")-1 && (v >= 1023.95 || v <= -1023.95); unit++ {
		v /= 1024
	}
	s := strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	return s + " " + "KMGTPE"[unit:unit+1] + "iB"
}

// Plural is noun for so many of it: "1 disk", "2 disks".
func Plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// Describe is d in a line: "vda: 20 GiB, QEMU HARDDISK (virtio)".
func (d Disk) Describe() string {
	s := d.Name() + ": " + Size(d.Size)
	if d.Model != "" {
		s += ", " + d.Model
	}
	var remarks []string
	if d.Transport != "" {
		remarks = append(remarks, d.Transport)
	}
	if d.Removable {
		remarks = append(remarks, "removable")
	}
	if d.ReadOnly {
		remarks = append(remarks, "read-only")
	}
	if len(remarks) > 0 {
		s += " (" + strings.Join(remarks, ", ") + ")"
	}
	return s
}

// Contents says in words what is on d, without what its partitions are part of
// (Machine.Contents has that):
// "empty", "ext4 file system \"data\"",
// "2 partitions: EFI system (vfat, 512 MiB), Linux (ext4 \"root\", 19.5 GiB)".
func (d Disk) Contents() string {
	switch {
	case len(d.Parts) == 1:
		return "1 partition: " + d.Parts[0].Describe()
	case len(d.Parts) > 1:
		words := make([]string, len(d.Parts))
		for i, p := range d.Parts {
			words[i] = p.Describe()
		}
		return fmt.Sprintf("%d partitions: %s", len(d.Parts), strings.Join(words, ", "))
	case d.FSType != "":
		return quoted(kind(d.FSType), d.Label)
	case d.Table != "":
		return "no partitions"
	}
	return "empty"
}

// Describe is p in words: "EFI system (vfat, 512 MiB)".
func (p Part) Describe() string {
	inner := Size(p.Size)
	if p.FSType != "" {
		inner = quoted(p.FSType, p.Label) + ", " + inner
	}
	return p.Use() + " (" + inner + ")"
}

// Use is what the type of p says it is for: "EFI system", "Linux".
func (p Part) Use() string {
	switch strings.ToLower(p.Type) {
	case "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef":
		return "EFI system"
	case "21686148-6449-6e6f-744e-656564454649":
		return "BIOS boot"
	case "e3c9e316-0b5c-4db8-817d-f92df00215ae":
		return "Microsoft reserved"
	case "de94bba4-06d1-4d40-a16a-bfd50179d6ac", "0x27":
		return "Windows recovery"
	case "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "0x7", "0xb", "0xc", "0xe":
		return windowsOrData(p.FSType)
	case "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "0x82":
		return "swap"
	case "e6d6d379-f507-44c2-a23c-238f2a3df928", "0x8e":
		return "LVM"
	case "a19d880f-05fc-4d3b-a006-743f0f84911e", "0xfd":
		return "RAID"
	case "0fc63daf-8483-4772-8e79-3d69d8477de4", "0x83",
		"4f68bce3-e8cd-4db1-96e7-fbcaf984b709": // root, amd64: discoverable partitions specification
		return "Linux"
	case "0x5", "0xf", "0x85":
		return "extended"
	}
	return "unknown"
}

// windowsOrData guesses: the type is that of any data, also of Linux's in older
// times, but NTFS on it is most likely Windows.
func windowsOrData(fstype string) string {
	switch fstype {
	case "ntfs", "BitLocker", "ReFS":
		return "Windows"
	}
	return "data"
}

// kind says what a thing on a whole disk is.
func kind(fstype string) string {
	switch fstype {
	case "LVM2_member":
		return "LVM physical volume"
	case "linux_raid_member":
		return "RAID member"
	case "crypto_LUKS":
		return "encrypted volume (LUKS)"
	case "swap":
		return "swap space"
	}
	return fstype + " file system"
}

func quoted(what, label string) string {
	if label == "" {
		return what
	}
	return fmt.Sprintf("%s %q", what, label)
}

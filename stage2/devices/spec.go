package devices

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// What a device can be. The names of file systems stand for themselves.
const (
	AsSwap     = "swap"
	AsEFI      = "efi"      // EFI system partition
	AsBIOSBoot = "biosboot" // where GRUB has its core on a gpt
	AsRAID     = "raid"     // member of an array
	AsLVM      = "pv"       // physical volume
	AsBtrfs    = "btrfs."   // member of a btrfs over several, or of one with subvolumes
)

// Filesystems are those that can be made.
func Filesystems() []string { return []string{"ext4", "xfs", "btrfs", "ext3", "ext2", "vfat"} }

// Spec is what a device is to be.
type Spec struct {
	As      string       // a file system, or an As… word
	Keep    bool         // of what is there: what is on it stays; As then is only asked where it can't be seen
	Mount   string       // of a file system; empty: it isn't mounted
	SizeMiB int64        // of what is there: the new size; 0 is as it is
	Rest    bool         // it takes what others leave, and SizeMiB is the least
	Label   string       // of a file system
	Options string       // for fstab
	LUKS    *config.LUKS // encrypted when not nil
}

// asOf reads a request's mount point and file system as an As… word.
func asOf(mount, fstype string) string {
	kind, _, member := strings.Cut(mount, ".")
	switch {
	case member && kind == "btrfs":
		return AsBtrfs
	case member && (kind == AsRAID || kind == AsLVM):
		return kind
	case mount == AsSwap || mount == AsBIOSBoot:
		return mount
	case mount == "/boot/efi" || fstype == AsEFI:
		return AsEFI
	case fstype == "":
		return "ext4"
	}
	return fstype
}

// mountOf is the mount point of a request as the language has it.
func (e *Editor) mountOf(spec Spec, was string) string {
	switch spec.As {
	case AsSwap, AsBIOSBoot:
		return spec.As
	case AsEFI:
		return "/boot/efi"
	case AsRAID, AsLVM, AsBtrfs:
		if asOf(was, "") == spec.As {
			return was
		}
		return e.member(strings.TrimSuffix(spec.As, "."))
	}
	if spec.Mount == "" {
		return "none"
	}
	return spec.Mount
}

// member is a name for a new member that no other has.
func (e *Editor) member(kind string) string {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.%d", kind, n)
		taken := slices.ContainsFunc(e.now.Partitions, func(p config.Partition) bool { return p.Mount == name }) ||
			slices.ContainsFunc(e.now.Arrays, func(a config.Array) bool { return a.Mount == name })
		if !taken {
			return name
		}
	}
}

// canBe refuses what only partitions can be; of is "an array", or "a volume".
func (s Spec) canBe(of string) error {
	switch {
	case s.As == AsBIOSBoot:
		return fmt.Errorf("%s can't be a BIOS boot partition", of)
	case of == "a volume" && (s.As == AsRAID || s.As == AsLVM || s.As == AsBtrfs):
		return fmt.Errorf("%s of LVM can't be a part of something else", of)
	}
	return nil
}

// format is what a request says of the file system, without what has no meaning there.
func (s Spec) format(mount string) config.Format {
	f := config.Format{Label: s.Label, FSOptions: s.Options, LUKS: s.LUKS}
	switch s.As {
	case AsRAID, AsLVM, AsBtrfs:
		return config.Format{LUKS: s.LUKS}
	case AsSwap:
		f.FSOptions = ""
	case AsBIOSBoot:
		return config.Format{FSType: AsBIOSBoot}
	default:
		f.FSType = s.As
	}
	return f
}

// keep is the same for what stays: only what can't be seen is said.
func (s Spec) keep() config.Format {
	f := config.Format{Existing: true, NoFormat: true, FSOptions: s.Options, LUKS: s.LUKS}
	if s.LUKS != nil {
		f.FSType = s.As
	}
	return f
}

// specOf reads a request back.
func specOf(mount string, f config.Format, size int64, rest bool) Spec {
	s := Spec{As: asOf(mount, f.FSType), Keep: f.NoFormat, Mount: mountWords(mount), SizeMiB: size, Rest: rest,
		Label: f.Label, Options: f.FSOptions, LUKS: f.LUKS}
	return s
}

// ParseSize reads a size in MiB: "20 GiB", "512M", "1.5T"; as elsewhere GB are 10^9 and G and GiB 2^30 bytes.
func ParseSize(text string) (int64, error) {
	word := strings.TrimSpace(strings.ReplaceAll(text, ",", "."))
	at := strings.IndexFunc(word, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if at < 0 {
		at = len(word)
	}
	n, err := strconv.ParseFloat(word[:at], 64)
	unit, known := map[string]float64{
		"k": 1 << 10, "kib": 1 << 10, "m": mib, "mib": mib, "g": 1 << 30, "gib": 1 << 30, "t": 1 << 40, "tib": 1 << 40,
		"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	}[strings.ToLower(strings.TrimSpace(word[at:]))]
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no size; one is 20 GiB, or 512 MiB", text)
	case !known:
		return 0, fmt.Errorf("%q has no unit; write MiB, GiB or TiB behind the number", text)
	case n*unit < mib || n*unit > 1<<60:
		return 0, fmt.Errorf("%q is no size of a device: from 1 MiB on", text)
	}
	return int64(n * unit / mib), nil
}

// WriteSize is a size in MiB as ParseSize reads it back.
func WriteSize(size int64) string {
	switch {
	case size%(1<<20) == 0 && size > 0:
		return fmt.Sprintf("%d TiB", size>>20)
	case size%(1<<10) == 0 && size > 0:
		return fmt.Sprintf("%d GiB", size>>10)
	}
	return fmt.Sprintf("%d MiB", size)
}

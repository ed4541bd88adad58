package plan

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// systemMount reports whether packages are installed to mount.
func systemMount(mount string) bool {
	return slices.Contains([]string{"/", "/usr", "/var", "/opt", "/boot"}, mount)
}

// checkSpace compares what the file systems will hold with what they can.
func (b *builder) checkSpace() {
	var system, largest int64
	counted := map[string]bool{} // subvolumes share one file system
	for _, v := range b.plan.volumes() {
		if !strings.HasPrefix(v.Mount, "/") || v.UUID != "" && counted[v.UUID] {
			continue
		}
		free := usable(v)
		if systemMount(v.Mount) {
			system += free
			counted[v.UUID] = true
		} else if holdsImage(v) && !v.NoFormat { // how full the others are is not known
			largest = max(largest, free)
		}
	}
	s := b.plan.Space
	need := s.Fetch + s.Installed
	if largest < s.Image {
		need += s.Image
	}
	if len(b.plan.Disks) == 0 || system >= need {
		return
	}
	fetched, less := "packages", "less software"
	if b.plan.Image != nil {
		fetched, less = "the image", "a smaller image"
	}
	b.problems.Add(TooSmall, "/", "the installation needs %s (%s %s, installed %s, the installer itself %s), and there will be %s; choose a larger disk or %s",
		machine.Size(need), fetched, machine.Size(s.Fetch), machine.Size(s.Installed), machine.Size(s.Image), machine.Size(system), less)
}

// usable is about what a file system of v's size holds: without its tables and
// its journal.
func usable(v Volume) int64 {
	switch v.FSType {
	case "ext2", "ext3", "ext4":
		return max(0, v.Size*97/100-min(v.Size/32, 128*mib))
	case "xfs":
		return max(0, v.Size*98/100-72*mib)
	case "btrfs":
		return max(0, v.Size*94/100-64*mib) // its metadata is there twice
	}
	return 0
}

const mib = 1 << 20

// holdsImage reports whether the installer's own copy can be put on v.
func holdsImage(v Volume) bool {
	return slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs"}, v.FSType) && strings.HasPrefix(v.Mount, "/")
}

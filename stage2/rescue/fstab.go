package rescue

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/mounts"
	"github.com/molt-installer/molt/stage2/host"
)

// System is an installed system.
type System struct {
	Volume    Volume
	Subvolume string // of a btrfs; empty is its default
	Name      string // PRETTY_NAME of os-release(5)
	Host      string
	Fstab     string // the text of its fstab
}

// String is s in words: `Debian GNU/Linux 13 "snake" on /dev/vda2 (ext4)`.
func (s System) String() string {
	text := "A system"
	if s.Name != "" {
		text = s.Name
	}
	if s.Host != "" {
		text += fmt.Sprintf(" %q", s.Host)
	}
	if s.Subvolume != "" {
		return fmt.Sprintf("%s on %s (%s, subvolume %s)", text, s.Volume.Path, s.Volume.FSType, s.Subvolume)
	}
	return fmt.Sprintf("%s on %s (%s)", text, s.Volume.Path, s.Volume.FSType)
}

// entry is a line of an fstab.
type entry struct {
	source, point, fstype string
	options               []string
}

func (e entry) has(option string) bool { return slices.Contains(e.options, option) }

// entries are the lines of an fstab that are one. White space in a field is written in octal: fstab(5).
func entries(fstab string) []entry {
	var all []entry
	for line := range strings.Lines(fstab) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		e := entry{source: mounts.Unescape(f[0]), point: mounts.Unescape(f[1]), fstype: f[2]}
		if len(f) > 3 {
			e.options = strings.Split(mounts.Unescape(f[3]), ",")
		}
		all = append(all, e)
	}
	return all
}

// RootMount is the mount of the system's root.
func RootMount(s System, readOnly bool) host.Mount {
	var asked []string
	if s.Subvolume != "" {
		asked = []string{"subvol=" + s.Subvolume}
	}
	return mountOf(s.Volume, s.Volume.FSType, Root, asked, readOnly)
}

// Below are the other mounts of the system on this machine, parents first. notes say
// which of its fstab are left out, and why.
func Below(s System, volumes []Volume, readOnly bool) (mounts []host.Mount, notes []string) {
	for _, e := range entries(s.Fstab) {
		if !strings.HasPrefix(e.point, "/") || path.Clean(e.point) == "/" || e.fstype == "swap" {
			continue
		}
		m, why := e.mount(volumes, readOnly)
		if why != "" {
			notes = append(notes, fmt.Sprintf("%s (%s) is not mounted: %s", e.point, e.source, why))
		} else if m.Target != "" {
			mounts = append(mounts, m)
		}
	}
	slices.SortStableFunc(mounts, func(a, b host.Mount) int { return strings.Count(a.Target, "/") - strings.Count(b.Target, "/") })
	return mounts, notes
}

// mount is e's mount; none for what is on no disk, such as a tmpfs, or why there is none.
func (e entry) mount(volumes []Volume, readOnly bool) (m host.Mount, why string) {
	target := path.Join(Root, path.Clean(e.point))
	if e.has("bind") || e.has("rbind") {
		return host.Mount{Source: path.Join(Root, path.Clean("/"+e.source)), Target: target, FSType: "bind", ReadOnly: readOnly}, ""
	}
	if !strings.HasPrefix(e.source, "/dev/") && !strings.Contains(e.source, "=") {
		if strings.Contains(e.source, ":") || strings.HasPrefix(e.source, "//") {
			return m, "it is not on a disk of this machine"
		}
		return m, ""
	}
	if e.has("noauto") {
		return m, "its line in fstab says noauto"
	}
	found := resolve(e.source, volumes)
	switch len(found) {
	case 0:
		return m, "no such volume is there, or it is locked"
	case 1:
		fstype := e.fstype
		if fstype == "auto" || strings.Contains(fstype, ",") {
			fstype = found[0].FSType
		}
		return mountOf(found[0], fstype, target, e.options, readOnly), ""
	}
	paths := make([]string, len(found))
	for i, v := range found {
		paths[i] = v.Path
	}
	return m, "several volumes have that name: " + strings.Join(paths, ", ")
}

// mountOf is v's mount. Of what fstab asks for, only what says which part of a file system
// is meant, or how its files are stored, matters here; with the rest a damaged system might not mount.
func mountOf(v Volume, fstype, target string, asked []string, readOnly bool) host.Mount {
	var options []string
	for _, o := range asked {
		name, _, _ := strings.Cut(o, "=")
		if fstype == "btrfs" && slices.Contains([]string{"subvol", "subvolid", "compress", "compress-force"}, name) {
			options = append(options, o)
		}
	}
	for _, device := range v.More { // no udev has told the kernel of them: btrfs(5)
		options = append(options, "device="+device)
	}
	if keep := mounts.Untouched(fstype); readOnly && keep != "" {
		options = append(options, keep)
	}
	return host.Mount{Source: v.Path, Target: target, FSType: fstype, ReadOnly: readOnly, Options: strings.Join(options, ",")}
}

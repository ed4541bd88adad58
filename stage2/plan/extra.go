package plan

import (
	"slices"

	"github.com/molt-installer/molt/stage2/config"
)

// ExtraPackages are the packages that a system with these answers needs beside
// what was chosen, for payload.Request.Extra: the tools of its file systems and
// of what they are on. Those of vfat are not among them; a system does without.
func ExtraPackages(a config.Answers) []string {
	s := a.Storage
	var all []string
	add := func(wanted bool, names ...string) {
		for _, n := range names {
			if wanted && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	for _, f := range formats(s) {
		add(f.FSType == "xfs", "xfsprogs")
		add(f.FSType == "btrfs", "btrfs-progs")
		add(f.LUKS != nil, "cryptsetup", "cryptsetup-initramfs")
	}
	lvm, thin := len(s.Groups)+len(s.Logicals) > 0, false
	for _, l := range s.Logicals {
		thin = thin || l.ThinPool || l.CacheMiB > 0
	}
	if auto := s.Auto; auto != nil {
		add(auto.Type == "btrfs", "btrfs-progs")
		thin = auto.Type == "thinp"
		lvm = thin || auto.Type == "lvm"
	}
	add(len(s.Btrfs) > 0, "btrfs-progs")
	add(len(s.Arrays) > 0, "mdadm")
	add(lvm, "lvm2")
	add(thin, "thin-provisioning-tools")
	return all
}

// formats are those of all requests.
func formats(s config.Storage) []config.Format {
	var all []config.Format
	for _, p := range s.Partitions {
		all = append(all, p.Format)
	}
	for _, a := range s.Arrays {
		all = append(all, a.Format)
	}
	for _, l := range s.Logicals {
		all = append(all, l.Format)
	}
	for _, m := range s.Mounts {
		all = append(all, config.Format{FSType: m.FSType})
	}
	if auto := s.Auto; auto != nil {
		all = append(all, config.Format{FSType: auto.FSType, LUKS: auto.LUKS})
	}
	return all
}

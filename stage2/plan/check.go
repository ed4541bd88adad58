package plan

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/machine"
)

// checkRequests finds what is wrong with the partitions before they are laid out.
func (b *builder) checkRequests(requests []*request) {
	seen := map[string]bool{}
	for _, r := range requests {
		if seen[r.Mount] && r.Mount != "swap" {
			b.problems.add(DoubleMount, r.Mount, "is asked for twice")
		}
		seen[r.Mount] = true
		b.checkRequest(r)
	}
	b.checkBoot(seen)
	for _, r := range requests {
		if !b.problems.Has(NoTarget) && r.Disk == "" && len(b.Answers.Storage.Clear.Drives) == 0 && b.Answers.Storage.Clear.Mode != "all" {
			b.problems.add(DiskNotNamed, r.Mount, "on which disk? Name it (part --ondisk=… or clearpart --drives=…)")
		}
	}
}

// checkBoot finds out whether the firmware will find something to start.
func (b *builder) checkBoot(mounts map[string]bool) {
	s := b.Answers.Storage
	if s.Auto == nil && len(s.Partitions) == 0 {
		b.problems.add(NoRoot, "", "no partitions are asked for; use autopart or part")
		return
	}
	if !mounts["/"] {
		b.problems.add(NoRoot, "", "there is no root file system (part / …)")
	}
	if b.Answers.Boot.Location == "none" {
		return
	}
	if b.Machine.Firmware == machine.UEFI && !mounts["/boot/efi"] {
		b.problems.add(NoBoot, "/boot/efi", "this machine starts by UEFI and needs an EFI system partition (part /boot/efi --fstype=efi --size=512)")
	}
	if b.Machine.Firmware == machine.BIOS && !mounts["biosboot"] {
		b.problems.add(NoBoot, "biosboot", "this machine starts by BIOS and needs a BIOS boot partition (part biosboot --size=1)")
	}
	if spec := b.Answers.Boot.Disk; spec != "" && !slices.ContainsFunc(b.Machine.Disks, func(d machine.Disk) bool { return matches(d, spec) }) {
		b.problems.add(DiskUnknown, spec, "bootloader --boot-drive names a disk that isn't there")
	}
}

// checkRequest looks at one partition by itself.
func (b *builder) checkRequest(r *request) {
	labelled := map[string]int{"ext4": 16, "xfs": 12, "vfat": 11, "swap": 15}
	longest, known := labelled[r.fstype]
	switch {
	case r.fstype == "" && r.Mount == "biosboot":
	case !known:
		b.problems.add(BadPartition, r.Mount, "file system %q is not known; use ext4, xfs, vfat or swap", r.fstype)
	case r.fstype == "swap" && r.Mount != "swap", r.fstype != "swap" && r.Mount == "swap":
		b.problems.add(BadPartition, r.Mount, "can't have the file system %s", r.fstype)
	case r.Mount != "swap" && (!strings.HasPrefix(r.Mount, "/") || path.Clean(r.Mount) != r.Mount):
		b.problems.add(BadPartition, r.Mount, "is not a mount point; use an absolute path")
	case len(r.Label) > longest:
		b.problems.add(BadPartition, r.Mount, "label %q is longer than the %d characters of %s", r.Label, longest, r.fstype)
	}
	switch least := leastSize(r); {
	case r.SizeMiB <= 0 && !r.Recommended && !r.Grow:
		b.problems.add(BadPartition, r.Mount, "has no size; use --size=MiB")
	case r.MaxSizeMiB > 0 && r.MaxSizeMiB < r.SizeMiB:
		b.problems.add(BadPartition, r.Mount, "--maxsize is smaller than --size")
	case r.SizeMiB < least && !r.Grow && !r.Recommended:
		b.problems.add(TooSmall, r.Mount, "%s needs at least %d MiB, and --size says %d", r.fstype, least, r.SizeMiB)
	}
}

// leastSize is what the mkfs programs refuse to go below, in MiB.
func leastSize(r *request) int64 {
	switch r.fstype {
	case "xfs":
		return 300
	case "vfat":
		return 36
	case "ext4":
		return 16
	}
	return 1
}

// systemMounts are where packages are installed to.
func systemMount(mount string) bool {
	return slices.Contains([]string{"/", "/usr", "/var", "/opt", "/boot", "/etc"}, mount)
}

// checkSpace compares what the file systems will hold with what they can.
func (b *builder) checkSpace() {
	var system, largest int64
	for _, v := range b.plan.volumes() {
		free := usable(v)
		if systemMount(v.Mount) {
			system += free
		} else if holdsImage(v) {
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
	b.problems.add(TooSmall, "/", "the installation needs %s (packages %s, installed %s, the installer itself %s), and there will be %s; choose a larger disk or less software",
		machine.Size(need), machine.Size(s.Fetch), machine.Size(s.Installed), machine.Size(s.Image), machine.Size(system))
}

// usable is about what a file system of v's size holds: without its tables and
// its journal.
func usable(v Volume) int64 {
	switch v.FSType {
	case "ext4":
		return max(0, v.Size*97/100-min(v.Size/32, 128*mib))
	case "xfs":
		return max(0, v.Size*98/100-72*mib)
	}
	return 0
}

// holdsImage reports whether the installer's own copy can be put on v.
func holdsImage(v Volume) bool { return v.FSType == "ext4" || v.FSType == "xfs" }

// accounts checks who will be able to log in.
func (b *builder) accounts() {
	a := b.Answers
	seen := map[string]bool{"root": true}
	name := regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	for _, u := range a.Users {
		switch {
		case !name.MatchString(u.Name):
			b.problems.add(BadAccount, u.Name, "not a user name: small letters, digits, - and _, at most 32")
		case seen[u.Name]:
			b.problems.add(BadAccount, u.Name, "is there twice")
		case strings.ContainsAny(u.Gecos+u.Home+u.Shell+u.Login.Hash+strings.Join(u.Groups, ""), ":\n"):
			b.problems.add(BadAccount, u.Name, "a colon can't be in the description, the home, the shell or a group")
		}
		seen[u.Name] = true
	}
	if strings.ContainsAny(a.Root.Hash, ":\n") {
		b.problems.add(BadAccount, "root", "the password is not a crypt(5) hash")
	}
	for _, gap := range a.Missing() {
		if gap.Field == "root" {
			b.problems.add(NoLogin, "", "%s; use %s", gap.Text, gap.Command)
		}
	}
	for _, g := range a.Groups {
		if !name.MatchString(g.Name) {
			b.problems.add(BadAccount, g.Name, "not a group name: small letters, digits, - and _, at most 32")
		}
	}
	for _, k := range a.SSHKeys {
		if !seen[k.User] {
			b.problems.add(BadAccount, k.User, "has an SSH key, but is not among the users")
		}
	}
}

// names checks what ends up in files as it is.
func (b *builder) names() {
	a := b.Answers
	if a.Hostname != "" && !isHostname(a.Hostname) {
		b.problems.add(BadName, a.Hostname, "not a host name (RFC 1123)")
	}
	plain := regexp.MustCompile(`^[A-Za-z0-9_+./@-]*$`)
	for _, n := range []struct{ what, value string }{
		{"language", a.Language + strings.Join(a.Locales, "")}, {"time zone", a.Timezone.Zone},
		{"keyboard", a.Keyboard.Layout + a.Keyboard.Variant + a.Keyboard.Keymap + strings.ReplaceAll(a.Keyboard.Options, ":", "")},
	} {
		if !plain.MatchString(strings.ReplaceAll(n.value, ",", "")) || strings.Contains(n.value, "..") {
			b.problems.add(BadName, n.value, "not the name of a %s", n.what)
		}
	}
	for _, m := range a.Mirrors {
		if !strings.Contains(m.URL, "://") || strings.ContainsAny(m.URL, " \n") {
			b.problems.add(BadName, m.URL, "not the URL of a package archive")
		}
	}
}

// network checks the interfaces' configurations.
func (b *builder) network() {
	for _, n := range b.Answers.Network {
		subject := "network " + n.Device
		switch n.Method {
		case "", "dhcp":
			continue
		case "static":
		default:
			b.problems.add(BadNetwork, subject, "%q is not a way to get an address; use dhcp or static", n.Method)
			continue
		}
		if _, err := netip.ParsePrefix(n.Address); err != nil {
			b.problems.add(BadNetwork, subject, "%q is not an address with a prefix length, as 192.0.2.5/24", n.Address)
		}
		for _, a := range append(slices.Clone(n.Nameservers), n.Gateway) {
			if _, err := netip.ParseAddr(a); err != nil && a != "" {
				b.problems.add(BadNetwork, subject, "%q is not an address", a)
			}
		}
	}
}

package disc

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// stage2Recipe changes whenever the code below makes something else of the same packages.
const stage2Recipe = "2"

// stage2Packages are the tools that stage 2 runs. None of them is configured:
// they are unpacked, and the few files that maintainer scripts would make are
// made by finishRoot. So no debconf or systemd is needed, and of perl what runs ckbcomp.
func stage2Packages() []string {
	return []string{
		// a root file system and a shell
		"base-files", "base-passwd", "libc-bin", "dash", "coreutils", "sed", "grep", "mawk", "findutils", "diffutils",
		"hostname", "procps", "iproute2",
		// disks
		"util-linux", "mount", "fdisk", "e2fsprogs", "dosfstools", "xfsprogs", "btrfs-progs", "kmod",
		"lvm2", "thin-provisioning-tools", "mdadm", "cryptsetup-bin",
		// packages
		"dpkg", "apt", "tar", "gzip", "xz-utils", "zstd", "sqv",
		// the target
		"passwd", "grub2-common", "grub-common", "grub-pc-bin", "grub-efi-amd64-bin", "efibootmgr",
		"tzdata", "locales",
		// the keyboard and the letters of this machine's console
		"kbd", "console-setup", "console-setup-linux", "xkb-data", "perl-base",
	}
}

// stage2Unwanted are packages that the ones above depend on, and that only
// their maintainer scripts or programs in stage2Cut use. Patterns of path.Match.
func stage2Unwanted() []string {
	return []string{
		"debconf", "init-system-helpers", "gettext-base", "adduser", "ucf", "sensible-utils", "bash",
		"python3*", "libpython3*", "libicu*", "libglib2.0*", "libdbus-1-3", "media-types", "libexpat1",
		"openssl-provider-legacy", "libc-l10n", "udev", "systemd*", "libsystemd-shared", "libapparmor1",
		"liblvm2cmd2.03", "dmeventd", "libreiserfscore0t64", "keyboard-configuration", "liblocale-gettext-perl", "libffi8", "libatomic1", "netbase",
	}
}

func unwanted(p pkg) bool {
	return slices.ContainsFunc(stage2Unwanted(), func(pattern string) bool {
		match, err := path.Match(pattern, p.Name)
		return err == nil && match
	})
}

// stage2Cut are what stage 2 never opens, as patterns of filepath.Match.
func stage2Cut() []string {
	return []string{
		"usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/lintian", "usr/share/bug", "usr/share/locale",
		"usr/share/bash-completion", "usr/share/zsh", "usr/share/fish", "usr/share/initramfs-tools", "usr/share/grub",
		"usr/share/i18n/charmaps", "usr/share/polkit-1", "usr/share/pixmaps",
		"usr/lib/systemd", "usr/lib/udev", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/xfsprogs", "usr/lib/dracut",
		"usr/lib/grub/*/*.module", "usr/lib/grub/*/*.image", "usr/lib/grub/*/*.exec", "usr/share/zoneinfo/right", "usr/share/zoneinfo/posix",
		"usr/bin/grub-mkrescue", "usr/bin/grub-mkstandalone", "usr/bin/grub-fstest", "usr/bin/grub-file", "usr/bin/grub-mount",
		"usr/bin/grub-syslinux2cfg", "usr/bin/grub-render-label", "usr/bin/grub-glue-efi", "usr/bin/grub-menulst2cfg", "usr/bin/grub-ntldr-img",
		"usr/lib/grub/x86_64-efi/monolithic", "usr/sbin/grub-macbless", "usr/bin/grub-mknetdir", "usr/bin/grub-kbdcomp", "usr/bin/grub-mkpasswd-pbkdf2",
		"usr/bin/btrfs-*", "usr/bin/btrfstune", "usr/sbin/btrfs-*", "usr/sbin/mdmon", "usr/sbin/lvmpolld", "usr/share/mdadm",
		"usr/sbin/xfs_scrub*", "usr/sbin/tc", "usr/bin/localedef", "usr/lib/x86_64-linux-gnu/security/pam_userdb.so",
		"usr/lib/python3*", "usr/share/python3*", "var/cache/*", "var/log/*", "var/run", "var/lock",
		"usr/bin/perl?*", "usr/bin/setupcon", "etc/console-setup", "etc/init.d", "usr/share/consoletrans", "usr/share/console-setup",
	}
}

// stage2Root is the compressed root file system without the installer's own programs.
func (b *builder) stage2Root(ctx context.Context, a *apt) (string, error) {
	all, err := a.closure(ctx, append(stage2Packages(), b.distro.Stage2.Packages...))
	if err != nil {
		return "", fmt.Errorf("stage 2: %w", err)
	}
	var pkgs []pkg
	for _, p := range all {
		if !unwanted(p) {
			pkgs = append(pkgs, p)
		}
	}
	if err := a.download(ctx, pkgs); err != nil {
		return "", err
	}
	key := digest(append(keys(pkgs), stage2Recipe, strings.Join(stage2Cut(), " "), fmt.Sprint(stage2Parts()), b.epoch())...)
	return b.cache.get(ctx, "stage2-root", key, func(ctx context.Context, dir string) error {
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			return err
		}
		if err := a.unpack(ctx, baseFirst(pkgs), root); err != nil {
			return err
		}
		if err := finishRoot(ctx, root, pkgs); err != nil {
			return err
		}
		return b.squash(ctx, root, filepath.Join(dir, "root.img"))
	})
}

// baseFirst puts base-files first: it brings the symlinks from /bin, /lib and /sbin.
func baseFirst(pkgs []pkg) []pkg {
	sorted := slices.Clone(pkgs)
	slices.SortStableFunc(sorted, func(a, b pkg) int {
		rank := func(p pkg) int {
			if p.Name == "base-files" {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	return sorted
}

// squash writes root as a squashfs that is the same for the same root.
// Stage 1 relies on squashfs: it lives on when its loop device changes files.
func (b *builder) squash(ctx context.Context, root, image string) error {
	date := fmt.Sprint(b.date.Unix())
	_, err := command(ctx, nil, "mksquashfs", root, image, "-comp", "zstd", "-Xcompression-level", "19", "-b", "256K",
		"-mkfs-time", date, "-all-time", date, "-noappend", "-no-progress", "-no-exports", "-no-xattrs")
	return err
}

// finishRoot makes what the maintainer scripts would have made.
func finishRoot(ctx context.Context, root string, pkgs []pkg) error {
	for _, pattern := range stage2Cut() {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return fmt.Errorf("cut %s: %w", pattern, err)
		}
		for _, p := range paths {
			if err := os.RemoveAll(p); err != nil {
				return fmt.Errorf("cut %s: %w", pattern, err)
			}
		}
	}
	if err := regional(root); err != nil {
		return err
	}
	for to, from := range map[string]string{
		"etc/passwd": "usr/share/base-passwd/passwd.master", "etc/group": "usr/share/base-passwd/group.master",
	} {
		if err := copyFile(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
			return err
		}
	}
	for name, text := range rootFiles(pkgs) {
		if err := writeFile(filepath.Join(root, name), []byte(text)); err != nil {
			return err
		}
	}
	if err := rootLinks(root); err != nil {
		return err
	}
	_, err := command(ctx, nil, "ldconfig", "-r", root)
	return err
}

// rootFiles are the small files of the root. PAM lets root do all: who is here is root.
func rootFiles(pkgs []pkg) map[string]string {
	var manifest strings.Builder
	for _, p := range pkgs {
		fmt.Fprintf(&manifest, "%s %s %s\n", p.Name, p.Version, p.Arch)
	}
	pam := "auth sufficient pam_rootok.so\naccount required pam_permit.so\npassword required pam_permit.so\nsession required pam_permit.so\n"
	return map[string]string{
		"etc/hostname":                "molt\n",
		"etc/hosts":                   "127.0.0.1 localhost molt\n::1 localhost\n",
		"etc/nsswitch.conf":           "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
		"etc/pam.d/other":             pam,
		"etc/shadow":                  "root:*:::::::\n",
		"etc/gshadow":                 "",
		"etc/profile":                 "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexport PATH\nPS1='stage2# '\n",
		"etc/fstab":                   "",
		"etc/resolv.conf":             "",
		"var/lib/dpkg/status":         "",
		"var/lib/dpkg/available":      "",
		"usr/share/molt/packages.txt": manifest.String(),
	}
}

// rootLinks are the directories to mount on, the alternatives that
// update-alternatives would have set, and the way to the installer's programs.
func rootLinks(root string) error {
	for _, dir := range []string{
		"var/log/apt", "target", "medium", "dev", "proc", "sys", "run", "tmp", "root", "mnt", "lib/modules", "usr/lib",
		"var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers",
		"etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/tmp", "var/lib/dpkg/alternatives",
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return fmt.Errorf("make %s of stage 2: %w", dir, err)
		}
	}
	for name, to := range map[string]string{
		"var/run": "/run", "var/lock": "/run/lock",
		"usr/bin/awk": "mawk", "etc/mtab": "../proc/self/mounts",
		"usr/lib/molt": "../../molt/lib", "usr/sbin/loopctl": "../../molt/sbin/loopctl",
	} {
		path := filepath.Join(root, name)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if err := os.Symlink(to, path); err != nil {
			return fmt.Errorf("link %s of stage 2: %w", name, err)
		}
	}
	return nil
}

package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/media"
)

// initrdRecipe changes whenever the code below makes something else of the same packages.
const initrdRecipe = "2"

// targetInitrd makes the initramfs of the installed system, once, in a root
// of the base packages: inside the installation it is the longest step. With
// MODULES=most and no machine's configuration it serves any plain root
// partition; what root= names is on the kernel's command line.
func (b *builder) targetInitrd(ctx context.Context, a *apt, placed *placement) (string, error) {
	names := placed.initrdPackages(a.distro)
	pkgs, err := a.closure(ctx, names)
	if err != nil {
		return "", fmt.Errorf("the installed system's initramfs: %w", err)
	}
	if err := a.download(ctx, pkgs); err != nil {
		return "", err
	}
	key := digest(append(keys(pkgs), initrdRecipe, fsckHook, b.epoch())...)
	dir, err := b.cache.get(ctx, "initrd", key, func(ctx context.Context, dir string) error {
		return b.makeInitrd(ctx, a, pkgs, names, dir)
	})
	return filepath.Join(dir, "initrd.img"), err
}

// initrdPackages are the base without boot loaders, and the checkers of the
// file systems that root can be: mkinitramfs puts them in.
func (p *placement) initrdPackages(d *Distro) []string {
	names := append([]string{d.Boot.Kernel}, p.catalog.Base...)
	for _, name := range d.Base.Optional {
		if strings.HasSuffix(name, "progs") {
			names = append(names, name)
		}
	}
	return unique(names)
}

// fsckHook makes mkinitramfs take the checkers of all file systems that root
// can have. By itself it goes by /etc/fstab, which isn't there yet.
const fsckHook = `#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
for name in fsck logsave fsck.ext4 e2fsck fsck.xfs xfs_repair fsck.btrfs; do
	[ -x /usr/sbin/$name ] && copy_exec /usr/sbin/$name
done
exit 0
`

// makeInitrd configures the packages in a root below dir, from a repository of
// just these, and leaves initrd.img in dir.
func (b *builder) makeInitrd(ctx context.Context, a *apt, pkgs []pkg, names []string, dir string) error {
	repo, root := filepath.Join(dir, "repo"), filepath.Join(dir, "root")
	defer os.RemoveAll(repo)
	defer os.RemoveAll(root)
	for _, p := range pkgs {
		if err := linkFile(a.archive(p), filepath.Join(repo, p.Path)); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(repo, "Packages"), []byte(packagesFile(pkgs, "./"))); err != nil {
		return err
	}
	hook := filepath.Join(dir, "hook")
	defer os.Remove(hook)
	if err := os.WriteFile(hook, []byte(fsckHook), 0o755); err != nil {
		return fmt.Errorf("write the hook of mkinitramfs: %w", err)
	}
	// INITRD=No keeps the kernel's package, update_initramfs=no the triggers
	// from running update-initramfs: it runs once, in the end.
	_, err := command(ctx, []string{b.epoch(), "INITRD=No"}, "mmdebstrap", "--mode=root", "--variant=custom",
		"--include="+strings.Join(names, ","), "--dpkgopt=force-confold", "--dpkgopt=force-unsafe-io",
		"--aptopt=APT::Install-Recommends false", "--aptopt=Acquire::Languages none",
		`--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"`,
		`--essential-hook=echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"`,
		`--essential-hook=echo RESUME=none >"$1/etc/initramfs-tools/conf.d/resume"`,
		`--essential-hook=mkdir -p "$1/etc/initramfs-tools/hooks"`,
		"--essential-hook=cp "+hook+` "$1/etc/initramfs-tools/hooks/molt-fsck"`,
		`--customize-hook=chroot "$1" sh -c 'update-initramfs -c -k $(ls /lib/modules)'`,
		b.distro.Archive.Suite, root, "deb [trusted=yes] copy:"+repo+" ./")
	if err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(root, "boot/initrd.img-*"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("the kernel's package left %d initramfs archives: %w", len(found), os.ErrNotExist)
	}
	return copyFile(found[0], filepath.Join(dir, "initrd.img"))
}

// addInitrd puts the installed system's initramfs on disc 1.
func (w *setWriter) addInitrd(t *tree) (*media.Initrd, error) {
	version, err := kernelVersion(w.parts.kernel)
	if err != nil {
		return nil, err
	}
	path := "molt/initrd/initrd.img-" + version
	if err := t.add(path, w.parts.initrd, ""); err != nil {
		return nil, err
	}
	return &media.Initrd{File: t.vouch(path), Kernel: version}, nil
}

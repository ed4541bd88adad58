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
const initrdRecipe = "1"

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
	key := digest(append(keys(pkgs), initrdRecipe, b.epoch())...)
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
	// INITRD=No keeps the kernel's package, update_initramfs=no the triggers
	// from running update-initramfs: it runs once, in the end.
	_, err := command(ctx, []string{b.epoch(), "INITRD=No"}, "mmdebstrap", "--mode=root", "--variant=custom",
		"--include="+strings.Join(names, ","), "--dpkgopt=force-confold", "--dpkgopt=force-unsafe-io",
		"--aptopt=APT::Install-Recommends false", "--aptopt=Acquire::Languages none",
		`--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"`,
		`--essential-hook=echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"`,
		`--essential-hook=echo RESUME=none >"$1/etc/initramfs-tools/conf.d/resume"`,
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

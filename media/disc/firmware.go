package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/molt-installer/molt/initramfs"
)

// firmware is a package of boot.firmware, unpacked.
type firmware struct {
	name  string
	trees []string // its /usr/lib/firmware, and /lib/firmware from before Debian 13
}

// bootFirmware unpacks the packages of boot.firmware, which the initramfs takes from what
// its modules ask for.
func (b *builder) bootFirmware(ctx context.Context, a *apt) ([]firmware, error) {
	names := b.distro.Boot.Firmware
	if len(names) == 0 {
		return nil, nil
	}
	pkgs, err := a.bring(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("boot.firmware: %w (are they in one of archive.components: %v?)", err, b.distro.Archive.Components)
	}
	top, err := b.cache.get(ctx, "firmware", digest(keys(pkgs)...), func(ctx context.Context, dir string) error {
		for _, p := range pkgs {
			if err := a.unpack(ctx, []pkg{p}, filepath.Join(dir, p.Name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []firmware
	for _, name := range names {
		f, err := firmwareIn(name, filepath.Join(top, name))
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func firmwareIn(name, root string) (firmware, error) {
	f := firmware{name: name}
	for _, dir := range []string{"usr/lib/firmware", "lib/firmware"} {
		if info, err := os.Stat(filepath.Join(root, dir)); err == nil && info.IsDir() {
			f.trees = append(f.trees, filepath.Join(root, dir))
		}
	}
	if len(f.trees) == 0 {
		return f, fmt.Errorf("boot.firmware: the package %s has nothing in /usr/lib/firmware: "+
			"if it only depends on others, name those", name)
	}
	return f, nil
}

// trees are all that the initramfs looks into.
func trees(list []firmware) []string {
	var dirs []string
	for _, f := range list {
		dirs = append(dirs, f.trees...)
	}
	return dirs
}

// idle are the packages that no module of the initramfs asks anything of.
func idle(list []firmware, r initramfs.Report) []string {
	var names []string
	for _, f := range list {
		if !slices.ContainsFunc(f.trees, func(dir string) bool { return !slices.Contains(r.Idle, dir) }) {
			names = append(names, f.name)
		}
	}
	return names
}

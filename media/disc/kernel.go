package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kernel is the kernel package, unpacked. The package named in the distro.toml
// may be the one that depends on the newest.
func (b *builder) kernel(ctx context.Context, a *apt) (string, error) {
	all, err := a.closure(ctx, []string{b.distro.Boot.Kernel})
	if err != nil {
		return "", err
	}
	var pkgs []pkg
	for _, p := range all {
		if strings.HasPrefix(p.Name, "linux-image-") && p.Name != "linux-image-"+p.Arch {
			pkgs = append(pkgs, p)
		}
	}
	if len(pkgs) != 1 {
		return "", fmt.Errorf("%s brings %d kernels: boot.kernel must name one", b.distro.Boot.Kernel, len(pkgs))
	}
	if err := a.download(ctx, pkgs); err != nil {
		return "", err
	}
	return b.cache.get(ctx, "kernel", digest(append(keys(pkgs), "depmod")...), func(ctx context.Context, dir string) error {
		if err := a.unpack(ctx, pkgs, dir); err != nil {
			return err
		}
		version, err := kernelVersion(dir)
		if err != nil {
			return err
		}
		// modules.dep and the like are made when the package is configured.
		_, err = command(ctx, nil, "depmod", "-b", filepath.Join(dir, "usr"), version)
		return err
	})
}

// kernelVersion is the version of the one kernel unpacked in dir.
func kernelVersion(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("find the kernel in %s: %d files are named vmlinuz-* (%w)", dir, len(found), os.ErrNotExist)
	}
	return strings.TrimPrefix(filepath.Base(found[0]), "vmlinuz-"), nil
}

// unpack extracts packages into root, in their order, without running anything of theirs.
func (a *apt) unpack(ctx context.Context, pkgs []pkg, root string) error {
	for _, p := range pkgs {
		if _, err := command(ctx, nil, "dpkg-deb", "-x", a.archive(p), root); err != nil {
			return fmt.Errorf("unpack %s: %w", p.Name, err)
		}
	}
	return nil
}

// keys name packages and their contents, for digests.
func keys(pkgs []pkg) []string {
	var k []string
	for _, p := range pkgs {
		k = append(k, p.key(), p.SHA256)
	}
	return k
}

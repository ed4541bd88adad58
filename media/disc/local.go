package disc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// localPackages makes the example's own packages, and a flat repository of
// them. Each is a folder as dpkg-deb --build takes it. A program named "build"
// in it is run in a copy of the folder first, with
//
//	ROOT      where the packages it needs are unpacked
//	KERNEL    the kernel package, unpacked: boot/, usr/lib/modules/
//	SOURCE_DATE_EPOCH
//
// and what it leaves there is the package.
func (b *builder) localPackages(ctx context.Context, upstream *apt) (string, error) {
	if len(b.distro.Packages) == 0 {
		return "", nil
	}
	inputs := []string{"local 1", strconv.FormatInt(b.date.Unix(), 10)}
	kernel, err := b.kernel(ctx, upstream)
	if err != nil {
		return "", err
	}
	inputs = append(inputs, kernel)
	roots := map[string]string{}
	for _, l := range b.distro.Packages {
		sum, err := hashTree(filepath.Join(b.distro.Dir, l.Dir))
		if err != nil {
			return "", err
		}
		if roots[l.Dir], err = b.unpacked(ctx, upstream, l.Needs); err != nil {
			return "", err
		}
		inputs = append(inputs, l.Dir, sum, roots[l.Dir])
	}
	return b.cache.get(ctx, "packages", digest(inputs...), func(ctx context.Context, dir string) error {
		for _, l := range b.distro.Packages {
			env := []string{"ROOT=" + roots[l.Dir], "KERNEL=" + kernel, b.epoch()}
			if err := buildDeb(ctx, filepath.Join(b.distro.Dir, l.Dir), dir, env); err != nil {
				return err
			}
		}
		return indexFlat(ctx, dir)
	})
}

// unpacked is a root with names, and nothing they depend on, extracted into it.
func (b *builder) unpacked(ctx context.Context, a *apt, names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	all, err := a.closure(ctx, names)
	if err != nil {
		return "", err
	}
	var pkgs []pkg
	for _, p := range all {
		for _, name := range names {
			if p.Name == name {
				pkgs = append(pkgs, p)
			}
		}
	}
	if err := a.download(ctx, pkgs); err != nil {
		return "", err
	}
	return b.cache.get(ctx, "unpacked", digest(keys(pkgs)...), func(ctx context.Context, dir string) error {
		return a.unpack(ctx, pkgs, dir)
	})
}

// buildDeb makes the package of the folder src and puts it into out.
func buildDeb(ctx context.Context, src, out string, env []string) error {
	tmp, err := os.MkdirTemp("", "molt-deb-")
	if err != nil {
		return fmt.Errorf("make a place to build %s: %w", src, err)
	}
	defer os.RemoveAll(tmp)
	root := filepath.Join(tmp, "root")
	if _, err := command(ctx, nil, "cp", "-a", src, root); err != nil {
		return fmt.Errorf("copy the package: %w", err)
	}
	build := filepath.Join(root, "build")
	if _, err := os.Stat(build); err == nil {
		if _, err := commandIn(ctx, root, env, build); err != nil {
			return fmt.Errorf("build package %s: %w", filepath.Base(src), err)
		}
		if err := os.Remove(build); err != nil {
			return fmt.Errorf("build package %s: %w", filepath.Base(src), err)
		}
	}
	if _, err := command(ctx, env, "dpkg-deb", "--root-owner-group", "-Zzstd", "-z3", "--build", root, out); err != nil {
		return fmt.Errorf("build package %s: %w", filepath.Base(src), err)
	}
	return nil
}

// indexFlat writes the Packages file of a flat repository.
func indexFlat(ctx context.Context, dir string) error {
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return fmt.Errorf("list packages in %s: %w", dir, err)
	}
	var text strings.Builder
	for _, deb := range debs {
		control, err := command(ctx, nil, "dpkg-deb", "--field", deb)
		if err != nil {
			return fmt.Errorf("read a package made here: %w", err)
		}
		size, sum, err := hashFile(deb)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n", strings.TrimSpace(control), filepath.Base(deb), size, sum)
	}
	return writeFile(filepath.Join(dir, "Packages"), []byte(text.String()))
}

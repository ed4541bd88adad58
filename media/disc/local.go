package disc

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	sources := make([]localSource, len(b.distro.Packages))
	for i, l := range b.distro.Packages {
		tmp, err := os.MkdirTemp("", "molt-deb-")
		if err != nil {
			return "", fmt.Errorf("make a place to build %s: %w", l.Dir, err)
		}
		defer os.RemoveAll(tmp)
		sources[i] = localSource{Local: l, dir: filepath.Join(tmp, "root")}
		sum, err := b.gather(ctx, upstream, &sources[i])
		if err != nil {
			return "", err
		}
		inputs = append(inputs, sum, sources[i].root)
	}
	return b.cache.get(ctx, "packages", digest(inputs...), func(ctx context.Context, dir string) error {
		for _, s := range sources {
			if err := s.build(ctx, dir, []string{"ROOT=" + s.root, "KERNEL=" + kernel, b.epoch()}); err != nil {
				return err
			}
		}
		return indexFlat(ctx, dir)
	})
}

// localSource is what a local package is made from.
type localSource struct {
	Local
	dir  string // a copy of its folder, with the programs in it
	root string // the packages it needs, unpacked
}

// gather fills s.dir and s.root and returns a digest of the former.
func (b *builder) gather(ctx context.Context, a *apt, s *localSource) (string, error) {
	if _, err := command(ctx, nil, "cp", "-a", filepath.Join(b.distro.Dir, s.Dir), s.dir); err != nil {
		return "", fmt.Errorf("copy package %s: %w", s.Dir, err)
	}
	for _, path := range slices.Sorted(maps.Keys(s.Programs)) {
		out := filepath.Join(s.dir, path)
		if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
			return "", fmt.Errorf("build package %s: %w", s.Dir, err)
		}
		if err := b.goBuild(ctx, s.Programs[path], out); err != nil {
			return "", err
		}
	}
	var err error
	if s.root, err = b.unpacked(ctx, a, s.Needs); err != nil {
		return "", err
	}
	return hashTree(s.dir)
}

// build makes the package and puts it into out.
func (s localSource) build(ctx context.Context, out string, env []string) error {
	build := filepath.Join(s.dir, "build")
	if _, err := os.Stat(build); err == nil {
		if _, err := commandIn(ctx, s.dir, env, build); err != nil {
			return fmt.Errorf("build package %s: %w", s.Dir, err)
		}
		if err := os.Remove(build); err != nil {
			return fmt.Errorf("build package %s: %w", s.Dir, err)
		}
	}
	if _, err := command(ctx, env, "dpkg-deb", "--root-owner-group", "-Zzstd", "-z3", "--build", s.dir, out); err != nil {
		return fmt.Errorf("build package %s: %w", s.Dir, err)
	}
	return nil
}

// unpacked is a root with names, and nothing they depend on, extracted into it.
func (b *builder) unpacked(ctx context.Context, a *apt, names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	pkgs, err := a.bring(ctx, names)
	if err != nil {
		return "", err
	}
	return b.cache.get(ctx, "unpacked", digest(keys(pkgs)...), func(ctx context.Context, dir string) error {
		return a.unpack(ctx, pkgs, dir)
	})
}

// bring downloads names, and nothing they depend on.
func (a *apt) bring(ctx context.Context, names []string) ([]pkg, error) {
	all, err := a.closure(ctx, names)
	if err != nil {
		return nil, err
	}
	pkgs := slices.DeleteFunc(all, func(p pkg) bool { return !slices.Contains(names, p.Name) })
	return pkgs, a.download(ctx, pkgs)
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

package disc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molt-installer/molt/media"
)

// Finding is one thing that was checked of an image.
type Finding struct {
	What string
	Err  error // nil: right
}

// Check looks at an image as an installation would rely on it: the checksum in
// it, .discinfo, .treeinfo and its checksums, and the repository down to each
// package. Signatures are apt's to check. It reads the image only.
func Check(ctx context.Context, image string) ([]Finding, error) {
	tmp, err := os.MkdirTemp("", "molt-check-")
	if err != nil {
		return nil, fmt.Errorf("make a place to unpack %s: %w", image, err)
	}
	defer os.RemoveAll(tmp)
	_, sumErr := command(ctx, nil, "checkisomd5", image)
	findings := []Finding{{"checksum of the whole image", sumErr}}
	if _, err := command(ctx, nil, "xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", tmp); err != nil {
		return append(findings, Finding{"ISO 9660 file system", err}), nil
	}
	// xorriso keeps modes, and those of a disc are without write permission.
	if _, err := command(ctx, nil, "chmod", "-R", "u+w", tmp); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", image, err)
	}
	return append(findings, checkDisc(tmp)...), nil
}

// checkDisc checks an unpacked disc.
func checkDisc(dir string) []Finding {
	var findings []Finding
	info, err := media.ReadDiscInfo(dir)
	what := ".discinfo"
	if err == nil {
		what = fmt.Sprintf(".discinfo: %s, %s, disc %s, set %s", info.Release, info.Arch, info.Numbers(), info.ID)
	}
	findings = append(findings, Finding{what, err})
	if data, err := os.ReadFile(filepath.Join(dir, media.TreeInfoPath)); !errors.Is(err, os.ErrNotExist) {
		findings = append(findings, Finding{".treeinfo and what it names", errors.Join(err, checkTree(dir, data))})
	}
	releases, err := filepath.Glob(filepath.Join(dir, "dists/*/Release"))
	if err != nil || len(releases) == 0 {
		return append(findings, Finding{"repository", fmt.Errorf("no dists/*/Release: %w", os.ErrNotExist)})
	}
	for _, path := range releases {
		n, err := checkRepository(dir, path)
		findings = append(findings, Finding{fmt.Sprintf("repository of %d packages", n), err})
	}
	return findings
}

func checkTree(dir string, data []byte) error {
	info, err := media.ParseTreeInfo(data)
	if err != nil {
		return err
	}
	for _, path := range []string{info.Kernel, info.Initrd, info.MainImage} {
		if info.Checksums[path] == "" {
			err = errors.Join(err, fmt.Errorf("%q has no checksum", path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(info.Checksums)) {
		err = errors.Join(err, checkFile(filepath.Join(dir, path), -1, info.Checksums[path]))
	}
	return err
}

// checkRepository follows a Release to its indexes and these to the packages.
// It returns the number of packages.
func checkRepository(dir, release string) (int, error) {
	text, err := os.ReadFile(release)
	if err != nil {
		return 0, fmt.Errorf("read a Release: %w", err)
	}
	_, sums, _ := strings.Cut(string(text), "\nSHA256:\n")
	n := 0
	for _, line := range strings.Split(strings.TrimSpace(sums), "\n") {
		var sum, name string
		var size int64
		if _, scan := fmt.Sscan(line, &sum, &size, &name); scan != nil {
			return n, fmt.Errorf("%s says %q: %w", release, line, scan)
		}
		path := filepath.Join(filepath.Dir(release), name)
		if err = errors.Join(err, checkFile(path, size, sum)); filepath.Base(name) == "Packages" {
			found, wrong := checkPackages(dir, path)
			n, err = n+found, errors.Join(err, wrong)
		}
	}
	return n, err
}

func checkPackages(dir, list string) (int, error) {
	ix, err := readIndex([]string{list})
	if err != nil {
		return 0, err
	}
	for _, key := range slices.Sorted(maps.Keys(ix)) {
		p, wrong := newPkg(ix[key])
		if wrong == nil {
			wrong = checkFile(filepath.Join(dir, p.Path), p.Size, p.SHA256)
		}
		err = errors.Join(err, wrong)
	}
	return len(ix), err
}

// checkFile compares a file with its size, unless that is -1, and its SHA-256.
func checkFile(path string, size int64, sum string) error {
	n, got, err := hashFile(path)
	switch {
	case err != nil:
		return err
	case size >= 0 && n != size:
		return fmt.Errorf("%s has %d bytes, not %d", path, n, size)
	case got != sum:
		return fmt.Errorf("%s has the digest %s, not %s", path, got, sum)
	}
	return nil
}

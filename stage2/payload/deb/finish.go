package deb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/stage2/payload"
)

// Finish implements payload.Payload. Install has already given the kernel its
// initramfs, so a boot loader can be set up before or after Finish.
func (p *Payload) Finish(ctx context.Context, sel *payload.Selection, target string, pr payload.Progress) error {
	if err := p.initrd(ctx, sel, target, pr); err != nil {
		return err
	}
	if err := loud(target); err != nil {
		return fmt.Errorf("take back the diversions of the installation: %w", err)
	}
	if hasPackage(sel, "apt") {
		if err := p.configureApt(sel, target); err != nil {
			return fmt.Errorf("configure apt on the target: %w", err)
		}
	}
	return errors.Join(
		removeSet(target),
		removeGlob(filepath.Join(target, "var/cache/apt/archives/*.deb")),
		removeGlob(filepath.Join(target, "var/cache/apt/*.bin")),
		removeGlob(filepath.Join(target, "var/lib/dpkg/*-old")),
		removeGlob(filepath.Join(target, wanted+"*")),
	)
}

// removeSet removes what Fetch copied. The directory above stays as long as the
// installer runs from its copy there; then it is stage 1's to remove.
func removeSet(target string) error {
	dir := filepath.Join(target, setDir)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	err := os.Remove(filepath.Dir(dir))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}

func hasPackage(sel *payload.Selection, name string) bool {
	return slices.ContainsFunc(sel.Packages, func(k payload.Package) bool { return k.Name == name })
}

func removeGlob(pattern string) error {
	names, err := filepath.Glob(pattern)
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// configureApt tells apt on the target where packages come from, and which of
// the installed ones nobody asked for by name.
func (p *Payload) configureApt(sel *payload.Selection, target string) error {
	auto, err := p.extendedStates(sel)
	if err != nil {
		return err
	}
	files, err := p.sources(target)
	if err != nil {
		return err
	}
	files["var/lib/apt/extended_states"] = auto
	return writeFiles(target, files)
}

// extendedStates is apt's own record (apt-mark(8)) of what came as a dependency.
func (p *Payload) extendedStates(sel *payload.Selection) (string, error) {
	data, err := os.ReadFile(p.work("manual"))
	if err != nil {
		return "", err
	}
	manual := strings.Fields(string(data))
	var b strings.Builder
	for _, k := range sel.Packages {
		if slices.Contains(manual, k.Name) {
			continue
		}
		arch := k.Arch
		if arch == "all" {
			arch = p.Build.Set.Arch
		}
		fmt.Fprintf(&b, "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", k.Name, arch)
	}
	return b.String(), nil
}

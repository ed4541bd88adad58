package deb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// hookPackages put something into an initramfs that the disc set's own doesn't
// have: with one of them the initramfs is made on the target.
var hookPackages = [...]string{
	"amd64-microcode", "bcache-tools", "btrfs-progs", "clevis-initramfs", "cryptsetup-initramfs", "dmraid",
	"dropbear-initramfs", "intel-microcode", "kdump-tools", "live-boot", "lvm2", "mdadm", "multipath-tools-boot",
	"nbd-client", "open-iscsi", "overlayroot", "plymouth", "thin-provisioning-tools", "tpm2-initramfs-tool", "zfs-initramfs",
}

// initrdFits says whether the initramfs that comes with the set is the one the
// selection needs.
func (p *Payload) initrdFits(sel *payload.Selection) bool {
	if p.catalog.Initrd == nil {
		return false
	}
	kernel := false
	for _, k := range sel.Packages {
		kernel = kernel || k.Name == "linux-image-"+p.catalog.Initrd.Kernel
		if slices.Contains(hookPackages[:], k.Name) && !slices.Contains(p.catalog.Base, k.Name) {
			return false
		}
	}
	return kernel && slices.Equal(kernels(sel), []string{p.catalog.Initrd.Kernel})
}

// kernels are the versions of the kernels in a selection.
func kernels(sel *payload.Selection) []string {
	var found []string
	for _, k := range sel.Packages {
		version, ok := strings.CutPrefix(k.Name, "linux-image-")
		if ok && version != "" && version[0] >= '0' && version[0] <= '9' {
			found = append(found, version)
		}
	}
	return found
}

// initrd gives every kernel its initramfs: the set's own where it fits, else
// one made here, by the longest step of an installation. The kernel package has
// made the links to it already (linux-update-symlinks(1)), and update-initramfs
// knows it by its name in /boot.
func (p *Payload) initrd(ctx context.Context, sel *payload.Selection, target string, pr payload.Progress) error {
	fits, made := p.initrdFits(sel), false
	for _, version := range kernels(sel) {
		image := filepath.Join(target, "boot", "initrd.img-"+version)
		if _, err := os.Stat(image); err == nil {
			continue
		}
		var err error
		if fits {
			err = copyFile(filepath.Join(target, setDir, discDir(1), p.catalog.Initrd.Path), image)
		} else {
			err = p.makeInitrd(ctx, target, pr, "-c", version)
		}
		if err != nil {
			return fmt.Errorf("initramfs of kernel %s: %w", version, err)
		}
		made = true
	}
	return p.renewInitrd(ctx, target, pr, made || fits)
}

// renewInitrd makes the initramfs that came with a kernel's package anew, if packages
// wanted that while nothing was to be made.
func (p *Payload) renewInitrd(ctx context.Context, target string, pr payload.Progress, fresh bool) error {
	note := filepath.Join(target, wanted+filepath.Base(updateInitramfs))
	if _, err := os.Stat(note); err != nil {
		return nil
	}
	if !fresh {
		if err := p.makeInitrd(ctx, target, pr, "-u", "all"); err != nil {
			return fmt.Errorf("initramfs: %w", err)
		}
	}
	return os.Remove(note)
}

// makeInitrd runs the real update-initramfs, if the target has one.
func (p *Payload) makeInitrd(ctx context.Context, target string, pr payload.Progress, mode, version string) error {
	for _, program := range []string{updateInitramfs + aside, updateInitramfs} {
		info, err := os.Lstat(filepath.Join(target, program))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		pr.Line("making the initramfs (" + mode + " " + version + ")")
		return p.Commands.Run(ctx, host.Command{
			Args: []string{program, mode, "-k", version}, Root: target, Env: p.env(), Line: pr.Line,
		})
	}
	return nil
}

func copyFile(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(dst + ".new")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		os.Remove(dst + ".new")
		return err
	}
	return os.Rename(dst+".new", dst)
}

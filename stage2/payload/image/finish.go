package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// Finish implements payload.Payload: every kernel of the image gets an initramfs for this machine, if
// the image can make one, and the copy of the image goes.
func (p *Payload) Finish(ctx context.Context, _ *payload.Selection, target string, pr payload.Progress) error {
	kernels, err := filepath.Glob(filepath.Join(target, "boot/vmlinuz-*"))
	if err != nil {
		return err
	}
	for _, k := range kernels {
		version := strings.TrimPrefix(filepath.Base(k), "vmlinuz-")
		if !hasModules(target, version) {
			continue // another system's, or one that needs no initramfs
		}
		if err := p.initramfs(ctx, target, version, pr); err != nil {
			return fmt.Errorf("make the initramfs of the image's kernel %s: %w", version, err)
		}
	}
	return remove(target)
}

func hasModules(target, version string) bool {
	for _, dir := range []string{"lib/modules", "usr/lib/modules"} {
		if _, err := os.Stat(filepath.Join(target, dir, version)); err == nil {
			return true
		}
	}
	return false
}

// remove takes the copy away. The directory above stays as long as the installer runs from its
// own copy there; then it is stage 1's to remove.
func remove(target string) error {
	if err := os.RemoveAll(filepath.Join(target, dir)); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(target, filepath.Dir(dir)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}

// initramfs runs what the image has to make one. Without anything of the kind the image's own has to do.
func (p *Payload) initramfs(ctx context.Context, target, version string, pr payload.Progress) error {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(target, name))
		return err == nil
	}
	var args []string
	switch {
	case has("usr/sbin/update-initramfs"):
		mode := "-c"
		if has("boot/initrd.img-" + version) {
			mode = "-u"
		}
		args = []string{"update-initramfs", mode, "-k", version}
	case has("usr/bin/dracut") || has("usr/sbin/dracut"):
		image := "/boot/initramfs-" + version + ".img"
		if has("boot/initrd.img-"+version) || has("etc/debian_version") {
			image = "/boot/initrd.img-" + version
		}
		args = []string{"dracut", "--force", "--no-hostonly", image, version}
	default:
		return nil
	}
	pr.Line("making the initramfs: " + strings.Join(args, " "))
	return p.Host.Run(ctx, host.Command{Args: args, Root: target, Line: pr.Line, Env: []string{"DEBIAN_FRONTEND=noninteractive"}})
}

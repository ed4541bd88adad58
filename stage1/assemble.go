package stage1

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/network"
)

// rootFS is what stage 2's root is made of.
type rootFS struct {
	image string // the image file
	loop  string // the device it is bound to
}

// assemble makes the root of stage 2: the image on a loop device, a writable
// layer in memory over it, and in it what stage 2 shares with stage 1.
func (s *session) assemble(ctx context.Context) (rootFS, error) {
	d := s.dirs
	updates, err := s.updates(ctx)
	if err != nil {
		return rootFS{}, err
	}
	loop, err := s.attach(ctx, s.current.image)
	if err != nil {
		return rootFS{}, err
	}
	device, err := s.protect(ctx, loop)
	if err != nil {
		return rootFS{}, err
	}
	layers := []mount{
		{source: device, target: d.lower, fstype: "squashfs", flags: unix.MS_RDONLY},
		{source: "tmpfs", target: d.rw, fstype: "tmpfs", data: "mode=0755"},
	}
	if err := mountAll(s, layers); err != nil {
		return rootFS{}, err
	}
	lower := d.lower
	if updates != "" {
		lower = updates + ":" + lower
	}
	if err := s.overlay(lower); err != nil {
		return rootFS{}, err
	}
	if err := makeWithin(d.root, "lib/modules"); err != nil {
		return rootFS{}, err
	}
	if err := network.LinkResolvConf(d.root); err != nil {
		return rootFS{}, err
	}
	return rootFS{s.current.image, loop}, mountAll(s, rootMounts(d))
}

// overlay mounts stage 2's root: the layers below, the first on top, and one in
// memory over all that takes what is written.
func (s *session) overlay(lower string) error {
	upper, work := filepath.Join(s.dirs.rw, "upper"), filepath.Join(s.dirs.rw, "work")
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make the writable layer: %w", err)
		}
	}
	return s.mountOn(mount{source: "overlay", target: s.dirs.root, fstype: "overlay",
		data: fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)})
}

// protect puts dm-verity over the image, if it has a hash tree. From then on a
// block that differs, on whichever file the loop device serves from, is an
// I/O error and never wrong bytes.
func (s *session) protect(ctx context.Context, loop string) (string, error) {
	if s.build.Verity == nil {
		return loop, nil
	}
	device, err := s.Protect(ctx, loop, *s.build.Verity)
	if err == nil {
		s.current.mapped = device
	}
	return device, err
}

// makeWithin makes a directory below root. A link in the image that leads out
// of it is an error.
func makeWithin(root, dir string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make /%s in stage 2's root: %w", dir, err)
	}
	return nil
}

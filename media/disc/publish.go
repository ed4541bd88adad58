package disc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/media"
)

// publish writes the images and the netboot tree into the output directory.
// Images that are in use stay as they are: a new one takes the name only.
func (w *setWriter) publish(ctx context.Context, trees []*tree) (*Result, error) {
	if err := os.MkdirAll(w.options.Out, 0o755); err != nil {
		return nil, fmt.Errorf("make the output directory: %w", err)
	}
	result := &Result{Set: w.set}
	for i, t := range trees {
		image := Image{
			Path: filepath.Join(w.options.Out, fmt.Sprintf("disc%d.iso", i+1)), Label: w.set.Label(i + 1),
			Packages: len(w.placed.discs[i]),
		}
		if err := w.image(ctx, t, image, i == 0); err != nil {
			return nil, fmt.Errorf("disc %d: %w", i+1, err)
		}
		info, err := os.Stat(image.Path)
		if err != nil {
			return nil, fmt.Errorf("disc %d: %w", i+1, err)
		}
		image.Size = info.Size()
		w.log("%s: %.1f MB, %d packages", filepath.Base(image.Path), mega(image.Size), image.Packages)
		result.Discs = append(result.Discs, image)
	}
	return result, w.netboot(ctx, trees)
}

// image writes one ISO, unless the one there was made from the same.
func (w *setWriter) image(ctx context.Context, t *tree, image Image, bootable bool) error {
	stamp := filepath.Join(w.options.Out, "."+filepath.Base(image.Path))
	key := digest("iso 2", t.key(), image.Label, fmt.Sprint(bootOptions()))
	if old, err := os.ReadFile(stamp); err == nil && string(old) == key {
		if _, err := os.Stat(image.Path); err == nil {
			return nil
		}
	}
	if err := os.Remove(stamp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the old image: %w", err)
	}
	tmp := image.Path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("make room for the image: %w", err)
	}
	if err := t.iso(ctx, tmp, image.Label, bootable); err != nil {
		return err
	}
	if err := os.Rename(tmp, image.Path); err != nil {
		return fmt.Errorf("put the image in place: %w", err)
	}
	return writeFile(stamp, []byte(key))
}

// netboot lays the tree of disc 1, with the packages of all discs, out as plain
// files for any web, FTP or NFS server, with the kernel, the initramfs and what boots them at its top.
func (w *setWriter) netboot(ctx context.Context, trees []*tree) error {
	dir := filepath.Join(w.options.Out, "netboot")
	if err := os.RemoveAll(dir + ".new"); err != nil {
		return fmt.Errorf("lay the netboot tree: %w", err)
	}
	if err := w.whole(trees, dir+".new"); err != nil {
		return fmt.Errorf("lay the netboot tree: %w", err)
	}
	for to, from := range map[string]string{
		"vmlinuz": kernelPath, "images/pxeboot/vmlinuz": kernelPath, // the latter is where Foreman looks
		"initrd.img": initrdPath, "images/pxeboot/initrd.img": initrdPath,
	} {
		if err := linkFile(filepath.Join(dir+".new", from), filepath.Join(dir+".new", to)); err != nil {
			return fmt.Errorf("lay the netboot tree: %w", err)
		}
	}
	if err := w.bootNetwork(ctx, dir+".new"); err != nil {
		return fmt.Errorf("lay the netboot tree: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("drop the old netboot tree: %w", err)
	}
	if err := os.Rename(dir+".new", dir); err != nil {
		return fmt.Errorf("put the netboot tree in place: %w", err)
	}
	return nil
}

// whole lays out disc 1 with the pools of the others, and says in its .discinfo that it
// is all of them.
func (w *setWriter) whole(trees []*tree, dir string) error {
	if err := trees[0].link(dir); err != nil {
		return err
	}
	numbers := []int{1}
	for n, t := range trees[1:] {
		numbers = append(numbers, n+2)
		for _, f := range t.files {
			if !strings.HasPrefix(f.path, "pool/") {
				continue
			}
			err := linkFile(f.from, filepath.Join(dir, f.path))
			if err != nil {
				return err
			}
		}
	}
	info := filepath.Join(dir, media.DiscInfoPath)
	if err := os.Remove(info); err != nil { // it is disc 1's own by another name
		return err
	}
	all := media.DiscInfo{ID: w.set.ID, Release: w.set.Name(), Arch: w.set.Arch, Discs: numbers}
	return writeFile(info, []byte(all.String()))
}

package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/internal/mounts"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/payload"
)

// leftOut are the directories of an image that are the running machine's or the installer's own:
// on the target there is something mounted on most of them.
func leftOut() []string { return []string{"dev", "proc", "sys", "run", "lost+found", ".molt"} }

// Install implements payload.Payload. It can be called again after an error.
func (p *Payload) Install(ctx context.Context, sel *payload.Selection, target string, pr payload.Progress) error {
	im := sel.Image
	if err := keepTables(target); err != nil {
		return fmt.Errorf("keep the new system's tables of file systems: %w", err)
	}
	unpack := p.unmountable
	if strings.HasPrefix(im.Kind, "tar") {
		unpack = p.untar
	}
	if err := unpack(ctx, im, target, pr); err != nil {
		return fmt.Errorf("unpack the image %s: %w", im.URL, full(err))
	}
	if err := looksWhole(target, im.URL); err != nil {
		return err
	}
	return settle(target, pr)
}

// full explains a full target, of which programs only tell in words.
func full(err error) error {
	var exit *host.ExitError
	says := func(l string) bool {
		return strings.Contains(l, "No space left on device") || strings.Contains(l, "Wrote only ")
	}
	if errors.As(err, &exit) && slices.ContainsFunc(exit.Tail, says) {
		return fmt.Errorf("the target is full; go back and choose a larger disk or a smaller image: %w: %w", syscall.ENOSPC, err)
	}
	return err
}

// untar has tar(1) unpack an archive, and say after every tenth megabyte where it is.
func (p *Payload) untar(ctx context.Context, im *payload.Image, target string, pr payload.Progress) error {
	args := []string{
		"tar", "--extract", "--file=" + filepath.Join(target, fileName), "--directory=" + target, "--numeric-owner", "--same-owner", "--preserve-permissions",
		"--acls", "--xattrs", "--xattrs-include=*", "--checkpoint=1000", "--checkpoint-action=echo=at %u", "--anchored", "--no-wildcards",
	}
	if _, compression, ok := strings.Cut(im.Kind, "."); ok {
		args = append(args, map[string]string{"gz": "--gzip", "xz": "--xz", "zst": "--zstd"}[compression])
	}
	for _, name := range append(leftOut(), kept(im)...) {
		args = append(args, "--exclude="+name, "--exclude=./"+name, "--exclude=/"+name)
	}
	return p.Host.Run(ctx, host.Command{Args: args, NoSync: true, Line: func(line string) {
		_, number, is := strings.Cut(line, "at ")
		records, err := strconv.ParseInt(number, 10, 64)
		if !is || err != nil {
			pr.Line(line)
			return
		}
		pr.Advance(min(records*10240, im.Installed), im.Installed, "bytes", "")
	}})
}

// unmountable copies what is in a file system image, or in the one that is in it: live systems of Fedora's
// kind have a squashfs around an ext4.
func (p *Payload) unmountable(ctx context.Context, im *payload.Image, target string, pr payload.Progress) (err error) {
	view := filepath.Join(target, viewName)
	unmount, err := p.show(ctx, im.Kind, filepath.Join(target, fileName), view)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmount()) }()
	inner := filepath.Join(view, "LiveOS/rootfs.img")
	if _, missing := os.Stat(inner); missing == nil {
		view = filepath.Join(target, viewName+"-inner")
		kind, err := kindAt(ctx, inner)
		if err != nil {
			return err
		}
		unmountInner, err := p.show(ctx, kind, inner, view)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unmountInner()) }()
		return p.copyFrom(ctx, im, view, target, pr)
	}
	return p.copyFrom(ctx, im, view, target, pr)
}

// show mounts an image, read-only, and as it is: it can be one of a system that was running.
func (p *Payload) show(ctx context.Context, kind, image, at string) (unmount func() error, err error) {
	if err := os.MkdirAll(at, 0o700); err != nil {
		return nil, err
	}
	if err := p.Host.Unmount(at); err != nil && !errors.Is(err, syscall.EINVAL) { // of an earlier try
		return nil, fmt.Errorf("unmount %s: %w", at, err)
	}
	options := strings.TrimSuffix("loop,ro,"+mounts.Untouched(kind), ",")
	if err := p.Host.Run(ctx, host.Command{Args: []string{"mount", "-t", kind, "-o", options, image, at}}); err != nil {
		return nil, err
	}
	return func() error { return p.Host.Unmount(at) }, nil
}

// kept are the paths below the target whose content is somebody's that stays.
func kept(im *payload.Image) []string {
	var names []string
	for _, k := range im.Keep {
		names = append(names, strings.Trim(k, "/"))
	}
	return names
}

// copyFrom copies a tree with all that cp(1) can keep, and counts files.
func (p *Payload) copyFrom(ctx context.Context, im *payload.Image, from, target string, pr payload.Progress) error {
	var files int64
	return p.copyLevel(ctx, append(leftOut(), kept(im)...), from, target, ".", func(line string) {
		if !strings.Contains(line, "' -> '") {
			pr.Line(line)
			return
		}
		if files++; files%500 == 0 {
			pr.Advance(files, 0, "files", "")
		}
	})
}

// copyLevel copies what is in a directory, but for what is left out. cp(1) can't leave anything out, so it is
// called for each directory that has any of that deeper down.
func (p *Payload) copyLevel(ctx context.Context, out []string, from, target, dir string, line func(string)) error {
	entries, err := os.ReadDir(filepath.Join(from, dir))
	if err != nil {
		return err
	}
	args := []string{"cp", "--archive", "--one-file-system", "--verbose", "--target-directory=" + filepath.Join(target, dir), "--"}
	names := len(args)
	var deeper []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case slices.Contains(out, name):
		case e.IsDir() && slices.ContainsFunc(out, func(o string) bool { return strings.HasPrefix(o, name+"/") }):
			deeper = append(deeper, name)
		default:
			args = append(args, filepath.Join(from, name))
		}
	}
	if len(args) > names { // of nothing at all, looksWhole tells
		if err := p.Host.Run(ctx, host.Command{Args: args, NoSync: true, Line: line}); err != nil {
			return err
		}
	}
	for _, name := range deeper {
		if err := sameDirectory(filepath.Join(from, name), filepath.Join(target, name)); err != nil {
			return err
		}
		if err := p.copyLevel(ctx, out, from, target, name, line); err != nil {
			return err
		}
	}
	return nil
}

// sameDirectory makes a directory like another, without what is in it.
func sameDirectory(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(to, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(to, info.Mode())
}

// looksWhole finds images that aren't of a system, or not from its root on.
func looksWhole(target, url string) error {
	for _, name := range []string{"usr", "bin", "sbin"} {
		if info, err := os.Stat(filepath.Join(target, name)); err == nil && info.IsDir() {
			return nil
		}
	}
	var names []string
	entries, err := os.ReadDir(target)
	for _, e := range entries {
		if !slices.Contains(leftOut(), e.Name()) {
			names = append(names, e.Name())
		}
	}
	return errors.Join(err, fmt.Errorf("the image %s holds no system: there is no /usr and no /bin in it, at its top there is only %q", url, names))
}

// tables are what the plan has written before: the image has those of another machine. The keyboard is among
// them since the initramfs that is made has it for passphrases.
func tables() []string {
	return []string{"etc/fstab", "etc/crypttab", "etc/mdadm/mdadm.conf", "etc/default/keyboard"}
}

// keepTables puts them aside, once.
func keepTables(target string) error {
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Stat(keptName); err == nil {
		return nil
	}
	const fresh = keptName + ".new"
	if err := root.RemoveAll(fresh); err != nil {
		return err
	}
	if err := root.MkdirAll(fresh, 0o700); err != nil {
		return err
	}
	for _, name := range tables() {
		if err := copyFile(root, name, path.Join(fresh, name)); err != nil {
			return err
		}
	}
	return root.Rename(fresh, keptName)
}

// settle makes of the image's system this machine's: with the tables of its own disks, an identity that the first
// start makes (machine-id(5)), and no wish to open or wake up from disks of another machine. The image's links
// lead nowhere but into the target.
func settle(target string, pr payload.Progress) error {
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range []string{"etc/crypttab", "etc/initramfs-tools/conf.d/resume", "var/lib/dbus/machine-id"} {
		if info, err := root.Lstat(name); err == nil && info.Mode().IsRegular() {
			if err := root.Remove(name); err != nil {
				return err
			}
		}
	}
	for _, name := range tables() {
		if err := copyFile(root, path.Join(keptName, name), name); err != nil {
			return err
		}
	}
	if _, err := root.Lstat("etc/machine-id"); err == nil {
		if err := replace(root, "etc/machine-id", nil, 0o444); err != nil {
			return err
		}
	}
	keys, err := filepath.Glob(filepath.Join(target, "etc/ssh/ssh_host_*_key"))
	if len(keys) > 0 {
		pr.Warn("the image brings SSH host keys: every machine that is made of it has the same. Remove them in %post and have new ones made")
	}
	return err
}

// copyFile copies a small file, where there is one, with the directories above it.
func copyFile(root *os.Root, from, to string) error {
	data, err := root.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = root.MkdirAll(path.Dir(to), 0o755)
	}
	if err != nil {
		return err
	}
	return replace(root, to, data, 0o644)
}

// replace writes a file in the place of whatever has its name: a link is not followed.
func replace(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	fresh := name + ".molt-new"
	if err := root.RemoveAll(fresh); err != nil {
		return err
	}
	err := root.WriteFile(fresh, data, mode)
	if err == nil {
		err = root.Chmod(fresh, mode) // the umask doesn't count
	}
	if err == nil {
		err = root.Rename(fresh, name)
	}
	return err
}

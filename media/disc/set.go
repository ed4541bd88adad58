package disc

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/molt-installer/molt/media"
)

// Where the kernel and the initramfs are on disc 1.
const (
	kernelPath = "boot/vmlinuz"
	initrdPath = "boot/initrd.img"
)

// writeSet makes the discs of their parts.
func (b *builder) writeSet(ctx context.Context, a *apt, placed *placement, p parts) (*Result, error) {
	tmp, err := os.MkdirTemp(b.cache.dir, "set-")
	if err != nil {
		return nil, fmt.Errorf("make a place for the set: %w", err)
	}
	defer os.RemoveAll(tmp)
	_, image, err := hashFile(p.stage2)
	if err != nil {
		return nil, err
	}
	set := media.Set{
		ID: b.setID(placed, p, image), Product: b.distro.Product, Version: b.distro.Version,
		Arch: b.distro.Arch, Discs: b.distro.Discs(),
	}
	w := &setWriter{builder: b, apt: a, placed: placed, parts: p, set: set, tmp: tmp}
	trees := make([]*tree, set.Discs)
	for n := range trees {
		trees[n] = &tree{date: b.date, dir: filepath.Join(tmp, fmt.Sprint(n+1))}
		if err := w.fill(ctx, trees[n], n+1); err != nil {
			return nil, fmt.Errorf("disc %d: %w", n+1, err)
		}
	}
	return w.publish(ctx, trees)
}

// setID is opaque: it stands for all that makes this set another one.
func (b *builder) setID(placed *placement, p parts, stage2 string) string {
	catalog, _ := json.Marshal(placed.catalog) // plain data: can't fail
	id := []string{"set 1", string(catalog), p.kernel, p.initrd, stage2, b.epoch(), fmt.Sprintf("%x", b.key.entity.PrimaryKey.Fingerprint)}
	for _, disc := range placed.discs {
		id = append(id, keys(disc)...)
		id = append(id, "disc")
	}
	return digest(id...)[:32]
}

// setWriter writes one set.
type setWriter struct {
	*builder
	apt    *apt
	placed *placement
	parts  parts
	set    media.Set
	tmp    string
}

// fill decides what is on disc n, in the order in which it will be read.
func (w *setWriter) fill(ctx context.Context, t *tree, n int) error {
	if err := w.identity(t, n); err != nil {
		return err
	}
	if n == 1 {
		if err := w.installer(ctx, t); err != nil {
			return err
		}
	}
	repo := repository{distro: w.distro, label: fmt.Sprintf("%s disc %d", w.set.Name(), n), date: w.date}
	files, err := repo.files(w.placed.discs[n-1], "", w.key)
	if err != nil {
		return err
	}
	if err := t.writeAll(files); err != nil {
		return err
	}
	for _, p := range w.placed.discs[n-1] {
		if err := t.add(p.Path, w.apt.archive(p), p.SHA256); err != nil {
			return err
		}
	}
	return nil
}

// identity is the files by which a disc is recognised: .discinfo as
// Anaconda's makestamp wrote it, .disk/info as apt-cdrom(8) reads it.
func (w *setWriter) identity(t *tree, n int) error {
	name := fmt.Sprintf("%s %q - %s disc %d of %d", w.set.Product, w.set.Version, w.set.Arch, n, w.set.Discs)
	return t.writeAll(map[string][]byte{
		media.DiscInfoPath: []byte(media.DiscInfo{ID: w.set.ID, Release: w.set.Name(), Arch: w.set.Arch, Discs: []int{n}}.String()),
		".disk/info":       []byte(name + "\n"),
	})
}

// installer is what disc 1 has more than the others.
func (w *setWriter) installer(ctx context.Context, t *tree) error {
	build := media.Build{Set: w.set}
	var err error
	if build.Key, err = w.key.public(); err != nil {
		return err
	}
	// .disk/id/… is how GRUB finds the disc it was started from.
	mark := ".disk/id/" + w.set.ID
	if err := t.write(mark, []byte(w.set.ID+"\n")); err != nil {
		return err
	}
	if err := w.describe(t, &build); err != nil {
		return err
	}
	initrd := filepath.Join(w.tmp, "initrd.img")
	if err := w.initramfs(ctx, w.parts, initrd, build); err != nil {
		return err
	}
	if err := w.bootFiles(ctx, t, mark, initrd); err != nil {
		return err
	}
	if err := t.add(media.ImagePath, w.parts.stage2, build.Stage2.SHA256); err != nil {
		return err
	}
	return t.write(media.TreeInfoPath, w.treeinfo(t))
}

// aptIgnores keeps apt-cdrom(8) out of its directory: it would take the merged
// index for a repository.
const aptIgnores = "molt/.aptignr"

// describe puts the merged index and the catalog on disc 1, and into build
// what the initramfs has to know of them.
func (w *setWriter) describe(t *tree, build *media.Build) error {
	merged, err := w.merged()
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(merged)) {
		if err := t.write(media.IndexPath+"/"+path, merged[path]); err != nil {
			return err
		}
	}
	if err := t.write(aptIgnores, nil); err != nil {
		return err
	}
	catalog := w.placed.catalog
	if w.parts.initrd != "" {
		if catalog.Initrd, err = w.addInitrd(t); err != nil {
			return err
		}
		build.Extra = append(build.Extra, catalog.Initrd.File)
	}
	data, err := json.MarshalIndent(catalog, "", "\t")
	if err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	if err := t.write(media.CatalogPath, append(data, '\n')); err != nil {
		return err
	}
	build.Extra = append(build.Extra, t.vouch(media.CatalogPath))
	build.Index = t.vouch(media.IndexPath + "/dists/" + w.distro.Archive.Suite + "/InRelease")
	build.Stage2.Path = media.ImagePath
	if build.Verity, err = readVerity(w.parts.stage2); err != nil {
		return err
	}
	build.Stage2.Size, build.Stage2.SHA256, err = hashFile(w.parts.stage2)
	return err
}

// merged is the index of all discs: a repository without a pool.
func (w *setWriter) merged() (map[string][]byte, error) {
	var all []pkg
	for n, disc := range w.placed.discs {
		for _, p := range disc {
			p.Path = fmt.Sprintf("disc%d/%s", n+1, p.Path)
			all = append(all, p)
		}
	}
	return repository{distro: w.distro, label: w.set.Name(), date: w.date}.files(all, "", w.key)
}

// vouch describes a file that was put on the disc.
func (t *tree) vouch(path string) media.File {
	for _, f := range t.files {
		if f.path != path {
			continue
		}
		if info, err := os.Stat(f.from); err == nil {
			return media.File{Path: path, Size: info.Size(), SHA256: f.sum}
		}
	}
	return media.File{Path: path}
}

func (w *setWriter) bootFiles(ctx context.Context, t *tree, mark, initrd string) error {
	version, err := kernelVersion(w.parts.kernel)
	if err != nil {
		return err
	}
	efi, err := w.efiImage(ctx, mark)
	if err != nil {
		return err
	}
	if err := t.write("isolinux/isolinux.cfg", []byte(w.distro.isolinuxConfig())); err != nil {
		return err
	}
	if err := t.write("boot/grub/grub.cfg", []byte(w.distro.grubConfig())); err != nil {
		return err
	}
	for _, f := range [][2]string{
		{"isolinux/isolinux.bin", isolinuxBin},
		{"isolinux/ldlinux.c32", syslinuxDir + "/ldlinux.c32"},
		{"isolinux/libutil.c32", syslinuxDir + "/libutil.c32"},
		{"isolinux/menu.c32", syslinuxDir + "/menu.c32"},
		{"boot/grub/efi.img", efi},
		{kernelPath, filepath.Join(w.parts.kernel, "boot/vmlinuz-"+version)},
		{initrdPath, initrd},
	} {
		if err := t.add(f[0], f[1], ""); err != nil {
			return err
		}
	}
	return nil
}

// treeinfo says where things are on disc 1.
func (w *setWriter) treeinfo(t *tree) []byte {
	info := media.TreeInfo{
		Family: w.set.Product, Version: w.set.Version, Arch: w.set.Arch, Timestamp: w.date.Unix(),
		Disc: 1, Discs: w.set.Discs, Kernel: kernelPath, Initrd: initrdPath, MainImage: media.ImagePath,
		Checksums: map[string]string{},
	}
	for _, path := range []string{kernelPath, initrdPath, media.ImagePath, media.CatalogPath} {
		info.Checksums[path] = t.vouch(path).SHA256
	}
	return []byte(info.String())
}

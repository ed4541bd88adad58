package disc

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tree is what is on a disc, by path, in the order in which it will be read.
type tree struct {
	date  time.Time
	dir   string // where generated files are kept until the image is written
	files []treeFile
}

// treeFile is a file of the disc and where its content is on the host.
type treeFile struct {
	path, from string
	sum        string // of the content, or of what it was made from
}

// add puts a file of the host on the disc. sum stands for its content; when
// empty, the file is hashed.
func (t *tree) add(path, from, sum string) error {
	if sum == "" {
		var err error
		if _, sum, err = hashFile(from); err != nil {
			return err
		}
	}
	t.files = append(t.files, treeFile{path, from, sum})
	return nil
}

// write puts a generated file on the disc.
func (t *tree) write(path string, data []byte) error {
	from := filepath.Join(t.dir, path)
	if err := writeFile(from, data); err != nil {
		return err
	}
	if err := os.Chtimes(from, t.date, t.date); err != nil {
		return fmt.Errorf("date a file of the set: %w", err)
	}
	return t.add(path, from, hexSum(data))
}

// writeAll puts generated files on the disc, by path.
func (t *tree) writeAll(files map[string][]byte) error {
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := t.write(path, files[path]); err != nil {
			return err
		}
	}
	return nil
}

// key stands for all that is on the disc and its order.
func (t *tree) key() string {
	parts := []string{fmt.Sprint(t.date.Unix())}
	for _, f := range t.files {
		parts = append(parts, f.path, f.sum)
	}
	return digest(parts...)
}

// link lays the tree out below dir, sharing the files.
func (t *tree) link(dir string) error {
	for _, f := range t.files {
		if err := linkFile(f.from, filepath.Join(dir, f.path)); err != nil {
			return err
		}
	}
	return nil
}

// iso writes the tree as an ISO 9660 image and makes it one that checkisomd5
// can check. bootable needs isolinux/isolinux.bin and boot/grub/efi.img in it.
func (t *tree) iso(ctx context.Context, out, label string, bootable bool) error {
	var paths, weights bytes.Buffer
	for i, f := range t.files {
		fmt.Fprintf(&paths, "/%s=%s\n", f.path, f.from)
		fmt.Fprintf(&weights, "%d /%s\n", len(t.files)-i, f.path)
	}
	list, order := filepath.Join(t.dir, ".paths"), filepath.Join(t.dir, ".weights")
	if err := writeFile(list, paths.Bytes()); err != nil {
		return err
	}
	if err := writeFile(order, weights.Bytes()); err != nil {
		return err
	}
	args := []string{"-as", "mkisofs", "-quiet", "-o", out, "-V", label, "-iso-level", "3", "-r", "-J", "-joliet-long",
		"--set_all_file_dates", fmt.Sprintf("=%d", t.date.Unix())}
	if bootable {
		args = append(args, bootOptions()...)
	}
	args = append(args, "--sort-weight-list", order, "-graft-points", "-path-list", list)
	env := []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", t.date.Unix()), "TZ=UTC"}
	if _, err := command(ctx, env, "xorriso", args...); err != nil {
		return err
	}
	_, err := command(ctx, nil, "implantisomd5", out)
	return err
}

// bootOptions make the image boot by BIOS and UEFI, from a disc and from a USB
// stick (xorrisofs(1), "Bootable ISO images").
func bootOptions() []string {
	return strings.Fields("-isohybrid-mbr " + isohybrid +
		" -c isolinux/boot.cat -b isolinux/isolinux.bin -no-emul-boot -boot-load-size 4 -boot-info-table" +
		" -eltorito-alt-boot -e boot/grub/efi.img -no-emul-boot -isohybrid-gpt-basdat")
}

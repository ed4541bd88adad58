package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/molt-installer/molt/internal/mounts"
)

// Image is the disk of a guest that has ended, read on the host. Nothing here
// writes to it.
type Image struct {
	Path  string
	Label string // kind of partition table: "gpt"
	Parts []Part
}

// Part is a partition of an Image. Start and Size are in bytes.
type Part struct {
	Number      int
	Start, Size int64
	Type        string // GUID, upper case
	Name        string
	FSType      string // "ext4", "xfs", "vfat", "swap"; empty for none
	Label, UUID string // of the file system
	image       string
}

// OpenImage reads the partition table of a raw disk with sfdisk and the
// signatures in the partitions with blkid.
func OpenImage(ctx context.Context, path string) (*Image, error) {
	out, err := output(ctx, "", "sfdisk", "--json", path)
	if err != nil {
		return nil, fmt.Errorf("read the partition table: %w", err)
	}
	var table struct {
		PartitionTable struct {
			Label      string
			SectorSize int64
			Partitions []struct {
				Node, Type, Name string
				Start, Size      int64
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &table); err != nil {
		return nil, fmt.Errorf("read the partition table of %s: %w", path, err)
	}
	pt := table.PartitionTable
	img := &Image{Path: path, Label: pt.Label}
	for _, p := range pt.Partitions {
		part := Part{Start: p.Start * pt.SectorSize, Size: p.Size * pt.SectorSize, Type: p.Type, Name: p.Name, image: path}
		// The node is the image's path and the number, with a "p" between if the path ends in a digit.
		if _, err := fmt.Sscanf(strings.TrimPrefix(strings.TrimPrefix(p.Node, path), "p"), "%d", &part.Number); err != nil {
			return nil, fmt.Errorf("read the partition table of %s: partition %q: %w", path, p.Node, err)
		}
		if err := part.probe(ctx); err != nil {
			return nil, err
		}
		img.Parts = append(img.Parts, part)
	}
	return img, nil
}

// probe asks blkid what is in the partition. It ends with status 2 when there is nothing.
func (p *Part) probe(ctx context.Context) error {
	out, err := output(ctx, "", "blkid", "--probe", "--output", "export",
		"--offset", fmt.Sprint(p.Start), "--size", fmt.Sprint(p.Size), p.image)
	if exitStatus(err) == 2 {
		return nil
	}
	if err != nil {
		return err
	}
	for _, line := range strings.Split(out, "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "TYPE":
			p.FSType = value
		case "LABEL":
			p.Label = value
		case "UUID":
			p.UUID = value
		}
	}
	return nil
}

// Find is the first partition with a file system of one of the types.
func (img *Image) Find(fstypes ...string) (Part, error) {
	for _, p := range img.Parts {
		for _, t := range fstypes {
			if p.FSType == t {
				return p, nil
			}
		}
	}
	return Part{}, fmt.Errorf("%s has no file system of type %s", img.Path, strings.Join(fstypes, " or "))
}

// Check finds fault with the partition table and every file system.
func (img *Image) Check(ctx context.Context) error {
	errs := []error{tool(ctx, "", "sfdisk", "--verify", img.Path)}
	for _, p := range img.Parts {
		if p.FSType != "" && p.FSType != "swap" {
			errs = append(errs, p.Check(ctx))
		}
	}
	return errors.Join(errs...)
}

// Check runs the fsck of the file system, without repair. Not being cleanly
// unmounted is a fault. It needs root.
func (p Part) Check(ctx context.Context) error {
	check, ok := map[string][]string{
		"ext4": {"e2fsck", "-f", "-n"},
		"xfs":  {"xfs_repair", "-n"},
		"vfat": {"fsck.vfat", "-n"},
	}[p.FSType]
	if !ok {
		return fmt.Errorf("check partition %d of %s: no way to check a file system of type %q", p.Number, p.image, p.FSType)
	}
	return p.withLoop(ctx, func(dev string) error {
		out, err := output(ctx, "", append(check, dev)...)
		if err == nil {
			err = unclean(out)
		}
		if err != nil {
			return fmt.Errorf("check partition %d of %s: %w", p.Number, p.image, err)
		}
		return nil
	})
}

// unclean finds in the output of a fsck what its exit status doesn't say.
func unclean(out string) error {
	for _, bad := range []string{"journal recovery", "ALERT:", "Dirty bit", "not properly unmounted"} {
		if strings.Contains(out, bad) {
			return fmt.Errorf("not cleanly unmounted: %s", strings.TrimSpace(out))
		}
	}
	return nil
}

// withLoop attaches the partition read-only to a loop device for f.
func (p Part) withLoop(ctx context.Context, f func(dev string) error) error {
	out, err := output(ctx, "", "losetup", "--find", "--show", "--read-only",
		"--offset", fmt.Sprint(p.Start), "--sizelimit", fmt.Sprint(p.Size), p.image)
	if err != nil {
		return err
	}
	dev := strings.TrimSpace(out)
	err = f(dev)
	return errors.Join(err, tool(context.WithoutCancel(ctx), "", "losetup", "--detach", dev))
}

// Mount mounts the partition (ext4, xfs) read-only at dir, which is made if
// it isn't there, and replays no log. It needs root. unmount frees all.
func (p Part) Mount(ctx context.Context, dir string) (unmount func() error, err error) {
	if p.FSType != "ext4" && p.FSType != "xfs" {
		return nil, fmt.Errorf("mount partition %d of %s: the host can't mount %q", p.Number, p.image, p.FSType)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	opts := fmt.Sprintf("%s,ro,loop,offset=%d,sizelimit=%d", mounts.Untouched(p.FSType), p.Start, p.Size)
	if err := tool(ctx, "", "mount", "-t", p.FSType, "-o", opts, p.image, dir); err != nil {
		return nil, err
	}
	return func() error { return tool(context.WithoutCancel(ctx), "", "umount", dir) }, nil
}

// List is the names in a directory of a FAT partition, as mdir prints them
// ("EFI/BOOT" → "::/EFI/BOOT/BOOTX64.EFI").
func (p Part) List(ctx context.Context, dir string) ([]string, error) {
	out, err := output(ctx, "", "mdir", "-b", "-i", p.mtools(), "::"+dir)
	return strings.Fields(out), err
}

// ReadFile is the content of a file of a FAT partition.
func (p Part) ReadFile(ctx context.Context, name string) ([]byte, error) {
	out, err := output(ctx, "", "mtype", "-i", p.mtools(), "::"+name)
	return []byte(out), err
}

func (p Part) mtools() string { return fmt.Sprintf("%s@@%d", p.image, p.Start) }

package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// partition erases a disk and writes its table. A disk without a table, which is a
// member of something as a whole, is only erased.
type partition struct {
	base
	seen
	table   host.Table
	devices []string // of the new partitions
	bare    bool
}

func (s partition) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	if err := env.Host.Wipe(ctx, s.disk); err != nil {
		return fmt.Errorf("erase %s: %w", s.disk, err)
	}
	if s.bare {
		return nil
	}
	if err := env.Host.WriteTable(ctx, s.disk, s.table); err != nil {
		return fmt.Errorf("partition %s: %w", s.disk, err)
	}
	return wipeAll(ctx, env, s.devices)
}

func wipeAll(ctx context.Context, env *Env, devices []string) error {
	for _, d := range devices {
		if err := env.Host.Wipe(ctx, d); err != nil {
			return fmt.Errorf("erase %s: %w", d, err)
		}
	}
	return nil
}

// repartition changes a table that stays.
type repartition struct {
	base
	seen
	edit    host.Edit
	devices []string // of the new partitions
}

func (s repartition) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	if err := env.Host.EditTable(ctx, s.disk, s.edit); err != nil {
		return fmt.Errorf("change the partitions of %s: %w", s.disk, err)
	}
	return wipeAll(ctx, env, s.devices)
}

// partitionStep is the step for d, or nil when its table stays as it is.
func partitionStep(d Disk) Step {
	b := base{"partition-" + flat(d.Path), "Partition " + d.Path, 2}
	is := seen{d.Path, d.Seq}
	var devices []string
	for _, v := range d.Parts {
		if !v.Existing && !extended(v) {
			devices = append(devices, v.Device)
		}
	}
	switch {
	case d.Table == "" && d.Kept: // what is made on it clears it
		return nil
	case d.Table == "":
		b.title = "Erase " + d.Path
		return partition{b, is, host.Table{}, nil, true}
	case !d.Kept:
		return partition{b, is, tableOf(d), devices, false}
	case d.Rewritten():
		b.title = "Change the partitions of " + d.Path
		return repartition{b, is, editOf(d), devices}
	}
	return nil
}

// tableOf is the table to write for d.
func tableOf(d Disk) host.Table {
	t := host.Table{Kind: d.Table, GUID: d.GUID}
	active := activePart(d)
	for i, v := range d.Parts {
		p := tablePart(v)
		p.Active = i == active
		t.Parts = append(t.Parts, p)
	}
	return t
}

// activePart is the partition of a dos table that is marked for firmware which starts no
// disk without one: that with the kernels. It is -1 when there is none, and on a gpt.
func activePart(d Disk) int {
	if d.Table != "dos" {
		return -1
	}
	for _, mount := range []string{"/boot", "/"} {
		if i := slices.IndexFunc(d.Parts, func(v Volume) bool { return v.Mount == mount && v.Number <= 4 }); i >= 0 {
			return i
		}
	}
	return slices.IndexFunc(d.Parts, func(v Volume) bool { return !extended(v) && v.Number <= 4 })
}

// editOf is the change of the table of d.
func editOf(d Disk) host.Edit {
	e := host.Edit{Kind: d.Table}
	for _, p := range d.Lost {
		e.Delete = append(e.Delete, host.TablePart{Number: p.Number, Start: p.Start, Size: p.Size, Type: p.Type})
	}
	for _, v := range d.Parts {
		switch {
		case !v.Existing:
			e.Add = append(e.Add, tablePart(v))
		case v.Was != 0:
			e.Resize = append(e.Resize, host.TablePart{Number: v.Number, Start: v.Start, Size: v.Size, Type: v.Type})
		}
	}
	return e
}

func tablePart(v Volume) host.TablePart {
	p := host.TablePart{Number: v.Number, Start: v.Start, Size: v.Size, Type: v.Type, GUID: v.GUID}
	if v.GUID != "" {
		p.Name = partName(v)
	}
	return p
}

// partName is what a gpt calls v: what it is mounted on.
func partName(v Volume) string {
	switch {
	case v.Mount == "/":
		return "root"
	case v.Mount == "":
		return cmp.Or(v.FSType, "data")
	}
	name := []rune(strings.Trim(v.Mount, "/"))
	return string(name[:min(len(name), 36)])
}

// extended reports whether v is the partition that holds the logical ones of a dos table.
func extended(v Volume) bool {
	return slices.Contains([]string{"0x5", "0x05", "0xf", "0x0f", "0x85"}, strings.ToLower(v.Type))
}

// resizeFS makes a file system that stays smaller, before what it is on, or larger after that.
type resizeFS struct {
	base
	seen
	volume Volume
	to     int64 // bytes; 0 is all there is
}

func (s resizeFS) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	var err error
	switch s.volume.FSType {
	case "ext2", "ext3", "ext4":
		err = s.ext(ctx, env)
	case "btrfs":
		size := "max"
		if s.to > 0 {
			size = fmt.Sprint(s.to)
		}
		err = s.mounted(ctx, env, "btrfs", "filesystem", "resize", size, topLevel)
	case "xfs":
		err = s.mounted(ctx, env, "xfs_growfs", topLevel)
	case "swap", "":
		return nil
	default:
		err = fmt.Errorf("there is no program for %s", s.volume.FSType)
	}
	if err != nil {
		return fmt.Errorf("change the size of %s on %s: %w", s.volume.FSType, s.volume.Device, err)
	}
	return nil
}

// ext checks the file system first: resize2fs(8) insists. That e2fsck(8) mended something is status 1.
func (s resizeFS) ext(ctx context.Context, env *Env) error {
	err := tool(ctx, env, "", "e2fsck", "-f", "-p", s.volume.Device)
	if exit, ok := err.(*host.ExitError); ok && exit.Code == 1 {
		err = nil
	}
	if err != nil {
		return err
	}
	args := []string{"resize2fs", s.volume.Device}
	if s.to > 0 {
		args = append(args, fmt.Sprint(s.to/1024)+"K")
	}
	return tool(ctx, env, "", args...)
}

// mounted runs a program that needs the file system mounted on topLevel.
func (s resizeFS) mounted(ctx context.Context, env *Env, args ...string) error {
	return onTop(env, host.Mount{Source: s.volume.Device, FSType: s.volume.FSType}, func() error { return tool(ctx, env, "", args...) })
}

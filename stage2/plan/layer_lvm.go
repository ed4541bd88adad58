package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// lvm runs an lvm command. In an error it is as a person would type it.
func lvm(ctx context.Context, env *Env, devices []string, command string, args ...string) error {
	err := tool(ctx, env, "", host.LVM(devices, command, args...)...)
	if exit, ok := err.(*host.ExitError); ok {
		return &host.ExitError{Args: append([]string{"lvm", command}, args...), Code: exit.Code, Tail: exit.Tail}
	}
	return err
}

// group makes a volume group, or activates one that is there.
type group struct{ layered }

func (s group) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	l := s.layer
	if l.Existing {
		loadTargets(ctx, env, "dm-thin-pool", "dm-cache-smq") // which of them it has, only LVM knows
		if err := lvm(ctx, env, l.On, "vgchange", "--activate", "y", l.Name); err != nil {
			return fmt.Errorf("activate the volume group %s: %w", l.Name, err)
		}
		return nil
	}
	if err := clear(ctx, env, l.On); err != nil {
		return err
	}
	if err := lvm(ctx, env, l.On, "pvcreate", append([]string{"-ff"}, l.On...)...); err != nil {
		return fmt.Errorf("prepare %s for LVM: %w", strings.Join(l.On, ", "), err)
	}
	args := []string{l.Name}
	if l.ExtentKiB > 0 {
		args = []string{"--physicalextentsize", strconv.FormatInt(l.ExtentKiB, 10) + "k", l.Name}
	}
	if err := lvm(ctx, env, l.On, "vgcreate", append(args, l.On...)...); err != nil {
		return fmt.Errorf("make the volume group %s: %w", l.Name, err)
	}
	return nil
}

// logical makes a logical volume or a thin pool.
type logical struct{ layered }

func (s logical) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	l := s.layer
	switch {
	case l.Existing && l.Was != 0:
		if err := lvm(ctx, env, s.on, "lvresize", "--force", "--size", strconv.FormatInt(l.Size, 10)+"b", l.Group+"/"+l.Name); err != nil {
			return fmt.Errorf("change the size of %s/%s: %w", l.Group, l.Name, err)
		}
		return nil
	case l.Existing:
		return nil // it came with its group
	}
	if err := s.remove(ctx, env); err != nil {
		return err
	}
	switch {
	case l.Kind == LayerPool:
		loadTargets(ctx, env, "dm-thin-pool")
	case l.CacheMiB > 0:
		loadTargets(ctx, env, "dm-cache-smq")
	}
	for _, args := range lvcreateArgs(l, s.on) {
		if err := lvm(ctx, env, s.on, args[0], args[1:]...); err != nil {
			return fmt.Errorf("make %s: %w", describeLayer(l), err)
		}
	}
	return nil
}

// loadTargets loads what LVM looks for and, in stage 2's own root, can't load itself.
func loadTargets(ctx context.Context, env *Env, modules ...string) {
	for _, m := range modules {
		loadModule(ctx, env, m)
	}
}

// remove removes what an earlier try left.
func (s logical) remove(ctx context.Context, env *Env) error {
	l := s.layer
	var names strings.Builder
	c := host.Command{Args: host.LVM(s.on, "lvs", "--noheadings", "--options", "lv_name", l.Group), Env: host.WithoutUdev(), Stdout: &names}
	if err := runIn(ctx, env, c); err != nil {
		return fmt.Errorf("list the volumes of %s: %w", l.Group, err)
	}
	mine := []string{l.Name}
	if l.CacheMiB > 0 {
		mine = append(mine, cacheName(l))
	}
	for _, name := range mine {
		if !slices.Contains(strings.Fields(names.String()), name) {
			continue
		}
		if err := lvm(ctx, env, s.on, "lvremove", "--force", l.Group+"/"+name); err != nil {
			return fmt.Errorf("remove %s/%s of an earlier try: %w", l.Group, name, err)
		}
	}
	return nil
}

func cacheName(l Layer) string { return l.Name + "_cache" }

// lvcreateArgs are the commands that make l, one after the other.
func lvcreateArgs(l Layer, members []string) [][]string {
	size := strconv.FormatInt(l.Size, 10) + "b"
	switch {
	case l.Kind == LayerPool:
		args := []string{"lvcreate", "--type", "thin-pool", "--size", size}
		if l.MetadataMiB > 0 {
			args = append(args, "--poolmetadatasize", strconv.FormatInt(l.MetadataMiB, 10)+"m")
		}
		if l.ChunkKiB > 0 {
			args = append(args, "--chunksize", strconv.Itoa(l.ChunkKiB)+"k")
		}
		return [][]string{append(args, "--name", l.Name, l.Group)}
	case l.Pool != "":
		return [][]string{{"lvcreate", "--type", "thin", "--virtualsize", size, "--thinpool", l.Pool, "--name", l.Name, l.Group}}
	}
	plain := []string{"lvcreate", "--type", "linear", "--size", size, "--wipesignatures", "y", "--zero", "y", "--name", l.Name, l.Group}
	if l.CacheMiB == 0 {
		return [][]string{plain}
	}
	slow := slices.DeleteFunc(slices.Clone(members), func(d string) bool { return slices.Contains(l.CachePVs, d) })
	pool := []string{"lvcreate", "--type", "cache-pool", "--size", strconv.FormatInt(l.CacheMiB, 10) + "m", "--name", cacheName(l), l.Group}
	attach := []string{"lvconvert", "--type", "cache", "--cachepool", l.Group + "/" + cacheName(l)}
	if l.CacheMode != "" {
		attach = append(attach, "--cachemode", l.CacheMode)
	}
	return [][]string{append(plain, slow...), append(pool, l.CachePVs...), append(attach, l.Group+"/"+l.Name)}
}

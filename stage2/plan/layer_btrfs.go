package plan

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// btrfs makes a btrfs over devices, mkfs.btrfs(8), or lets the kernel know the devices of
// one that is there.
type btrfs struct{ layered }

func (s btrfs) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	loadModule(ctx, env, "btrfs")
	l := s.layer
	if !l.Existing {
		if err := clear(ctx, env, l.On); err != nil {
			return err
		}
		if err := tool(ctx, env, "", mkfsBtrfsArgs(l)...); err != nil {
			return fmt.Errorf("make %s: %w", describeLayer(l), err)
		}
	}
	// The first device is mounted; the others are known by this alone.
	if err := tool(ctx, env, "", append([]string{"btrfs", "device", "scan"}, l.On...)...); err != nil {
		return fmt.Errorf("register the devices of %s: %w", describeLayer(l), err)
	}
	return nil
}

func mkfsBtrfsArgs(l Layer) []string {
	args := []string{"mkfs.btrfs", "--force", "--quiet", "--uuid", l.UUID}
	for _, opt := range []struct{ name, value string }{{"--label", l.Label}, {"--data", l.Data}, {"--metadata", l.Metadata}} {
		if opt.value != "" {
			args = append(args, opt.name, opt.value)
		}
	}
	return append(append(args, strings.Fields(l.MkfsOptions)...), l.On...)
}

// topLevel is where a file system is mounted for what can be done to it no other way.
const topLevel = "/run/molt/btrfs"

// onTop mounts m there while do runs. What an earlier try could not unmount goes first.
func onTop(env *Env, m host.Mount, do func() error) error {
	var busy *host.BusyError
	if err := env.Host.Unmount(topLevel); errors.As(err, &busy) {
		return err
	}
	m.Target = topLevel
	if err := env.Host.Mount(m); err != nil {
		return fmt.Errorf("mount %s: %w", m.Source, err)
	}
	err := do()
	if free := env.Host.Unmount(topLevel); free != nil {
		err = errors.Join(err, fmt.Errorf("unmount %s: %w", m.Source, free))
	}
	return err
}

// subvolumes makes the subvolumes of one btrfs. Those that are there stay.
type subvolumes struct {
	base
	device string
	names  []string
}

func (s subvolumes) Run(ctx context.Context, env *Env) error {
	err := onTop(env, host.Mount{Source: s.device, FSType: "btrfs", Options: "subvolid=5"}, func() error { return s.make(ctx, env) })
	if err != nil {
		return fmt.Errorf("make subvolumes of %s: %w", s.device, err)
	}
	return nil
}

func (s subvolumes) make(ctx context.Context, env *Env) error {
	for _, name := range s.names {
		dir := path.Join(topLevel, name)
		if exists(env, dir) {
			continue
		}
		if err := env.Host.MkdirAll(path.Dir(dir), 0o755); err != nil {
			return fmt.Errorf("make the directory of subvolume %s: %w", name, err)
		}
		if err := tool(ctx, env, "", "btrfs", "subvolume", "create", dir); err != nil {
			return fmt.Errorf("make subvolume %s of %s: %w", name, s.device, err)
		}
	}
	return nil
}

package plan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// disks are those of a plan, as they were when it was made.
type disks []seen

func (d disks) check(env *Env) error {
	for _, s := range d {
		if err := s.check(env); err != nil {
			return err
		}
	}
	return nil
}

// tool runs one of stage 2's programs for storage.
func tool(ctx context.Context, env *Env, stdin string, args ...string) error {
	return runIn(ctx, env, host.Command{Args: args, Env: host.WithoutUdev(), Stdin: stdin})
}

// loadModule has stage 1 load a kernel module whose device is needed before the kernel
// itself asks for it. One that is missing is the next tool's to tell.
func loadModule(ctx context.Context, env *Env, name string) {
	_ = env.Host.Run(ctx, host.Command{Args: []string{"/sbin/modprobe", "-q", "--", name}, Root: handoff.Outside})
}

// clear takes devices from whatever stands on them, and erases what says so.
func clear(ctx context.Context, env *Env, devices []string) error {
	if err := releaseAll(ctx, env, devices); err != nil {
		return err
	}
	for _, d := range devices {
		if err := env.Host.Wipe(ctx, d); err != nil {
			return fmt.Errorf("erase %s: %w", d, err)
		}
	}
	return nil
}

func releaseAll(ctx context.Context, env *Env, devices []string) error {
	for _, d := range devices {
		if err := env.Host.Release(ctx, d); err != nil {
			return fmt.Errorf("end what stands on %s: %w", d, err)
		}
	}
	return nil
}

// stop ends old arrays, groups and encrypted devices on what will be erased, and
// erases their members, so that nothing finds them again.
type stop struct {
	base
	disks
	stacks []machine.Stack // what stands on another comes before it
}

func (s stop) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	for _, st := range s.stacks {
		if err := releaseAll(ctx, env, st.Members); err != nil {
			return fmt.Errorf("stop %s: %w", st.Describe(), err)
		}
	}
	for _, st := range s.stacks {
		for _, m := range st.Members {
			if !exists(env, m) {
				continue // it went with the stack it was on
			}
			if err := env.Host.Wipe(ctx, m); err != nil {
				return fmt.Errorf("erase %s of %s: %w", m, st.Describe(), err)
			}
		}
	}
	return nil
}

// layered is a step that makes or opens one layer. Taking it back closes it.
type layered struct {
	base
	disks
	layer Layer
	on    []string // the devices it is made of; of a volume its group's
}

func (s layered) Undo(ctx context.Context, env *Env) error {
	if s.layer.Kind == LayerPool || s.layer.Kind == LayerLV {
		return nil // they go with their group
	}
	if env.Result.Target != "" {
		return nil // the installer runs from there: it is stage 1's to free
	}
	if err := s.check(env); err != nil {
		return err
	}
	return releaseAll(ctx, env, s.on)
}

// layerStep is the step for l.
func layerStep(d disks, l Layer, all []Layer) Step {
	verb := "Make "
	if l.Existing {
		verb = "Open "
	}
	s := layered{base{"layer-" + layerID(l), verb + describeLayer(l), 2}, d, l, l.On}
	switch l.Kind {
	case LayerLUKS:
		s.weight = 10
		return luks{s}
	case LayerRAID:
		return raid{s}
	case LayerBtrfs:
		return btrfs{s}
	case LayerGroup:
		return group{s}
	}
	if i := slices.IndexFunc(all, func(g Layer) bool { return g.Kind == LayerGroup && g.Name == l.Group }); i >= 0 {
		s.on = all[i].On
	}
	return logical{s}
}

func layerID(l Layer) string {
	return string(l.Kind) + "-" + flat(cmp.Or(l.Device, path.Join(l.Group, l.Name)))
}

// flat is a device's name as part of a step's.
func flat(device string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(device, "/dev/"), "/"), "/", "-")
}

func describeLayer(l Layer) string {
	switch l.Kind {
	case LayerLUKS:
		return "the encrypted device " + l.Device + " on " + strings.Join(l.On, ", ")
	case LayerRAID:
		return fmt.Sprintf("the RAID%s array %s of %s", l.Level, l.Device, strings.Join(l.On, ", "))
	case LayerGroup:
		return "the volume group " + l.Name + " on " + strings.Join(l.On, ", ")
	case LayerPool:
		return "the thin pool " + path.Join(l.Group, l.Name)
	case LayerBtrfs:
		return "btrfs on " + strings.Join(l.On, ", ")
	}
	return "the logical volume " + path.Join(l.Group, l.Name)
}

package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// snapshot makes a snapshot of a thin volume, which takes no room until one of the two is
// written to. What is mounted is frozen for it, by the kernel.
type snapshot struct {
	base
	disks
	asked config.Snapshot
	on    []string // the devices of its group
}

const preInstall = "pre-install" // of a Snapshot; the other is post-install

func (s snapshot) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	loadTargets(ctx, env, "dm-thin-pool")
	group, _, _ := strings.Cut(s.asked.Volume, "/")
	var names strings.Builder
	c := host.Command{Args: lvmArgs(s.on, "lvs", "--noheadings", "--options", "lv_name", group), Env: host.WithoutUdev(), Stdout: &names}
	if err := runIn(ctx, env, c); err != nil {
		return fmt.Errorf("list the volumes of %s: %w", group, err)
	}
	if slices.Contains(strings.Fields(names.String()), s.asked.Name) {
		if s.asked.When == preInstall {
			return nil // by an earlier try, before anything was written: there is no better one
		}
		if err := lvm(ctx, env, s.on, "lvremove", "--force", group+"/"+s.asked.Name); err != nil {
			return fmt.Errorf("remove the snapshot %s/%s of an earlier try: %w", group, s.asked.Name, err)
		}
	}
	// Without its type, LVM asks for the module of snapshots that aren't thin.
	if err := lvm(ctx, env, s.on, "lvcreate", "--type", "thin", "--snapshot", "--name", s.asked.Name, s.asked.Volume); err != nil {
		return fmt.Errorf("make the snapshot %s of %s: %w", s.asked.Name, s.asked.Volume, err)
	}
	return nil
}

// snapshots checks what is asked for against the volumes that are there and those that will be.
func (b *builder) snapshots() {
	for _, s := range b.Answers.Storage.Snapshots {
		if code, why := b.badSnapshot(s); why != "" {
			b.problems.Add(code, "snapshot "+s.Volume, "%s", why)
		}
	}
}

// badSnapshot says why s can't be made; empty when it can.
func (b *builder) badSnapshot(s config.Snapshot) (Code, string) {
	groupName, name, _ := strings.Cut(s.Volume, "/")
	group, ok := b.groupLayer(groupName)
	old := b.oldVolumes(group)
	find := func(name string) (machine.Stacked, bool) {
		i := slices.IndexFunc(old, func(v machine.Stacked) bool { return v.Name == name })
		if i < 0 {
			return machine.Stacked{}, false
		}
		return old[i], true
	}
	origin, there := find(name)
	thin := origin.Kind == "thin"
	taken, is := find(s.Name)
	made, clash := b.namesake(groupName, s.Name)
	switch {
	case !ok:
		return BadReference, "the volume group " + groupName + " is neither made nor named; volgroup " + groupName + " --useexisting names one that is there"
	case s.When == preInstall && !group.Existing:
		return BadReference, "the volume group " + groupName + " is made by this installation, and nothing of it is there before; use --when=post-install"
	case clash:
		return NameTaken, groupName + "/" + s.Name + " is the name of " + describeLayer(made)
	case s.When == preInstall && is && taken.Kind == "thin":
		b.plan.Warnings = append(b.plan.Warnings, "snapshot "+s.Volume+": "+groupName+"/"+s.Name+" is there already, as an earlier try leaves it, and stays as it is")
		return "", ""
	case is:
		return NameTaken, groupName + "/" + s.Name + " is there already; remove it (lvremove), or give the snapshot another name"
	}
	for _, l := range b.plan.Layers {
		if l.Group == groupName && l.Name == name && s.When != preInstall {
			there, thin = true, thin || l.Kind == LayerLV && l.Pool != ""
		}
	}
	switch {
	case !there:
		return BadReference, "there is no volume " + name + " in the volume group " + groupName
	case !thin:
		return NotSupported, "it is no thin volume, and a snapshot of another one has a size, which a kickstart can't give; write lvcreate --snapshot in %post --nochroot"
	}
	return "", ""
}

// namesake is the layer of a group that has a name, or whose cache has it: its step would
// remove the snapshot as an earlier try's.
func (b *builder) namesake(group, name string) (Layer, bool) {
	i := slices.IndexFunc(b.plan.Layers, func(l Layer) bool {
		return l.Group == group && (l.Name == name || l.CacheMiB > 0 && cacheName(l) == name)
	})
	if i < 0 {
		return Layer{}, false
	}
	return b.plan.Layers[i], true
}

func (b *builder) groupLayer(name string) (Layer, bool) {
	i := slices.IndexFunc(b.plan.Layers, func(l Layer) bool { return l.Kind == LayerGroup && l.Name == name })
	if i < 0 {
		return Layer{}, false
	}
	return b.plan.Layers[i], true
}

// oldVolumes are those of a group that stays.
func (b *builder) oldVolumes(group Layer) []machine.Stacked {
	for _, s := range b.Machine.Stacks {
		if group.Existing && s.Kind == "vg" && s.Name == group.Name && slices.ContainsFunc(s.Members, func(m string) bool { return slices.Contains(group.On, m) }) {
			return s.Volumes
		}
	}
	return nil
}

// snapshotSteps adds the snapshots of one time. Those of before the installation come as soon as
// their group can be read, when none of its volumes has been changed.
func (b *builder) snapshotSteps(when string) {
	var seenDisks disks
	for _, d := range b.plan.Disks {
		seenDisks = append(seenDisks, seen{d.Path, d.Seq})
	}
	for _, s := range b.Answers.Storage.Snapshots {
		if s.When != when {
			continue
		}
		groupName, _, _ := strings.Cut(s.Volume, "/")
		group, _ := b.groupLayer(groupName)
		step := snapshot{base{"snapshot-" + groupName + "-" + s.Name, "Make the snapshot " + groupName + "/" + s.Name + " of " + s.Volume, 2}, seenDisks, s, group.On}
		at := len(b.plan.Steps)
		if when == preInstall {
			at = 1 + slices.IndexFunc(b.plan.Steps, func(p Step) bool { return p.ID() == "layer-"+layerID(group) })
		}
		b.plan.Steps = slices.Insert(b.plan.Steps, at, Step(step))
	}
}

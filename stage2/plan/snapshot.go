package plan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	asked  config.Snapshot
	on     []string // the devices of its group
	system []Layer  // the group's volumes that get the new system, after a snapshot of before
	space  int64    // bytes that they will hold
}

const (
	preInstall  = "pre-install" // of a Snapshot
	postInstall = "post-install"

	tryTag  = "molt-try"          // of a snapshot of before, until the installation is done
	postTag = "molt-post-install" // of one of the new system, for good: the next installation makes it anew
)

func snapshotTag(when string) string {
	if when == preInstall {
		return tryTag
	}
	return postTag
}

// earlier reports whether v is the snapshot s of an earlier try, or as the last installation
// made it. Its origin can have been removed since.
func earlier(s config.Snapshot, v machine.Stacked) bool {
	_, origin, _ := strings.Cut(s.Volume, "/")
	return slices.Contains(v.Tags, snapshotTag(s.When)) && (v.Origin == origin || v.Origin == "" && s.When == postInstall)
}

func (s snapshot) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	loadTargets(ctx, env, "dm-thin-pool")
	group, origin, _ := strings.Cut(s.asked.Volume, "/")
	all, err := listVolumes(ctx, env, s.on, group)
	if err != nil {
		return err
	}
	if v, is := all[s.asked.Name]; is {
		switch {
		case !earlier(s.asked, v.stacked()):
			return fmt.Errorf("make the snapshot %s of %s: there is another volume %s/%s by now; remove it (lvremove), or give the snapshot another name", s.asked.Name, s.asked.Volume, group, s.asked.Name)
		case s.asked.When == preInstall:
			return nil // by an earlier try, before anything was written: there is no better one
		}
		if err := lvm(ctx, env, s.on, "lvremove", "--force", group+"/"+s.asked.Name); err != nil {
			return fmt.Errorf("remove the snapshot %s/%s of an earlier try: %w", group, s.asked.Name, err)
		}
	}
	if err := s.room(all, group, all[origin].Pool); err != nil {
		return err
	}
	// Without its type, LVM asks for the module of snapshots that aren't thin.
	if err := lvm(ctx, env, s.on, "lvcreate", "--type", "thin", "--snapshot", "--addtag", snapshotTag(s.asked.When), "--name", s.asked.Name, s.asked.Volume); err != nil {
		return fmt.Errorf("make the snapshot %s of %s: %w", s.asked.Name, s.asked.Volume, err)
	}
	return nil
}

// room refuses to keep all old blocks where the new system wouldn't find room beside them:
// a write to a full pool hangs. How full it is, only the running pool says.
func (s snapshot) room(all map[string]volume, group, pool string) error {
	if !slices.ContainsFunc(s.system, func(l Layer) bool { return pool != "" && cmp.Or(l.Pool, all[l.Name].Pool) == pool }) {
		return nil
	}
	used, err := strconv.ParseFloat(all[pool].Used, 64)
	size, err2 := strconv.ParseInt(all[pool].Size, 10, 64)
	if err := cmp.Or(err, err2); err != nil {
		return fmt.Errorf("make the snapshot %s of %s: how full the thin pool %s/%s is can't be found out: %w", s.asked.Name, s.asked.Volume, group, pool, err)
	}
	if free := int64(float64(size) * (100 - used) / 100); free < s.space {
		return fmt.Errorf("make the snapshot %s of %s: what it keeps stays in the thin pool %s/%s, which has %s free, and the new system needs up to %s there; make the pool larger (lvextend), remove old snapshots, or leave this one out",
			s.asked.Name, s.asked.Volume, group, pool, machine.Size(free), machine.Size(s.space))
	}
	return nil
}

// volume is a logical volume as lvs reports it: lvmreport(7).
type volume struct {
	Name   string `json:"lv_name"`
	Origin string `json:"origin"`
	Tags   string `json:"lv_tags"`
	Pool   string `json:"pool_lv"`
	Size   string `json:"lv_size"`      // bytes
	Used   string `json:"data_percent"` // of a pool
}

func (v volume) stacked() machine.Stacked {
	return machine.Stacked{Name: v.Name, Origin: v.Origin, Tags: strings.Split(v.Tags, ",")}
}

func listVolumes(ctx context.Context, env *Env, devices []string, group string) (map[string]volume, error) {
	var out bytes.Buffer
	c := host.Command{Env: host.WithoutUdev(), Stdout: &out, Args: host.LVM(devices, "lvs", "--reportformat", "json", "--units", "b", "--nosuffix",
		"--options", "lv_name,origin,lv_tags,pool_lv,lv_size,data_percent", group)}
	var report struct {
		Report []struct {
			Volumes []volume `json:"lv"`
		} `json:"report"`
	}
	err := runIn(ctx, env, c)
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &report)
	}
	if err != nil {
		return nil, fmt.Errorf("list the volumes of %s: %w", group, err)
	}
	all := map[string]volume{}
	for _, r := range report.Report {
		for _, v := range r.Volumes {
			all[v.Name] = v
		}
	}
	return all, nil
}

// untag ends the marks of an installation that isn't done yet: from now on its snapshots are
// as any other's.
type untag struct {
	base
	disks
	of map[string][]string // by a snapshot's "group/name": the devices of its group
}

func (s untag) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.of)) {
		group, bare, _ := strings.Cut(name, "/")
		all, err := listVolumes(ctx, env, s.of[name], group)
		if err != nil {
			return fmt.Errorf("mark the snapshot %s as done: %w", name, err)
		}
		if !slices.Contains(all[bare].stacked().Tags, tryTag) {
			continue // a script has taken it away, or its name
		}
		if err := lvm(ctx, env, s.of[name], "lvchange", "--deltag", tryTag, name); err != nil {
			return fmt.Errorf("mark the snapshot %s as done: %w", name, err)
		}
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
	case is && taken.Kind == "thin" && earlier(s, taken):
		what := "is there already, by an installation that didn't end, and stays as it is; if the old system has been used since, remove it first (lvremove)"
		if s.When == postInstall {
			what = "is there already, by an earlier installation, and is made anew"
		}
		b.plan.Warnings = append(b.plan.Warnings, "snapshot "+s.Volume+": "+groupName+"/"+s.Name+" "+what)
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
	seenDisks := b.seenDisks()
	for _, s := range b.Answers.Storage.Snapshots {
		if s.When != when {
			continue
		}
		groupName, _, _ := strings.Cut(s.Volume, "/")
		group, _ := b.groupLayer(groupName)
		step := snapshot{base{"snapshot-" + groupName + "-" + s.Name, "Make the snapshot " + groupName + "/" + s.Name + " of " + s.Volume, 2}, seenDisks, s, group.On, nil, 0}
		at := len(b.plan.Steps)
		if when == preInstall {
			step.system, step.space = b.systemIn(groupName), b.plan.Space.Total()
			at = 1 + slices.IndexFunc(b.plan.Steps, func(p Step) bool { return p.ID() == "layer-"+layerID(group) })
		}
		b.plan.Steps = slices.Insert(b.plan.Steps, at, Step(step))
	}
}

// untagStep adds what lets the next installation tell this one's snapshots from its own.
func (b *builder) untagStep() {
	step := untag{base{"snapshot-tags", "Mark the snapshots as done", 1}, b.seenDisks(), map[string][]string{}}
	for _, s := range b.Answers.Storage.Snapshots {
		if groupName, _, _ := strings.Cut(s.Volume, "/"); s.When == preInstall {
			group, _ := b.groupLayer(groupName)
			step.of[groupName+"/"+s.Name] = group.On
		}
	}
	if len(step.of) > 0 {
		b.add(step)
	}
}

func (b *builder) seenDisks() disks {
	var all disks
	for _, d := range b.plan.Disks {
		all = append(all, seen{d.Path, d.Seq})
	}
	return all
}

// systemIn are the volumes of a group that the system is installed on.
func (b *builder) systemIn(group string) []Layer {
	var all []Layer
	for _, v := range b.plan.volumes() {
		if !systemMount(v.Mount) {
			continue
		}
		layers, _ := b.plan.below(v.Device, b.plan.Layers)
		for _, l := range layers {
			if l.Kind == LayerLV && l.Group == group {
				all = append(all, l)
			}
		}
	}
	return all
}

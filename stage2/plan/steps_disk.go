package plan

import (
	"cmp"
	"slices"
	"strings"
)

// diskSteps are those up to the mounted target: what is in the way goes, then
// partitions, what is made of them, and file systems.
func (b *builder) diskSteps() {
	p := &b.plan
	var all disks
	for _, d := range p.Disks {
		all = append(all, seen{d.Path, d.Seq})
	}
	if len(p.Stop) > 0 {
		b.add(stop{base{"stop", "End what old systems made of these disks", 2}, all, p.Stop})
	}
	for _, d := range p.Disks {
		b.shrink(d.Parts)
		if s := partitionStep(d); s != nil {
			b.add(s)
		}
		b.expand(d.Parts)
	}
	for _, l := range p.Layers {
		var on []Volume // what is on a volume that changes its size
		for _, v := range p.volumes() {
			if v.Device == l.Device && l.Was != 0 {
				v.Was, v.Size = l.Was, l.Size
				on = append(on, v)
			}
		}
		b.shrink(on)
		b.add(layerStep(all, l, p.Layers))
		b.expand(on)
	}
	b.fileSystems()
	b.add(newMountTarget(p.volumes()))
}

// shrink makes room before a device becomes smaller.
func (b *builder) shrink(volumes []Volume) {
	for _, v := range volumes {
		if v.NoFormat && v.Was > v.Size {
			v.Device = cmp.Or(v.WasDevice, v.Device)
			b.add(resizeFS{base{"shrink-" + flat(v.Device), "Make " + v.FSType + " on " + v.Device + " smaller", 10}, b.diskOf(v), v, v.Size})
		}
	}
}

// expand takes up the room when a device has become larger.
func (b *builder) expand(volumes []Volume) {
	for _, v := range volumes {
		if v.NoFormat && v.Was != 0 && v.Was < v.Size {
			b.add(resizeFS{base{"grow-" + flat(v.Device), "Make " + v.FSType + " on " + v.Device + " larger", 5}, b.diskOf(v), v, 0})
		}
	}
}

// fileSystems makes them, swap space first: it can be of use at once.
func (b *builder) fileSystems() {
	swapFirst := slices.Clone(b.plan.volumes())
	slices.SortStableFunc(swapFirst, func(x, y Volume) int { return cmp.Compare(swapRank(x), swapRank(y)) })
	inUse := b.swapsInUse()
	for _, v := range swapFirst {
		if formatted(v) && !b.isBtrfsLayer(v) {
			b.add(mkfs{base{"mkfs-" + volumeID(v), "Make " + v.FSType + " on " + v.Device + purpose(v), 2}, b.diskOf(v), v})
		}
		if slices.Contains(inUse, v.Device) {
			b.add(swapOn{base{"swapon-" + flat(v.Device), "Use " + v.Device + " as memory", 1}, v.Device})
		}
	}
	for _, v := range b.plan.volumes() {
		if names := b.subvolumesOf(v.Device); len(names) > 0 && names[0] == v.Subvolume {
			b.add(subvolumes{base{"subvolumes-" + flat(v.Device), "Make subvolumes of " + v.Device, 1}, v.Device, names})
		}
	}
}

// formatted reports whether a file system is made on v.
func formatted(v Volume) bool {
	return v.Used() && !v.NoFormat && v.FSType != "" && v.Mount != "biosboot" && v.Subvolume == ""
}

// isBtrfsLayer reports whether v is a btrfs that is made as a layer.
func (b *builder) isBtrfsLayer(v Volume) bool {
	return slices.ContainsFunc(b.plan.Layers, func(l Layer) bool { return l.Kind == LayerBtrfs && l.Device == v.Device })
}

// subvolumesOf are the subvolumes to make in the btrfs on a device, in their order.
func (b *builder) subvolumesOf(device string) []string {
	var names []string
	for _, v := range b.plan.volumes() {
		if v.Device == device && v.Subvolume != "" && !v.Existing && !slices.Contains(names, v.Subvolume) {
			names = append(names, v.Subvolume)
		}
	}
	return names
}

// volumeID is v's part of a step's name: the mount point, or the device where there can be several.
func volumeID(v Volume) string {
	switch {
	case v.Mount == "swap":
		return "swap-" + flat(v.Device)
	case !strings.HasPrefix(v.Mount, "/"):
		return flat(v.Device)
	}
	return v.Mount
}

// diskOf is the disk v is on. What is on layers is on no one disk.
func (b *builder) diskOf(v Volume) seen {
	for _, d := range b.plan.Disks {
		for _, p := range d.Parts {
			if p.Device == v.Device {
				return seen{d.Path, d.Seq}
			}
		}
	}
	return seen{}
}

func swapRank(v Volume) int {
	if v.FSType == "swap" {
		return 0
	}
	return 1
}

func purpose(v Volume) string {
	if !strings.HasPrefix(v.Mount, "/") {
		return ""
	}
	return " for " + v.Mount
}

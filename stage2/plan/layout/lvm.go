package layout

import (
	"cmp"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// group is a volume group in the making; sizes in extents.
type group struct {
	config.VolumeGroup
	unit  int64 // bytes of an extent
	total int64 // extents for volumes, without what is reserved
	pvs   map[string]int64
	old   machine.Stack
	lvs   []*logical
}

// logical is a volume of a group; sizes in extents.
type logical struct {
	config.Logical
	old   *machine.Stacked // that it is, when it is there already
	got   int64
	extra int64 // beside it: a pool's metadata and their spare, a cache
	meta  int64 // bytes of a pool's metadata
	chunk int64 // bytes of a pool's chunk
}

// groups builds the volume groups, and in each its volumes.
func (m *maker) groups() {
	for _, g := range m.s.Groups {
		vg := &group{VolumeGroup: g, unit: cmp.Or(g.ExtentKiB, 4096) * 1024, pvs: map[string]int64{}}
		l := Layer{Kind: Group, Name: g.Name}
		if !m.physical(vg, &l) {
			continue
		}
		l.ExtentKiB = vg.unit / 1024
		m.Layers = append(m.Layers, l)
		m.logicals(vg)
		m.share(vg)
		m.thin(vg)
		m.addLogicals(vg)
	}
}

// physical fills in what the group is on; false when that isn't known.
func (m *maker) physical(vg *group, l *Layer) bool {
	if vg.Existing {
		old, ok := m.oldStack("vg", vg.Name)
		vg.unit = cmp.Or(old.Extent, vg.unit)
		vg.old, vg.total = old, old.Free/vg.unit
		l.Existing, l.UUID, l.Size, l.On = true, old.UUID, old.Size, m.now(old.Members)
		for _, d := range l.On {
			vg.pvs[d] = vg.total
		}
		return ok
	}
	sizes, devices, ok := m.known(vg.Members)
	for i, size := range sizes {
		n := max(0, (size-m.lead(devices[i]))/vg.unit)
		vg.pvs[devices[i]] = n
		vg.total += n
	}
	if l.On, l.Size = devices, vg.total*vg.unit; ok && vg.total == 0 {
		m.Problems.Add(TooSmall, "volgroup "+vg.Name, "its members have no room for an extent of %s", machine.Size(vg.unit))
	}
	reserve := vg.ReservedMiB*mib/vg.unit + vg.total*int64(vg.ReservedPercent)/100
	if m.s.Auto != nil {
		reserve = min(reserve, 100*gib/vg.unit)
	}
	vg.total = max(0, vg.total-reserve)
	return ok
}

// lead is what LVM keeps for itself at the beginning of a device: a MiB, and on
// stripes so much that what follows begins with one (lvm.conf, data_alignment_detection).
func (m *maker) lead(device string) int64 {
	lead := int64(mib)
	for _, l := range m.below(device) {
		if l.Kind == RAID && l.Level != "1" && l.Level != "linear" {
			lead = max(lead, mib+up(int64(len(l.On)*cmp.Or(l.ChunkKiB, 512))*1024)*mib)
		}
	}
	return lead
}

// extents are MiB in extents, rounded up.
func (vg *group) extents(size int64) int64 { return (size*mib + vg.unit - 1) / vg.unit }

// logicals collects the volumes of a group with their least sizes.
func (m *maker) logicals(vg *group) {
	for _, l := range m.s.Logicals {
		if l.Group != vg.Name {
			continue
		}
		lv := &logical{Logical: l}
		size := max(l.SizeMiB, m.swapWanted(l.Recommended, l.Hibernation, vg.total*vg.unit))
		lv.got = max(1, vg.extents(size))
		if l.Existing || l.NoFormat {
			if !m.oldLogical(vg, lv) {
				continue
			}
		}
		if l.ThinPool {
			lv.measure(vg, lv.got)
		}
		if l.CacheMiB > 0 {
			m.cache(vg, lv)
		}
		vg.lvs = append(vg.lvs, lv)
	}
}

// oldLogical finds the volume that lv is; false when it isn't there.
func (m *maker) oldLogical(vg *group, lv *logical) bool {
	for i := range vg.old.Volumes {
		if vg.old.Volumes[i].Name == lv.Name {
			lv.old = &vg.old.Volumes[i]
			if pool := strings.HasSuffix(lv.old.Kind, "-pool"); pool != lv.ThinPool || pool && lv.Resize {
				m.Problems.Add(BadReference, "logvol "+lv.Name, "is %s in the group %s, and can't be used again as that", cmp.Or(lv.old.Kind, "a volume"), vg.Name)
				return false
			}
			if !lv.Resize {
				lv.got = lv.old.Size / vg.unit
			}
			lv.Grow, lv.Percent = false, 0
			return m.resizableLogical(vg, lv)
		}
	}
	m.Problems.Add(BadReference, lv.Mount, "there is no volume %s in the group %s to be used again", lv.Name, vg.Name)
	return false
}

func (m *maker) resizableLogical(vg *group, lv *logical) bool {
	d := machine.Device{Path: "/dev/" + vg.Name + "/" + lv.Name, Size: lv.old.Size, FSType: lv.old.FSType}
	return !lv.Resize || m.resizable(config.Partition{Mount: lv.Mount, Format: lv.Format}, d, lv.got*vg.unit)
}

// cache takes room for a cache on the devices that are named for it.
func (m *maker) cache(vg *group, lv *logical) {
	need := vg.extents(lv.CacheMiB) + vg.extents(max(8, lv.CacheMiB/1000))
	var room int64
	for _, name := range lv.CachePVs {
		n, known := vg.pvs[m.members[name].path]
		if !known {
			return // said by check
		}
		room += n
	}
	if len(lv.CachePVs) > 0 && room < need {
		m.Problems.Add(TooSmall, "logvol "+lv.Name, "its cache of %s doesn't fit on --cachepvs (%s)", machine.Size(lv.CacheMiB*mib), machine.Size(room*vg.unit))
		return
	}
	lv.extra += need
}

// measure works out the metadata of a thin pool of that many extents, as LVM does
// (lvmthin(7)): 64 bytes for each chunk, and chunks large enough that this stays under 128 MiB.
func (lv *logical) measure(vg *group, extents int64) {
	size := extents * vg.unit
	lv.chunk = int64(lv.ChunkKiB) * 1024
	if lv.chunk == 0 {
		for lv.chunk = 64 << 10; size/lv.chunk*64 > 128*mib; lv.chunk *= 2 {
		}
	}
	lv.meta = min(max(4*mib, size/lv.chunk*64), 15*gib)
	if lv.MetadataMiB > 0 {
		lv.meta = max(2, lv.MetadataMiB) * mib // LVM makes it no smaller
	}
	n := (lv.meta + vg.unit - 1) / vg.unit
	lv.meta, lv.extra = n*vg.unit, 2*n // LVM keeps as much again to repair it with
}

// need is what the volumes of a group take, without the thin ones and those that
// are there already.
func (vg *group) need() int64 {
	var sum int64
	for _, lv := range vg.lvs {
		switch {
		case lv.Pool != "":
		case lv.old != nil:
			sum += lv.got - lv.old.Size/vg.unit
		default:
			sum += lv.got + lv.extra
		}
	}
	return sum
}

// share gives the group's room to those that want a part of it or grow.
func (m *maker) share(vg *group) {
	free := vg.total - vg.need()
	for _, lv := range vg.lvs {
		if lv.Pool == "" && lv.Percent > 0 && free > 0 {
			lv.got = max(lv.got, free*int64(lv.Percent)/100)
		}
	}
	if free = vg.total - vg.need(); free < 0 {
		m.Problems.Add(TooSmall, "volgroup "+vg.Name, "has %s for volumes, and they need %s more", machine.Size(vg.total*vg.unit), machine.Size(-free*vg.unit))
		return
	}
	grow(free, vg.growers(""))
	for _, lv := range vg.lvs {
		if lv.ThinPool && (lv.Grow || lv.Percent > 0) {
			all := lv.got + lv.extra
			lv.measure(vg, lv.got)
			lv.got = min(lv.got, all-lv.extra)
		}
	}
}

// growers are the volumes that grow in a pool, or in the group itself.
func (vg *group) growers(pool string) []grower {
	var all []grower
	for _, lv := range vg.lvs {
		if lv.Grow && lv.Pool == pool {
			all = append(all, grower{lv.got, vg.extents(lv.MaxSizeMiB), &lv.got})
		}
	}
	return all
}

// thin shares the pools among their volumes, which may be promised more than there is.
func (m *maker) thin(vg *group) {
	for _, pool := range vg.lvs {
		if !pool.ThinPool {
			continue
		}
		var sum int64
		for _, lv := range vg.lvs {
			if lv.Pool == pool.Name {
				lv.got = max(lv.got, pool.got*int64(lv.Percent)/100)
				sum += lv.got
			}
		}
		grow(pool.got-sum, vg.growers(pool.Name))
		if sum > pool.got {
			m.warn("the thin volumes in %s/%s are promised %s, and there is %s: watch it, a full pool damages file systems",
				vg.Name, pool.Name, machine.Size(sum*vg.unit), machine.Size(pool.got*vg.unit))
		}
	}
}

// addLogicals adds the volumes to the layers, pools first.
func (m *maker) addLogicals(vg *group) {
	for _, lv := range vg.lvs {
		if lv.ThinPool {
			m.Layers = append(m.Layers, lv.layer(m, vg))
		}
	}
	for _, lv := range vg.lvs {
		if lv.ThinPool {
			continue
		}
		l := lv.layer(m, vg)
		m.Layers = append(m.Layers, l)
		v, fs := Volume{Device: l.Device, Size: l.Size, Was: l.Was}, fsType(lv.Mount, lv.FSType)
		if lv.old != nil {
			v.Existing, v.NoFormat, v.FSType, v.Label, v.UUID = true, true, lv.old.FSType, lv.old.Label, lv.old.UUID
			if lv.NoFormat {
				fs = m.seen(lv)
			}
		}
		m.upon(v, lv.Mount, fs, lv.Format)
	}
}

// seen is what is on a volume that is kept. Of a thin one it can't be seen while its
// group is off.
func (m *maker) seen(lv *logical) string {
	fs := cmp.Or(lv.old.FSType, lv.FSType)
	if fs == "" && strings.HasPrefix(lv.Mount, "/") {
		m.Problems.Add(BadReference, lv.Mount, "what is on the volume %s of %s can't be seen, or nothing is; say --fstype=, or leave --noformat out", lv.Name, lv.Group)
	}
	return fs
}

func (lv *logical) layer(m *maker, vg *group) Layer {
	l := Layer{Kind: LV, Name: lv.Name, Device: "/dev/" + vg.Name + "/" + lv.Name, Size: lv.got * vg.unit,
		Group: vg.Name, Pool: lv.Pool, CacheMiB: lv.CacheMiB, CacheMode: lv.CacheMode, Existing: lv.old != nil}
	for _, name := range lv.CachePVs {
		if d, ok := m.members[name]; ok {
			l.CachePVs = append(l.CachePVs, d.path)
		}
	}
	if lv.ThinPool {
		l.Kind, l.Device, l.ChunkKiB, l.MetadataMiB = Pool, "", int(lv.chunk/1024), lv.meta/mib
	}
	if lv.old != nil && lv.Resize && lv.old.Size != l.Size {
		l.Was = lv.old.Size
	}
	return l
}

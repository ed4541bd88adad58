package layout

import (
	"cmp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// arrays builds each array once all its members are known: one can be a member of
// another.
func (m *maker) arrays() {
	pending := m.s.Arrays
	for len(pending) > 0 {
		var later []config.Array
		for _, a := range pending {
			if !m.array(a) {
				later = append(later, a)
			}
		}
		if len(later) == len(pending) {
			return // why is said by check and place
		}
		pending = later
	}
}

// array builds a; false when a member isn't known.
func (m *maker) array(a config.Array) bool {
	l := Layer{Kind: RAID, Name: a.Name, Device: "/dev/md/" + a.Name, Level: a.Level, Spares: a.Spares, ChunkKiB: a.ChunkKiB}
	v := Volume{Device: l.Device}
	fs := fsType(a.Mount, a.FSType)
	if a.Existing || a.NoFormat {
		old, ok := m.oldStack("raid", a.Name)
		if !ok {
			return false
		}
		l.Existing, l.Level, l.UUID, l.Size = true, old.Level, old.UUID, old.Size
		l.On = m.now(old.Members)
		v.Existing, v.NoFormat, v.FSType, v.Label = true, true, old.FSType, old.Label
		if a.NoFormat && fs != biosboot {
			fs = old.FSType
		}
	} else {
		sizes, on, ok := m.known(a.Members)
		if !ok || len(sizes) <= a.Spares {
			return false
		}
		l.On, l.Metadata, l.UUID = on, "1.2", mdUUID(m.IDs())
		if a.Mount == "/boot/efi" {
			l.Metadata = "1.0" // at the end of the members, which look like a file system to the firmware
		}
		l.Size = arraySize(a.Level, l.Metadata, a.ChunkKiB, sizes[:len(sizes)-a.Spares])
		m.spares(a, l.Metadata, sizes)
		m.apart(l)
		if least := leastMembers(a.Level); l.Size <= 0 && least > 0 && len(sizes)-a.Spares >= least {
			m.Problems.Add(TooSmall, "raid "+a.Name, "its members are too small")
		}
	}
	v.Size = l.Size
	m.Layers = append(m.Layers, l)
	m.upon(v, a.Mount, fs, a.Format)
	return true
}

// spares refuses one that is smaller than the members whose place it is to take: mdadm would
// make the whole array as small.
func (m *maker) spares(a config.Array, metadata string, sizes []int64) {
	active := len(sizes) - a.Spares
	least := arraySize("1", metadata, 0, sizes[:active])
	for i := active; i < len(sizes); i++ {
		if arraySize("1", metadata, 0, sizes[i:i+1]) < least {
			m.Problems.Add(TooSmall, "raid "+a.Name, "its spare %s is %s, and can't take the place of a member of %s", a.Members[i], machine.Size(sizes[i]), machine.Size(slices.Min(sizes[:active])))
		}
	}
}

// apart warns of an array that one broken disk would take two members of.
func (m *maker) apart(l Layer) {
	seen := map[string]bool{}
	for _, dev := range l.On[:len(l.On)-l.Spares] {
		for _, d := range m.on(dev) {
			if seen[d] && l.Level != "0" && l.Level != "linear" {
				m.warn("two members of the array %s are on %s: when it breaks, both are lost", l.Name, d)
			}
			seen[d] = true
		}
	}
}

// upon says what is on a layer's device.
func (m *maker) upon(v Volume, mount, fstype string, f config.Format) {
	m.occupy(&v, mount, fstype, f)
	if v.Used() {
		m.Volumes = append(m.Volumes, v)
	}
}

// known are the sizes and devices of members; false when one isn't known.
func (m *maker) known(names []string) (sizes []int64, devices []string, ok bool) {
	for _, name := range names {
		d, there := m.members[name]
		if !there {
			return nil, nil, false
		}
		sizes, devices = append(sizes, d.size), append(devices, d.path)
	}
	return sizes, devices, len(names) > 0
}

// now are devices as they will be called: a logical partition gets another number
// when one before it goes.
func (m *maker) now(devices []string) []string {
	out := make([]string, len(devices))
	for i, dev := range devices {
		out[i] = dev
		l, ok := m.leaf(dev)
		d := (*disk)(nil)
		if ok && l.part != nil {
			d = m.find(l.disk.Path)
		}
		if d != nil {
			out[i] = cmp.Or(d.renamed[dev], dev)
		}
	}
	return out
}

// mdUUID is id as mdadm writes it.
func mdUUID(id string) string {
	s := strings.ReplaceAll(id, "-", "")
	return s[:8] + ":" + s[8:16] + ":" + s[16:24] + ":" + s[24:]
}

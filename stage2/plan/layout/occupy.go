package layout

import (
	"cmp"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/machine"
)

// occupy says what a partition or volume is for: it is encrypted, a member of
// something, or has a file system. What is on an encrypted one is a volume of its own.
func (m *maker) occupy(v *Volume, mount, fstype string, f config.Format) {
	if f.LUKS == nil {
		m.fill(v, mount, fstype, f)
		return
	}
	keep := f.NoFormat
	if !keep {
		v.UUID, v.Label = m.IDs(), ""
	}
	v.Mount, v.FSType, v.NoFormat = "", "crypto_LUKS", keep
	luks := *f.LUKS
	l := Layer{Kind: LUKS, Name: "luks-" + v.UUID, Device: "/dev/mapper/luks-" + v.UUID, On: []string{v.Device},
		Size: max(0, v.Size-luksHeader(f.LUKS)), UUID: v.UUID, Existing: keep, LUKS: &luks}
	if l.Size <= 0 {
		m.Problems.Add(TooSmall, mount, "%s is %s, and the header of encryption alone takes %s", v.Device, machine.Size(v.Size), machine.Size(luksHeader(f.LUKS)))
	}
	inner := Volume{Device: l.Device, Size: l.Size, Existing: keep}
	if keep {
		inner.FSType, inner.Label = m.inside(v.UUID, mount, f)
		fstype = inner.FSType
	}
	m.Layers = append(m.Layers, l)
	m.fill(&inner, mount, fstype, f)
	if memberKind(mount) == "" {
		m.Volumes = append(m.Volumes, inner)
	}
}

// inside is the file system in an encrypted device that stays. While it is closed only
// the answers can say it.
func (m *maker) inside(uuid, mount string, f config.Format) (fstype, label string) {
	fstype = f.FSType
	for _, s := range m.Machine.Stacks {
		if s.Kind == "luks" && strings.EqualFold(s.UUID, uuid) && s.FSType != "" {
			fstype, label = s.FSType, s.Label
		}
	}
	if fstype == "" && memberKind(mount) == "" {
		m.Problems.Add(BadEncryption, mount, "what is in the encrypted device isn't known while it is closed; say it with --fstype=…")
	}
	return fstype, label
}

// fill puts a file system on v, or makes it a member that can be built on.
func (m *maker) fill(v *Volume, mount, fstype string, f config.Format) {
	kind := memberKind(mount)
	if kind != "" {
		m.members[mount] = dev{v.Device, v.Size}
	}
	v.Existing = v.Existing || f.Existing || f.NoFormat
	v.NoFormat = f.NoFormat
	switch {
	case kind != "":
		v.Mount, v.FSType = "", memberType(kind)
		if !f.NoFormat {
			v.UUID, v.Label = "", ""
		}
		return
	case fstype == biosboot:
		v.Mount, v.FSType, v.UUID, v.Label = biosboot, "", "", ""
		return
	}
	v.Mount, v.Options = mount, f.FSOptions
	if f.NoFormat {
		v.FSType = cmp.Or(fstype, v.FSType)
		return
	}
	v.FSType, v.Label, v.MkfsOptions, v.UUID = fstype, f.Label, f.MkfsOptions, m.newUUID(fstype)
}

// newUUID is one for a file system of that type, as blkid shows it.
func (m *maker) newUUID(fstype string) string {
	id := m.IDs()
	if fstype == "vfat" {
		return strings.ToUpper(id[:4] + "-" + id[4:8])
	}
	return id
}

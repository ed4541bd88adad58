package devices

import (
	"fmt"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
)

// changeBtrfs changes where a btrfs or a subvolume is mounted.
func (e *Editor) changeBtrfs(r Row, spec Spec) error {
	if !spec.Keep && r.Fate != Made {
		return fmt.Errorf("%s can't be made anew by itself; delete it with what it is on, and make another one", r.Device)
	}
	s := e.edit()
	i := e.btrfsAt(r)
	if r.Fate == Made {
		s.Btrfs[i].Mount = noneIfEmpty(spec.Mount)
		return e.step(s)
	}
	parent := "UUID=" + r.stack.UUID
	v := config.Btrfs{Mount: noneIfEmpty(spec.Mount), Existing: true, NoFormat: true}
	if r.Kind == Subvolume {
		v.Subvolume, v.Parent = r.stacked.Name, parent
	} else {
		v.Members = []string{parent}
	}
	s.Btrfs = put(s.Btrfs, i, v, spec.Mount == "")
	if spec.Mount != "" {
		e.oldBtrfsFor(&s, parent)
	}
	dropUnused(&s, parent)
	return e.step(s)
}

// dropUnused takes out the line of a btrfs that is there, when nothing is asked of it any more.
func dropUnused(s *config.Storage, parent string) {
	if slices.ContainsFunc(s.Btrfs, func(v config.Btrfs) bool { return v.Parent == parent }) {
		return
	}
	s.Btrfs = slices.DeleteFunc(s.Btrfs, func(v config.Btrfs) bool {
		return v.Existing && v.Mount == "none" && slices.Contains(v.Members, parent)
	})
}

// btrfsAt is the request for a row; -1 when there is none.
func (e *Editor) btrfsAt(r Row) int {
	if r.Fate == Made {
		return r.request - 1
	}
	return slices.IndexFunc(e.now.Btrfs, func(v config.Btrfs) bool {
		if r.Kind == Btrfs {
			return slices.Contains(v.Members, "UUID="+r.stack.UUID)
		}
		return v.Subvolume == r.stacked.Name && v.Parent == "UUID="+r.stack.UUID
	})
}

// deleteNew takes away what was to be made of others, which stay.
func (e *Editor) deleteNew(r Row) error {
	s := e.edit()
	switch r.Kind {
	case Array:
		i := e.arrayNamed(r)
		if user := userOf(s, s.Arrays[i].Mount); user != "" {
			return fmt.Errorf("it is a part of %s; delete that first", user)
		}
		s.Arrays = slices.Delete(s.Arrays, i, i+1)
	case Group:
		s.Groups = slices.DeleteFunc(s.Groups, func(g config.VolumeGroup) bool { return g.Name == r.Device && !g.Existing })
		s.Logicals = slices.DeleteFunc(s.Logicals, func(l config.Logical) bool { return l.Group == r.Device })
	case Volume, Pool:
		i := e.volumeNamed(r)
		l := s.Logicals[i]
		s.Logicals = slices.DeleteFunc(s.Logicals, func(o config.Logical) bool {
			return o.Group == l.Group && (o.Name == l.Name || l.ThinPool && o.Pool == l.Name)
		})
		if slices.ContainsFunc(s.Groups, func(g config.VolumeGroup) bool { return g.Name == l.Group && g.Existing }) {
			e.oldGroupFor(&s, l.Group)
		}
	case Btrfs:
		s.Btrfs = slices.DeleteFunc(s.Btrfs, func(v config.Btrfs) bool {
			return v.Parent == "LABEL="+r.Device || v.Parent == "" && !v.Existing && v.Label == r.Device
		})
	default:
		i := e.btrfsAt(r)
		parent := s.Btrfs[i].Parent
		s.Btrfs = slices.Delete(s.Btrfs, i, i+1)
		dropUnused(&s, parent)
	}
	return e.step(s)
}

package stage1

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
)

// place is where disc 1 can be in the machine itself.
type place struct {
	device string
	fstype string // of the volume; empty for an optical drive
	path   string // of an ISO file, a tree or an image on the volume; "/" or empty for its root
}

func (p place) String() string {
	s := p.device
	if p.fstype != "" {
		s += " (" + p.fstype + ")"
	}
	if p.path != "" && p.path != "/" {
		s += " " + p.path
	}
	return strings.TrimSpace(s)
}

// url is p as inst.stage2= would say it.
func (p place) url() string {
	switch {
	case p.device == "":
		return "file:" + p.path
	case isDrive(p.device):
		return "cdrom:" + p.device
	case p.path == "":
		return "hd:" + p.device + ":/"
	}
	return "hd:" + p.device + ":" + p.path
}

func isDrive(device string) bool { return strings.HasPrefix(path.Base(device), "sr") }

// takePlace takes what is needed from the first drive, volume or directory that
// src means and that has it.
func (s *session) takePlace(ctx context.Context, src media.Source, n need, f *Failure) bool {
	places, err := s.places(src)
	if err != nil {
		f.add("list of drives and disks", err)
	}
	if len(places) == 0 && src.Scheme != "" {
		f.add("the whole machine", fmt.Errorf("no drive and no disk that could be %s", src))
	}
	for _, p := range places {
		err := s.open(ctx, p, n)
		if err == nil {
			return true
		}
		var bad *imageError
		if errors.As(err, &bad) {
			f.waits, f.What = false, fmt.Sprintf("Disc 1 of %s can't be used.", s.build.Set.Name())
			f.Hint = "Clean the disc, use another copy or another drive, and try again."
		}
		f.add(p.String(), err)
		s.note("%s: %v", p, err)
	}
	return false
}

// places are the places src means, or with none all: drives first, then
// volumes that look like a disc of the set.
func (s *session) places(src media.Source) ([]place, error) {
	var list []place
	var errs []error
	if src.Scheme == "" || src.Scheme == "cdrom" {
		found, err := s.Drives()
		errs = append(errs, err)
		for _, d := range found {
			if src.Match(media.Volume{Path: d}) {
				list = append(list, place{device: d})
			}
		}
	}
	if src.Scheme == "" || src.Scheme == "hd" {
		found, err := s.Volumes()
		errs = append(errs, err)
		for _, v := range found {
			if !isDrive(v.Path) && (src.Scheme == "hd" && src.Match(v) || src.Scheme == "" && s.looksRight(v)) {
				list = append(list, place{device: v.Path, fstype: v.FSType, path: src.Path})
			}
		}
	}
	if src.Scheme == "file" {
		list = append(list, place{path: src.Path})
	}
	return list, errors.Join(errs...)
}

// looksRight reports whether v is worth mounting when nobody named it.
func (s *session) looksRight(v media.Volume) bool {
	return v.FSType == "iso9660" || v.FSType != "" && v.Label == s.build.Set.Label(1)
}

// open mounts what is at p, if it has what is needed. On an error nothing of it
// is left mounted.
func (s *session) open(ctx context.Context, p place, n need) error {
	if p.isDisc() {
		if err := s.identify(ctx, p); err != nil {
			return err
		}
	}
	at, loops := s.site(n), len(s.current.loops)
	m, err := s.mountMedium(ctx, p, at)
	if err == nil {
		err = s.use(ctx, at.mount, m, n)
	}
	if err != nil {
		return errors.Join(err, s.closeSite(ctx, at, loops))
	}
	s.say("Disc 1 of %s is in %s", s.build.Set.Name(), p)
	return nil
}

// site is where a place is mounted: itself, and the volume that it is a file on.
type site struct{ mount, holder string }

func (s *session) site(n need) site {
	if n.packages {
		return site{s.dirs.medium, s.dirs.holder}
	}
	return site{s.dirs.imageMedium, s.dirs.imageHolder}
}

// use checks what was mounted, or the image that stands for it, and takes it.
func (s *session) use(ctx context.Context, root string, m handoff.Medium, n need) error {
	image := m.Images
	if m.Mount != "" {
		info, err := media.ReadDiscInfo(root)
		if err != nil {
			return err
		}
		if err := s.mustBeDisc1(media.Disc{State: media.Known, Info: info}); err != nil {
			return err
		}
		m.Whole = s.isWhole(info)
		image = filepath.Join(root, s.build.Stage2.Path)
	}
	if n.image {
		if err := s.checkImage(ctx, image); err != nil {
			return err
		}
		s.current.image = image
	}
	if n.packages && m.Mount != "" {
		s.current.medium = m
	}
	return nil
}

// isWhole reports whether what has this .discinfo holds the files of all discs.
func (s *session) isWhole(info media.DiscInfo) bool {
	for n := 1; n <= s.build.Set.Discs; n++ {
		if !(media.Disc{State: media.Known, Info: info}).Is(s.build.Set, n) {
			return false
		}
	}
	return true
}

// isDisc reports whether p is an ISO 9660 file system itself, which can be
// looked at without mounting it.
func (p place) isDisc() bool {
	return p.device != "" && (p.path == "" || p.path == "/") && (p.fstype == "" || p.fstype == "iso9660")
}

// identify looks at the disc without mounting it.
func (s *session) identify(ctx context.Context, p place) error {
	d, err := s.Look(ctx, p.device)
	if err != nil {
		return err
	}
	return s.mustBeDisc1(d)
}

// mustBeDisc1 says what d is instead, and of which build.
func (s *session) mustBeDisc1(d media.Disc) error {
	set := s.build.Set
	if d.Is(set, 1) {
		return nil
	}
	what := d.Explain(set, 1)
	if d.State == media.Known && d.Info.ID != set.ID {
		what += fmt.Sprintf(" (it is of build %s, this boot medium is of build %s)", d.Info.ID, set.ID)
	}
	return errors.New(what)
}

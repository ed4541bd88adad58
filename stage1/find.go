package stage1

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
)

// How long devices are waited for after the last one came. A person is asked
// sooner, because the search goes on by itself when a disc comes; a machine
// that installs itself gets time for slow busses.
const (
	patience           = 10 * time.Second
	patienceUnattended = 60 * time.Second
)

// place is where disc 1 can be.
type place struct {
	device string
	fstype string // of the volume; empty for an optical drive
	path   string // of an ISO file or a tree on the volume; "/" or empty for its root
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

// find mounts disc 1 and checks its image, waiting for devices to come.
func (s *session) find(ctx context.Context) error {
	src, err := s.source()
	if err != nil {
		return &Failure{What: "The source of stage 2 can't be used.", Tried: []Attempt{{media.Redact(s.opts.Stage2 + s.opts.Repo), err.Error()}},
			Hint: "Edit the boot options, or leave inst.stage2= and inst.repo= out to search all drives."}
	}
	wait := patience
	if s.opts.Unattended() {
		wait = patienceUnattended
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		s.note("looking for disc 1")
		failure := s.search(ctx, src)
		if failure == nil || !failure.waits {
			return asError(failure)
		}
		if again, err := s.awaitDevice(ctx, timer, wait); !again {
			return errors.Join(failure, err)
		}
	}
}

// asError keeps a nil *Failure from becoming an error that isn't nil.
func asError(f *Failure) error {
	if f == nil {
		return nil
	}
	return f
}

// awaitDevice returns true when it is worth looking again.
func (s *session) awaitDevice(ctx context.Context, timer *time.Timer, wait time.Duration) (bool, error) {
	for {
		select {
		case <-s.devices.came:
			timer.Reset(wait)
		case <-s.devices.arrived:
			return true, nil
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// source is where the boot options say that disc 1 is; the zero Source is anywhere.
func (s *session) source() (media.Source, error) {
	for _, opt := range []string{s.opts.Stage2, s.opts.Repo} {
		if opt != "" {
			return localSource(opt)
		}
	}
	return media.Source{}, nil
}

// localSource is media.ParseSource, for sources that need no network.
func localSource(opt string) (media.Source, error) {
	src, err := media.ParseSource(opt)
	if err == nil && src.Remote() {
		return media.Source{}, &media.URLError{URL: src.Redacted(), Err: media.ErrUnsupported}
	}
	return src, err
}

// search tries every place there is, once.
func (s *session) search(ctx context.Context, src media.Source) *Failure {
	set := s.build.Set
	f := &Failure{
		What: fmt.Sprintf("Disc 1 of %s was not found.", set.Name()),
		Hint: "Put it in; the search then goes on by itself.", waits: true,
	}
	places, err := s.places(src)
	if err != nil {
		f.Tried = append(f.Tried, Attempt{"list of drives and disks", err.Error()})
	}
	for _, p := range places {
		err := s.open(ctx, p)
		if err == nil {
			return nil
		}
		var bad *imageError
		if errors.As(err, &bad) {
			f.waits, f.What = false, fmt.Sprintf("Disc 1 of %s can't be used.", set.Name())
			f.Hint = "Clean the disc, use another copy or another drive, and try again."
		}
		f.Tried = append(f.Tried, Attempt{p.String(), err.Error()})
		s.note("%s: %v", p, err)
	}
	if len(f.Tried) == 0 {
		f.Tried = append(f.Tried, Attempt{"the whole machine", "no drive and no disk that could be " + wanted(src)})
	}
	return f
}

func wanted(src media.Source) string {
	if src.Scheme == "" {
		return "disc 1"
	}
	return src.String()
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

func isDrive(device string) bool { return strings.HasPrefix(path.Base(device), "sr") }

// looksRight reports whether v is worth mounting when nobody named it.
func (s *session) looksRight(v media.Volume) bool {
	return v.FSType == "iso9660" || v.FSType != "" && v.Label == s.build.Set.Label(1)
}

// open mounts what is at p, if it is disc 1, and checks the image. On an error
// nothing of it is left mounted.
func (s *session) open(ctx context.Context, p place) error {
	if p.isDisc() {
		if err := s.identify(ctx, p); err != nil {
			return err
		}
	}
	err := s.mountMedium(ctx, p)
	if err == nil {
		err = s.checkMedium(ctx)
	}
	if err != nil {
		return errors.Join(err, s.closeMedium(ctx))
	}
	s.current.medium = handoff.Medium{URL: urlOf(p), Device: p.device, Mount: s.dirs.medium, Disc: 1}
	s.say("Disc 1 of %s is in %s", s.build.Set.Name(), p)
	return nil
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

// urlOf is p as inst.stage2= would say it.
func urlOf(p place) string {
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

package stage1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
)

const (
	kickstartName  = "ks.cfg"
	kickstartLabel = "OEMDRV" // Anaconda's name for a volume that has one
	maxKickstart   = 16 << 20 // bytes; a larger file is no kickstart
)

// fetchKickstart puts the kickstart where stage 2 reads it: the one of
// inst.ks=, or else ks.cfg of a volume labelled OEMDRV. nil means there is none.
// One that was named and can't be had is a Failure.
func (s *session) fetchKickstart(ctx context.Context) (*handoff.Kickstart, error) {
	if err := os.Remove(s.dirs.ks); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if s.opts.Kickstart == "" {
		return s.oemKickstart(ctx)
	}
	f := &Failure{What: fmt.Sprintf("The kickstart %s can't be had.", media.Redact(s.opts.Kickstart)),
		Hint: "Edit inst.ks= in the boot options, or put in the volume with the file, and try again."}
	src, err := localSource(s.opts.Kickstart)
	if err != nil {
		f.Tried = []Attempt{{media.Redact(s.opts.Kickstart), err.Error()}}
		return nil, f
	}
	if src.Path == "" || src.Path == "/" {
		src.Path = "/" + kickstartName
	}
	origin, tried := s.copyFrom(ctx, src)
	if origin == "" {
		f.Tried = tried
		return nil, f
	}
	return s.gotKickstart(origin), nil
}

func (s *session) gotKickstart(origin string) *handoff.Kickstart {
	s.say("Kickstart: %s", origin)
	return &handoff.Kickstart{Origin: origin, Path: handoff.KickstartPath}
}

// oemKickstart takes the kickstart of a volume labelled OEMDRV, if there is one.
func (s *session) oemKickstart(ctx context.Context) (*handoff.Kickstart, error) {
	src := media.Source{Scheme: "hd", Device: "LABEL=" + kickstartLabel, Path: "/" + kickstartName}
	origin, tried := s.copyFrom(ctx, src)
	for _, a := range tried {
		s.note("%s: %s", a.Where, a.Why)
	}
	if origin == "" {
		return nil, nil
	}
	return s.gotKickstart(src.String()), nil
}

// copyFrom copies the file of src from the first place that has it.
func (s *session) copyFrom(ctx context.Context, src media.Source) (origin string, tried []Attempt) {
	if src.Scheme == "file" {
		err := copyKickstart(src.Path, s.dirs.ks)
		if err == nil {
			return src.String(), nil
		}
		return "", []Attempt{{src.String(), err.Error()}}
	}
	for _, v := range s.kickstartVolumes(src) {
		if ctx.Err() != nil {
			break
		}
		at := media.Source{Scheme: src.Scheme, Device: v.Path, Path: src.Path}
		err := s.copyFromVolume(v, src.Path)
		if err == nil {
			return at.String(), nil
		}
		tried = append(tried, Attempt{at.String(), err.Error()})
	}
	if len(tried) == 0 {
		tried = []Attempt{{src.String(), "there is no such drive or volume"}}
	}
	return "", tried
}

// kickstartVolumes are the volumes src means; a drive without a disc isn't one.
func (s *session) kickstartVolumes(src media.Source) []media.Volume {
	all, err := s.Volumes()
	if err != nil {
		s.note("%v", err)
	}
	var list []media.Volume
	for _, v := range all {
		if src.Match(v) && (src.Scheme != "cdrom" || isDrive(v.Path)) {
			list = append(list, v)
		}
	}
	return list
}

// copyFromVolume copies the file at name of v. Disc 1 is mounted already;
// everything else is mounted for the moment.
func (s *session) copyFromVolume(v media.Volume, name string) error {
	if v.Path == s.current.medium.Device {
		return copyKickstart(filepath.Join(s.dirs.medium, name), s.dirs.ks)
	}
	if v.FSType == "" {
		return errors.New("no file system that is known")
	}
	if err := s.mountOn(untouched(v.Path, s.dirs.scratch, v.FSType)); err != nil {
		return err
	}
	err := copyKickstart(filepath.Join(s.dirs.scratch, name), s.dirs.ks)
	return errors.Join(err, s.unmountBelow(s.dirs.scratch))
}

// copyKickstart copies a file that can hold passwords.
func copyKickstart(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKickstart+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Base(from), err)
	}
	if len(data) > maxKickstart {
		return fmt.Errorf("%s is larger than %d bytes and no kickstart", path.Base(from), maxKickstart)
	}
	return os.WriteFile(to, data, 0o600)
}

package stage1

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
)

const (
	kickstartName  = "ks.cfg"
	kickstartLabel = "OEMDRV" // Anaconda's name for a volume that has one
)

// fetchKickstart puts the kickstart where stage 2 reads it: the first of
// inst.ks= that can be had, or else ks.cfg of a volume labelled OEMDRV. nil means there
// is none. If one was named and none can be had, that is a Failure.
func (s *session) fetchKickstart(ctx context.Context) (*handoff.Kickstart, error) {
	if err := os.Remove(s.dirs.ks); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if len(s.opts.Kickstart) == 0 {
		return s.oemKickstart(ctx)
	}
	var ks *handoff.Kickstart
	var kept error
	err := s.persist(ctx, func() *Failure {
		f := &Failure{What: fmt.Sprintf("The kickstart %s can't be had.", redacted(s.opts.Kickstart)),
			Hint: "Edit inst.ks= in the boot options, or put in the volume with the file, and try again."}
		for _, option := range s.opts.Kickstart {
			if data, origin, ok := s.readNamed(ctx, option, kickstartName, f); ok {
				ks, kept = s.keepKickstart(data, origin)
				return nil
			}
		}
		return f
	})
	return ks, errors.Join(err, kept)
}

// lateKickstart takes a kickstart that nobody named, of a volume that came while disc 1
// was looked for. What it asks of stage 1 is too late; stage 2 refuses that.
func (s *session) lateKickstart(ctx context.Context) (err error) {
	if s.ks == nil && len(s.opts.Kickstart) == 0 {
		s.ks, err = s.oemKickstart(ctx)
	}
	return err
}

func (s *session) keepKickstart(data []byte, origin string) (*handoff.Kickstart, error) {
	if err := writePrivate(s.dirs.ks, data); err != nil {
		return nil, fmt.Errorf("keep the kickstart: %w", err)
	}
	s.say("Kickstart: %s", origin)
	return &handoff.Kickstart{Origin: origin, Path: handoff.KickstartPath}, nil
}

// oemKickstart takes the kickstart of a volume labelled OEMDRV, if there is one. Nobody
// named it, so it is waited for only while a disk that is there has yet to say what it is.
func (s *session) oemKickstart(ctx context.Context) (*handoff.Kickstart, error) {
	src := media.Source{Scheme: "hd", Device: "LABEL=" + kickstartLabel, Path: "/" + kickstartName}
	s.settle(ctx, src)
	var f Failure
	data, _, ok := s.readLocal(ctx, src, &f)
	for _, a := range f.Tried {
		s.note("%s: %s", a.Where, a.Why)
	}
	if !ok {
		return nil, nil
	}
	return s.keepKickstart(data, src.String())
}

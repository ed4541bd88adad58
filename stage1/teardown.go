package stage1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
)

// How long somebody who keeps something busy is waited for, and how long one
// try may take. Then he is ended.
const (
	holdersTime = 30 * time.Second
	tryTime     = time.Second
)

// tearDown frees everything that a try has set up, whatever it got to, in the
// one order in which it can be freed: stage 2's programs hold its root, the
// root holds the image, and the image can be on the target or on disc 1.
// A step that fails doesn't keep the others from being tried.
func (s *session) tearDown(ctx context.Context, r handoff.Result) error {
	steps := []struct {
		name string
		do   func(context.Context, handoff.Result) error
	}{
		{"end what is left of stage 2", s.clear},
		{"stop swapping", func(context.Context, handoff.Result) error { return s.SwapOff() }},
		{"write everything to the disks", func(context.Context, handoff.Result) error { s.Sync(); return nil }},
		{"take the target out of stage 2's root", s.moveTarget},
		{"unmount stage 2's root", s.unmountRoot},
		{"uncover the image", s.unprotect},
		{"detach the image", s.detach},
		{"remove the copy of the image", s.remove},
		{"unmount the target", s.unmountTarget},
		{"end what the target is on", s.closeLayers},
		{"unmount the disc", s.unmountMedium},
		{"open the trays", s.eject},
	}
	var errs []error
	for _, step := range steps {
		if err := step.do(ctx, r); err != nil {
			err = fmt.Errorf("%s: %w", step.name, err)
			s.say("Tearing down: %v", err)
			errs = append(errs, err)
		}
	}
	s.current = attempt{}
	return errors.Join(errs...)
}

func (s *session) clear(ctx context.Context, _ handoff.Result) error {
	left, err := s.Clear(ctx, s.dirs.root)
	if len(left) > 0 {
		s.note("ended what was left of stage 2: %s", strings.Join(left, ", "))
	}
	return err
}

// moveTarget moves every mount that stage 2 made, the target and other discs
// for the most part, out of its root to dirs.target. It can then be unmounted
// after the root, which must go first: its image can be a file on the target.
func (s *session) moveTarget(context.Context, handoff.Result) error {
	points, err := s.below(s.dirs.root)
	if err != nil {
		return err
	}
	slices.Reverse(points)
	var errs []error
	for _, from := range foreign(points, ownMounts(s.dirs)) {
		to := s.dirs.target + strings.TrimPrefix(from, s.dirs.root)
		err := os.MkdirAll(to, 0o755)
		if err == nil {
			err = s.Move(from, to)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("move the mount %s to %s: %w", from, to, err))
		}
	}
	return errors.Join(errs...)
}

// ownMounts are the mount points in stage 2's root that stage 1 made.
func ownMounts(d dirs) map[string]bool {
	own := map[string]bool{d.root: true}
	for _, m := range rootMounts(d) {
		own[m.target] = true
	}
	// With a merged /usr the kernel knows the place by this name.
	own[d.root+"/usr/lib/modules"] = true
	return own
}

// foreign are the points that are not own, without those below another such:
// they move with it.
func foreign(points []string, own map[string]bool) []string {
	var list []string
	for _, p := range points {
		below := slices.ContainsFunc(list, func(above string) bool { return strings.HasPrefix(p, above+"/") })
		if !own[p] && !below && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

func (s *session) unmountRoot(ctx context.Context, _ handoff.Result) error {
	return errors.Join(s.freeBelow(ctx, s.dirs.root), s.freeBelow(ctx, s.dirs.rw),
		s.freeBelow(ctx, s.dirs.updates), s.freeBelow(ctx, s.dirs.lower))
}

func (s *session) unprotect(ctx context.Context, _ handoff.Result) error {
	if s.current.mapped == "" {
		return nil
	}
	return s.free(ctx, s.current.mapped, func(context.Context) error { return s.Unprotect(s.current.mapped) })
}

// detach frees the image's file. The loop device of an ISO file that disc 1 is
// in, attached before, stays until the disc is unmounted.
func (s *session) detach(ctx context.Context, _ handoff.Result) error {
	if len(s.current.loops) == 0 {
		return nil
	}
	last := len(s.current.loops) - 1
	loop := s.current.loops[last]
	err := s.free(ctx, loop, func(ctx context.Context) error { return s.Detach(ctx, loop) })
	if err == nil {
		s.current.loops = s.current.loops[:last]
	}
	return err
}

// remove removes from the target what stage 2 ran from until now.
func (s *session) remove(_ context.Context, r handoff.Result) error {
	if r.Target == "" {
		return s.removeHidden()
	}
	root, err := os.OpenRoot(s.dirs.target + r.Target)
	if err != nil {
		return err
	}
	defer root.Close()
	var errs []error
	for _, p := range r.Remove {
		rel := strings.Trim(strings.TrimPrefix(filepath.Clean("/"+p), filepath.Clean(r.Target)+"/"), "/")
		if rel == "" || rel == "." {
			continue // the target itself is not for removal
		}
		if err := root.RemoveAll(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeHidden removes what a stage 2 that crashed could not tell of.
func (s *session) removeHidden() error {
	points, err := s.below(s.dirs.target)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range points {
		errs = append(errs, os.RemoveAll(filepath.Join(p, handoff.Hidden)))
	}
	return errors.Join(errs...)
}

func (s *session) unmountTarget(ctx context.Context, _ handoff.Result) error {
	return s.freeBelow(ctx, s.dirs.target)
}

func (s *session) unmountMedium(ctx context.Context, r handoff.Result) error {
	errs := []error{s.closeStream(), s.freeBelow(ctx, s.dirs.medium), s.freeBelow(ctx, s.dirs.imageMedium)}
	for range s.current.loops {
		errs = append(errs, s.detach(ctx, r))
	}
	for _, dir := range []string{s.dirs.holder, s.dirs.imageHolder, s.dirs.scratch} {
		errs = append(errs, s.freeBelow(ctx, dir))
	}
	return errors.Join(errs...)
}

// eject opens trays. One that stays shut makes no failure of an installation that
// is done and written.
func (s *session) eject(_ context.Context, r handoff.Result) error {
	for _, d := range r.Eject {
		if err := s.Eject(d); err != nil {
			s.say("%v: take the disc out by hand", err)
		}
	}
	return nil
}

// freeBelow unmounts what is mounted at or below dir, last first.
func (s *session) freeBelow(ctx context.Context, dir string) error {
	points, err := s.below(dir)
	if err != nil {
		return err
	}
	for _, p := range points {
		err := s.free(ctx, p, func(context.Context) error { return s.Unmount(p) })
		if err != nil {
			s.say("%s can't be unmounted, it is cut off: %v", p, err)
			if err := s.Force(p); err != nil {
				return fmt.Errorf("unmount %s: %w", p, err)
			}
		}
	}
	return nil
}

// free calls try until it succeeds. Who keeps it from that is named, and waited
// for, and when he doesn't leave, ended.
func (s *session) free(ctx context.Context, path string, try func(context.Context) error) error {
	until := time.Now().Add(holdersTime)
	named, killed := "", false
	for {
		once, cancel := context.WithTimeout(ctx, tryTime)
		err := try(once)
		if err == nil || !isBusy(err) || ctx.Err() != nil {
			cancel()
			return err
		}
		pids, names := s.holders(ctx, path)
		if names != named {
			named = names
			s.say("%s is in use by %s; waiting for that to end", path, names)
		}
		if time.Now().After(until) {
			if killed {
				cancel()
				return fmt.Errorf("in use by %s: %w", names, err)
			}
			s.say("Ending what keeps %s in use", path)
			s.Kill(pids)
			killed, until = true, time.Now().Add(2*tryTime)
		}
		s.Await(once, pids)
		cancel()
	}
}

// holders are who uses path, as processes and in words.
func (s *session) holders(ctx context.Context, path string) ([]int, string) {
	list, err := s.Holders(ctx, path)
	if err != nil {
		return nil, fmt.Sprintf("somebody unknown (%v)", err)
	}
	var pids []int
	var names []string
	for _, h := range list {
		if h.PID > 1 {
			pids = append(pids, h.PID)
		}
		names = append(names, h.String())
	}
	if len(names) == 0 {
		return nil, "the kernel"
	}
	return pids, strings.Join(names, ", ")
}

func isBusy(err error) bool {
	return errors.Is(err, unix.EBUSY) || errors.Is(err, context.DeadlineExceeded)
}

// end ends the machine. If it can't, a person has to.
func (s *session) end(ctx context.Context, a handoff.Action) {
	s.say("%s", map[handoff.Action]string{
		handoff.Reboot: "Rebooting.", handoff.Poweroff: "Switching off.", handoff.Halt: "Halted. The machine can be switched off now.",
	}[a])
	s.Sync()
	if err := s.End(a); err != nil {
		s.say("That failed: %v. Switch the machine off by hand.", err)
	}
	<-ctx.Done()
}

package plan

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// RelocateID is the step in which the installer sheds its disc.
const RelocateID = "relocate"

// relocate copies the installer's own image to the target and makes the loop
// device under the installer serve from the copy. From then on the disc is free.
type relocate struct {
	base
	image  media.File // as the initramfs vouches for it
	source string     // the file on the medium
	loop   string
	mounts []string // where the copy could go
}

func (s relocate) Run(ctx context.Context, env *Env) error {
	if copy := s.servedFromTarget(env); copy != "" {
		return s.confirm(ctx, env, copy)
	}
	return s.shed(ctx, env, "")
}

// confirm is for the step entered again after a switch that took although it
// failed: one that couldn't be taken back, or that was late. Nothing has proved yet
// that the installer lives on without its disc.
func (s relocate) confirm(ctx context.Context, env *Env, copy string) error {
	s.settle(env, copy)
	done, err := env.Host.Switch(ctx, s.loop, copy, s.stages(env))
	if err != nil {
		return fmt.Errorf("check what %s serves from %s: %w", s.loop, copy, err)
	}
	if done.SHA256 != s.image.SHA256 {
		return fmt.Errorf("%s serves from %s, which is damaged (SHA-256 %s, expected %s): end the installation and start it again",
			s.loop, copy, done.SHA256, s.image.SHA256)
	}
	env.Emit(event.Event{Type: event.Finish, Switch: switchInfo(s.loop, done, 0)})
	return nil
}

// Sabotage makes the switch itself fail, for inst.debug.fail=relocate: all is
// done as ever, but the loop device is then offered a file of another size.
func (s relocate) Sabotage(ctx context.Context, env *Env) error {
	return s.shed(ctx, env, ".broken")
}

func (s relocate) shed(ctx context.Context, env *Env, broken string) error {
	copy, err := s.place(env)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := s.copy(ctx, env, copy); err != nil {
		return errors.Join(err, s.forget(env, copy))
	}
	took := time.Since(started)
	if broken != "" {
		if err := env.Host.WriteFile(copy+broken, []byte("made to fail by inst.debug.fail\n"), 0o600); err != nil {
			return err
		}
		defer env.Host.Remove(copy + broken)
	}
	done, err := env.Host.Switch(ctx, s.loop, copy+broken, s.stages(env))
	if err != nil {
		return errors.Join(fmt.Errorf("switch %s to %s: %w", s.loop, copy+broken, err), s.forget(env, copy))
	}
	s.settle(env, copy)
	env.Emit(event.Event{Type: event.Finish, Switch: switchInfo(s.loop, done, took)})
	return nil
}

// advance tells how far the step is: the image passes by three times, to be
// copied, to be compared before the switch, and to be read back after it.
func (s relocate) advance(env *Env, pass, done int64, item string) {
	advance(env, min(pass, 2)*s.image.Size+done, 3*s.image.Size, "bytes", item)
}

// stages tells of the passes of the switch. Those without a total take no time.
func (s relocate) stages(env *Env) func(stage string, done, total int64) {
	var pass int64
	last := ""
	return func(stage string, done, total int64) {
		if total <= 0 {
			return
		}
		if stage != last {
			pass, last = pass+1, stage
		}
		s.advance(env, pass, done, stage)
	}
}

// place chooses the file system with the most free space.
func (s relocate) place(env *Env) (string, error) {
	var best string
	var most int64 = -1
	for _, m := range s.mounts {
		dir := path.Join(Target, m)
		free, err := env.Host.Free(dir)
		if err != nil {
			return "", fmt.Errorf("free space of %s: %w", dir, err)
		}
		if free > most {
			best, most = dir, free
		}
	}
	dir := path.Join(best, handoff.Hidden)
	if err := env.Host.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make %s: %w", dir, err)
	}
	copy := path.Join(dir, path.Base(media.ImagePath))
	if err := env.Host.Remove(copy); err != nil {
		return "", fmt.Errorf("remove the copy of an earlier try: %w", err)
	}
	if most < s.image.Size {
		return "", fmt.Errorf("%s has %s free, and the installer needs %s there: go back and choose a larger disk or less software: %w",
			best, machine.Size(most), machine.Size(s.image.Size), syscall.ENOSPC)
	}
	return copy, nil
}

// copy copies the image and compares it with what the initramfs knows.
func (s relocate) copy(ctx context.Context, env *Env, to string) error {
	got, err := env.Host.Copy(ctx, s.source, to, func(done int64) { s.advance(env, 0, done, to) })
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("no space left for the installer's copy %s (%s): go back and choose a larger disk or less software: %w", to, machine.Size(s.image.Size), err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("the disc or the target disk can't be read or written while copying %s: clean the disc and retry, or use another one: %w", s.source, err)
	case err != nil:
		return fmt.Errorf("copy %s to %s: %w", s.source, to, err)
	case got.Bytes != s.image.Size || got.SHA256 != s.image.SHA256:
		return fmt.Errorf("the copy %s is not the image this installer was built with (%d bytes, SHA-256 %s; expected %d, %s): the disc is damaged or has been changed: clean it and retry",
			to, got.Bytes, got.SHA256, s.image.Size, s.image.SHA256)
	}
	return nil
}

// settle remembers that the installer runs from the target, so that stage 1
// removes the copy when nothing runs from it any more.
func (s relocate) settle(env *Env, copy string) {
	dir := strings.TrimPrefix(path.Dir(copy), Target+"/")
	if !slices.Contains(env.Result.Remove, dir) {
		env.Result.Remove = append(env.Result.Remove, dir)
	}
}

// forget removes a copy that was of no use, unless the device serves from it.
func (s relocate) forget(env *Env, copy string) error {
	if s.servedFromTarget(env) != "" {
		s.settle(env, copy)
		return nil
	}
	return env.Host.Remove(copy)
}

// servedFromTarget is the copy the loop device serves from, or empty. The
// kernel shows the path as seen from the reader's root (fs/d_path.c).
func (s relocate) servedFromTarget(env *Env) string {
	data, err := env.Host.ReadFile("/sys/block/" + path.Base(s.loop) + "/loop/backing_file")
	name := strings.TrimSpace(string(data))
	if err != nil || !strings.HasPrefix(name, Target+"/") {
		return ""
	}
	return name
}

func switchInfo(loop string, d host.Switched, took time.Duration) *event.SwitchInfo {
	return &event.SwitchInfo{
		Device: loop, Old: d.Old, New: d.New, Bytes: d.Bytes, SHA256: d.SHA256,
		CopyMS: ms(took), SwitchMS: ms(d.Ioctl), VerifyMS: ms(d.Verify),
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

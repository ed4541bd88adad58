package plan

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
)

// Target is where the target is mounted in stage 2's root.
const Target = "/target"

// LogDir is where the installed system keeps what the installation did.
const LogDir = "/var/log/installer"

// base is a step's names and weight.
type base struct {
	id, title string
	weight    int
}

func (b base) ID() string    { return b.id }
func (b base) Title() string { return b.title }
func (b base) Weight() int   { return b.weight }

// seen is a disk as it was when the plan was made.
type seen struct {
	disk string
	seq  int64 // machine.Disk.Seq
}

// check refuses another disk that has the name by now: names are given anew when
// disks are unplugged and plugged in.
func (s seen) check(env *Env) error {
	if s.seq == 0 {
		return nil
	}
	name := strings.ReplaceAll(strings.TrimPrefix(s.disk, "/dev/"), "/", "!")
	data, err := env.Host.ReadFile("/sys/block/" + name + "/diskseq")
	if err != nil {
		return fmt.Errorf("%s is gone: %w", s.disk, err)
	}
	if got := strings.TrimSpace(string(data)); got != strconv.FormatInt(s.seq, 10) {
		return fmt.Errorf("%s is not the disk any more that it was when the plan was made: nothing has been written to this one; start the installation again", s.disk)
	}
	return nil
}

// mkfs makes a file system or swap space, with the UUID the plan gave it.
type mkfs struct {
	base
	seen
	volume Volume
}

func (s mkfs) Run(ctx context.Context, env *Env) error {
	if err := s.check(env); err != nil {
		return err
	}
	if s.volume.Existing { // and may still hold what another system takes for its own
		if err := clear(ctx, env, []string{s.volume.Device}); err != nil {
			return err
		}
	}
	if err := run(ctx, env, mkfsArgs(s.volume)...); err != nil {
		return fmt.Errorf("make %s on %s: %w", s.volume.FSType, s.volume.Device, err)
	}
	return nil
}

func mkfsArgs(v Volume) []string {
	label := func(flag string) []string {
		if v.Label == "" {
			return nil
		}
		return []string{flag, v.Label}
	}
	var args []string
	switch v.FSType {
	case "btrfs":
		args = append([]string{"mkfs.btrfs", "--force", "--quiet", "--uuid", v.UUID}, label("--label")...)
	case "ext2", "ext3":
		args = append([]string{"mkfs." + v.FSType, "-F", "-q", "-U", v.UUID}, label("-L")...)
	case "xfs":
		args = append([]string{"mkfs.xfs", "-f", "-q", "-m", "uuid=" + v.UUID}, label("-L")...)
	case "vfat":
		args = append([]string{"mkfs.vfat", "-F", "32", "-i", strings.ReplaceAll(v.UUID, "-", "")}, label("-n")...)
	case "swap":
		args = append([]string{"mkswap", "-f", "-U", v.UUID}, label("-L")...)
	default:
		args = append([]string{"mkfs.ext4", "-F", "-q", "-U", v.UUID}, label("-L")...)
	}
	return append(append(args, strings.Fields(v.MkfsOptions)...), v.Device)
}

// swapOn lends the target's swap space to the installation.
type swapOn struct {
	base
	device string
}

func (s swapOn) Run(ctx context.Context, env *Env) error { return run(ctx, env, "swapon", s.device) }

func (s swapOn) Undo(ctx context.Context, env *Env) error { return run(ctx, env, "swapoff", s.device) }

// mountTarget mounts the file systems, each below its parent.
type mountTarget struct {
	base
	volumes []Volume // sorted by mount point
}

func newMountTarget(volumes []Volume) mountTarget {
	var mounts []Volume
	for _, v := range volumes {
		if strings.HasPrefix(v.Mount, "/") {
			mounts = append(mounts, v)
		}
	}
	slices.SortFunc(mounts, func(x, y Volume) int { return strings.Compare(x.Mount, y.Mount) })
	return mountTarget{base{"mount", "Mount the new file systems", 1}, mounts}
}

func (s mountTarget) Run(_ context.Context, env *Env) error {
	for i, v := range s.volumes {
		m := host.Mount{Source: v.Device, Target: path.Join(Target, v.Mount), FSType: v.FSType, Options: mountOptions(v)}
		if err := env.Host.Mount(m); err != nil {
			return errors.Join(fmt.Errorf("mount %s on %s: %w", m.Source, m.Target, err), s.unmount(env, i))
		}
	}
	if err := env.Host.MkdirAll(Target+LogDir, 0o755); err != nil {
		return errors.Join(fmt.Errorf("make the log's directory: %w", err), s.unmount(env, len(s.volumes)))
	}
	env.Result.Target = Target
	return nil
}

// mountOptions are those without which other files would be seen, or files be written in
// another form: the rest is for the installed system.
func mountOptions(v Volume) string {
	var options []string
	if v.Subvolume != "" {
		options = append(options, "subvol="+v.Subvolume)
	}
	for _, o := range strings.Split(v.Options, ",") {
		if v.FSType == "btrfs" && (strings.HasPrefix(o, "compress") || o == "nodatacow" || o == "nodatasum") {
			options = append(options, o)
		}
	}
	return strings.Join(options, ",")
}

// Undo unmounts, unless the installer runs from there by now: then the
// target is stage 1's to free.
func (s mountTarget) Undo(_ context.Context, env *Env) error {
	if len(env.Result.Remove) > 0 || env.Result.Target == "" {
		return nil
	}
	if err := s.unmount(env, len(s.volumes)); err != nil {
		return err
	}
	env.Result.Target = ""
	return nil
}

// unmount unmounts the first n, the last first.
func (s mountTarget) unmount(env *Env, n int) error {
	var errs []error
	for _, v := range slices.Backward(s.volumes[:n]) {
		if err := env.Host.Unmount(path.Join(Target, v.Mount)); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", path.Join(Target, v.Mount), err))
		}
	}
	return errors.Join(errs...)
}

package rescue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/internal/mounts"
	"github.com/molt-installer/molt/stage2/host"
)

const (
	mountsFile = "/proc/self/mounts"
	efivars    = "/sys/firmware/efi/efivars"
)

// mountSystem mounts s and what belongs to it, and says what is where.
func (j *job) mountSystem(s System, volumes []Volume) {
	if len(j.mounted) > 0 {
		return // what was looked into is still there; it has been said
	}
	root := RootMount(s, j.ReadOnly)
	if !j.mount(root) {
		return
	}
	mounts, notes := Below(s, volumes, j.ReadOnly)
	done := []host.Mount{root}
	for _, m := range mounts {
		if j.mount(m) {
			done = append(done, m)
		}
	}
	for _, dir := range j.binds() {
		j.mount(host.Mount{Source: dir, Target: Root + dir, FSType: "bind"})
	}
	for _, n := range notes {
		j.say("%s", n)
	}
	how := "read-write"
	if j.ReadOnly {
		how = "read-only"
	}
	j.say("\n%s is mounted %s:", s, how)
	for _, m := range done {
		j.say("  %-24s %-32s %s", m.Source, m.Target, m.FSType)
	}
	j.say("To work in it: chroot %s", Root)
}

// binds are what its programs need besides its own files.
func (j *job) binds() []string {
	dirs := []string{"/dev", "/dev/pts", "/proc", "/sys", "/run"}
	if slices.Contains(j.before, efivars) {
		dirs = append(dirs, efivars)
	}
	return dirs
}

func (j *job) mount(m host.Mount) bool {
	if err := j.Tools.Mount(m); err != nil {
		j.say("%s can't be mounted on %s: %v", m.Source, m.Target, err)
		return false
	}
	j.mounted = append(j.mounted, m.Target)
	return true
}

// leave unmounts all that has been mounted since the start, the last first, and ends
// what has been started on the disks.
func (j *job) leave(ctx context.Context) {
	for _, target := range slices.Backward(append(j.mounted, j.others()...)) {
		err := j.Tools.Unmount(target)
		if err != nil && !errors.Is(err, syscall.EINVAL) { // the person has unmounted it
			j.say("%s can't be unmounted: %v", target, err)
		}
	}
	for _, d := range j.disks {
		if err := j.Tools.Release(ctx, d); err != nil {
			j.say("What runs on %s can't be ended: %v", d, err)
		}
	}
}

// others are the mount points of the person, in the order of mounting.
func (j *job) others() []string {
	known := map[string]int{}
	for _, target := range slices.Concat(j.before, j.mounted) {
		known[target]++
	}
	var others []string
	for _, target := range mountPoints(j.Tools) {
		if known[target]--; known[target] < 0 {
			others = append(others, target)
		}
	}
	return others
}

// mountPoints are those of now, in the order of mounting; none when the kernel doesn't tell.
func mountPoints(t Tools) []string {
	data, err := t.ReadFile(mountsFile)
	if err != nil {
		return nil
	}
	var points []string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 {
			points = append(points, mounts.Unescape(f[1]))
		}
	}
	return points
}

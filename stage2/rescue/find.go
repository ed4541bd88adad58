package rescue

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// start starts the arrays, then the groups, which can be on arrays, and looks again.
func (j *job) start(ctx context.Context, m machine.Machine) machine.Machine {
	if len(m.Stacks) == 0 {
		return m
	}
	for _, d := range m.Disks {
		if d.InUse == "" {
			j.disks = append(j.disks, d.Path)
		}
	}
	if stopped(m) > 0 {
		args := []string{"mdadm", "--assemble", "--scan", "--no-degraded"} // a disk that comes late would be out of it for good
		if j.ReadOnly {
			args = append(args, "--readonly")
		}
		j.tool(ctx, args...)
		m = j.again(ctx, m)
	}
	groups := 0
	for _, s := range m.Stacks {
		if s.Kind == "vg" {
			groups++
			j.tool(ctx, host.LVM(s.Members, "vgchange", "--activate", "y", s.Name)...)
		}
	}
	if groups > 0 {
		m = j.again(ctx, m)
	}
	for _, s := range m.Stacks {
		if s.Kind == "raid" && s.Device == "" {
			j.say("%s doesn't run. To start it without what is missing: mdadm --assemble --run /dev/md/%s %s", s.Describe(), s.Name, strings.Join(s.Members, " "))
		}
	}
	return m
}

// stopped counts the arrays that don't run.
func stopped(m machine.Machine) (n int) {
	for _, s := range m.Stacks {
		if s.Kind == "raid" && s.Device == "" {
			n++
		}
	}
	return n
}

func (j *job) again(ctx context.Context, old machine.Machine) machine.Machine {
	m, err := j.Probe(ctx)
	if err != nil {
		j.say("The disks can't be looked at again: %v", err)
		return old
	}
	return m
}

func (j *job) tool(ctx context.Context, args ...string) {
	err := j.Tools.Run(ctx, host.Command{Args: args, Env: host.WithoutUdev()})
	if err != nil {
		j.say("%v", err)
	}
}

// asleep are the swap spaces that hold a system that hibernates. It wakes up with what it
// knew of its file systems, and ruins those that have changed.
func (j *job) asleep(ctx context.Context) []string {
	var out bytes.Buffer // none is an error of blkid(8)
	_ = j.Tools.Run(ctx, host.Command{Args: []string{"blkid", "-c", "/dev/null", "-t", "TYPE=swsuspend", "-o", "device"}, Stdout: &out})
	return strings.Fields(out.String())
}

// identified adds the UUIDs of what is on arrays and encrypted devices, which no probe tells.
func (j *job) identified(ctx context.Context, volumes []Volume) []Volume {
	for i, v := range volumes {
		if v.UUID != "" {
			continue
		}
		var out bytes.Buffer
		err := j.Tools.Run(ctx, host.Command{Args: []string{"blkid", "-p", "-o", "value", "-s", "UUID", v.Path}, Stdout: &out})
		if err == nil {
			volumes[i].UUID = strings.TrimSpace(out.String())
		}
	}
	return volumes
}

// systems looks into every file system that can hold one.
func (j *job) systems(volumes []Volume) []System {
	var found []System
	for _, v := range volumes {
		if !slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"}, v.FSType) {
			continue
		}
		for _, sub := range append([]string{""}, v.Subvolumes...) {
			s, ok := j.look(System{Volume: v, Subvolume: sub})
			if ok {
				found = append(found, s)
			}
			if ok && sub == "" {
				break // the default is what the system starts from
			}
		}
	}
	return found
}

// look mounts s's root without a write and reads what the system says of itself.
func (j *job) look(s System) (System, bool) {
	m := RootMount(s, true)
	if err := j.Tools.Mount(m); err != nil {
		j.say("%s (%s) can't be looked into: %v", m.Source, m.FSType, err)
		return s, false
	}
	release := j.text("usr/lib/os-release")
	if release == "" {
		release = j.text("etc/os-release")
	}
	s.Fstab, s.Host, s.Name = j.text("etc/fstab"), strings.TrimSpace(j.text("etc/hostname")), prettyName(release)
	if err := j.Tools.Unmount(Root); err != nil {
		j.say("%s can't be unmounted: %v", Root, err)
		j.mounted = append(j.mounted, Root)
	}
	return s, release != "" || s.Fstab != ""
}

// text is a file of the system at Root; empty when there is none.
func (j *job) text(name string) string {
	data, err := j.Tools.ReadFile(path.Join(Root, name))
	if err != nil {
		return ""
	}
	return string(data)
}

func prettyName(release string) string {
	for line := range strings.Lines(release) {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"'`)
		}
	}
	return ""
}

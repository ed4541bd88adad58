package stage1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/logpack"
	"github.com/molt-installer/molt/media"
)

// saveLogs puts the logs of both stages on a removable disk that a person chooses. No
// installation writes to one of these (stage2/plan), so that none is its target.
func (s *session) saveLogs(ctx context.Context, _ string) handoff.Action {
	volumes, err := s.Volumes()
	if err != nil {
		s.say("The disks can't be looked at: %v", err)
		return ""
	}
	volumes = slices.DeleteFunc(volumes, func(v media.Volume) bool { return writable(v) == "" || !s.devices.removable(v.Path) })
	if len(volumes) == 0 {
		s.say("There is no removable disk with a file system that can be written to. Put a USB stick in, and choose this again.")
		return ""
	}
	var b strings.Builder
	b.WriteString("Save the logs on which one? They hold no passwords.\n")
	for i, v := range volumes {
		fmt.Fprintf(&b, "  %d  %s: %s %q, %d MiB\n", i+1, v.Path, v.FSType, v.Label, v.Size>>20)
	}
	line, _, err := s.con.Ask(ctx, b.String()+"Number (nothing: on none):\n> ")
	if err != nil || line == "" {
		return ""
	}
	n, err := strconv.Atoi(line)
	if err != nil || n < 1 || n > len(volumes) {
		s.say("%q is none of the numbers.", line)
		return ""
	}
	s.saveOn(volumes[n-1], time.Now())
	return ""
}

func (s *session) saveOn(v media.Volume, now time.Time) {
	err := s.writeLogs(v, now)
	if err != nil {
		s.say("The logs can't be saved on %s: %v", v.Path, err)
		return
	}
	s.say("%s is on %s, which can be taken out now.", logpack.Name(now), v.Path)
}

func (s *session) writeLogs(v media.Volume, now time.Time) error {
	files := append(logpack.Read("", filepath.Join(filepath.Dir(s.dirs.log), "*.log*")), logpack.Kernel())
	data, err := logpack.Pack(now, files)
	if err != nil {
		return err
	}
	if err := s.mountOn(mount{source: v.Path, target: s.dirs.scratch, fstype: writable(v)}); err != nil {
		return err
	}
	return errors.Join(writeWhole(filepath.Join(s.dirs.scratch, logpack.Name(now)), data), s.unmountBelow(s.dirs.scratch))
}

// writeWhole writes a file and waits until it is on the disk.
func writeWhole(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// writable is the kernel's name for the file system on v; empty when nothing is written to such.
func writable(v media.Volume) string {
	switch v.FSType {
	case "vfat", "exfat", "ext2", "ext3", "ext4", "xfs", "btrfs":
		return v.FSType
	case "ntfs":
		return "ntfs3"
	}
	return ""
}

// removable reports what the kernel says of a disk, or of the disk of a partition
// (Documentation/ABI/stable/sysfs-block).
func (d *devices) removable(device string) bool {
	dir, err := filepath.EvalSymlinks(filepath.Join(d.sys, "class/block", filepath.Base(device)))
	if err != nil {
		return false
	}
	for _, place := range []string{dir, filepath.Dir(dir)} {
		if data, err := os.ReadFile(filepath.Join(place, "removable")); err == nil {
			return strings.TrimSpace(string(data)) == "1"
		}
	}
	return false
}

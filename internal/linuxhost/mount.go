package linuxhost

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage2/host"
)

// mountFlags are the options that mount(2) takes as flags, by mount(8)'s names.
func mountFlags() map[string]uintptr {
	return map[string]uintptr{
		"defaults": 0, "rw": 0, "ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV,
		"noexec": unix.MS_NOEXEC, "sync": unix.MS_SYNCHRONOUS, "dirsync": unix.MS_DIRSYNC,
		"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
		"strictatime": unix.MS_STRICTATIME, "lazytime": unix.MS_LAZYTIME,
	}
}

// Mount implements host.Mounts.
func (h *Host) Mount(m host.Mount) error {
	if err := makeTarget(m); err != nil {
		return err
	}
	flags, data := parseOptions(m.Options)
	if m.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	if err := mount(m, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s (%s): %w", m.Source, m.Target, m.FSType, err)
	}
	return nil
}

func mount(m host.Mount, flags uintptr, data string) error {
	bind := uintptr(0)
	switch m.FSType {
	case "bind":
		bind = unix.MS_BIND
	case "rbind":
		bind = unix.MS_BIND | unix.MS_REC
	default:
		return unix.Mount(m.Source, m.Target, m.FSType, flags, data)
	}
	err := unix.Mount(m.Source, m.Target, "", bind, "")
	if err != nil || flags == 0 {
		return err
	}
	// A bind mount takes over the flags of what it shows; others need a second call.
	err = unix.Mount("", m.Target, "", unix.MS_BIND|unix.MS_REMOUNT|flags, data)
	if err != nil {
		return errors.Join(err, unix.Unmount(m.Target, 0))
	}
	return nil
}

// makeTarget makes a directory to mount on; for a bind mount of a file, a file.
func makeTarget(m host.Mount) error {
	if strings.HasSuffix(m.FSType, "bind") {
		info, err := os.Stat(m.Source)
		if err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.Source, m.Target, err)
		}
		if !info.IsDir() {
			f, err := os.OpenFile(m.Target, os.O_CREATE|os.O_RDONLY, 0o644)
			if err != nil {
				return err
			}
			return f.Close()
		}
	}
	return os.MkdirAll(m.Target, 0o755)
}

// parseOptions parts the flags of mount(2) from what the file system is told.
func parseOptions(options string) (flags uintptr, data string) {
	var rest []string
	known := mountFlags()
	for _, o := range strings.Split(options, ",") {
		if f, ok := known[o]; ok {
			flags |= f
		} else if o != "" {
			rest = append(rest, o)
		}
	}
	return flags, strings.Join(rest, ",")
}

// Unmount implements host.Mounts.
func (h *Host) Unmount(target string) error {
	err := unix.Unmount(target, 0)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EBUSY):
		return busy(target)
	}
	return fmt.Errorf("unmount %s: %w", target, err)
}

package stage1

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/bootargs"
	"github.com/molt-installer/molt/internal/network"
	"github.com/molt-installer/molt/media"
)

// earlyMounts are what every program expects, in order.
func earlyMounts() []mount {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return []mount{
		{source: "proc", target: "/proc", fstype: "proc", flags: safe},
		{source: "sysfs", target: "/sys", fstype: "sysfs", flags: safe},
		{source: "devtmpfs", target: "/dev", fstype: "devtmpfs", flags: unix.MS_NOSUID, data: "mode=0755"},
		{source: "devpts", target: "/dev/pts", fstype: "devpts", flags: unix.MS_NOSUID | unix.MS_NOEXEC, data: "ptmxmode=0666,mode=0620,gid=5"},
		{source: "tmpfs", target: "/dev/shm", fstype: "tmpfs", flags: unix.MS_NOSUID | unix.MS_NODEV, data: "mode=1777"},
		{source: "tmpfs", target: "/run", fstype: "tmpfs", flags: unix.MS_NOSUID | unix.MS_NODEV, data: "mode=0755"},
		{source: "efivarfs", target: "/sys/firmware/efi/efivars", fstype: "efivarfs", flags: safe, optional: true},
	}
}

// rootMounts are what stage 2 gets of stage 1's in its root.
func rootMounts(d dirs) []mount {
	var table []mount
	for _, dir := range []string{"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/run"} {
		table = append(table, mount{source: dir, target: d.root + dir, flags: unix.MS_BIND})
	}
	const efi = "/sys/firmware/efi/efivars"
	return append(table,
		mount{source: efi, target: d.root + efi, flags: unix.MS_BIND, optional: true},
		mount{source: d.modules, target: d.root + "/lib/modules", flags: unix.MS_BIND},
	)
}

// mountAll mounts a table. Targets are made, but for optional mounts: those go
// without when the place isn't there.
func mountAll(by mounter, table []mount) error {
	for _, m := range table {
		if m.optional {
			if _, err := os.Stat(m.target); err != nil {
				continue
			}
		} else if err := os.MkdirAll(m.target, 0o755); err != nil {
			return fmt.Errorf("make the mount point %s: %w", m.target, err)
		}
		err := by.Mount(m)
		if errors.Is(err, unix.EBUSY) && m.source == "devtmpfs" {
			continue // the kernel mounted it itself (CONFIG_DEVTMPFS_MOUNT)
		}
		if err != nil && !m.optional {
			return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
		}
	}
	return nil
}

// newSession opens the consoles and the log. Whatever goes wrong here is only
// told: the consoles may be all there is.
func newSession() *session {
	d := fixedDirs()
	con := openConsoles("/sys/class/tty/console/active")
	s := &session{con: con, dirs: d, log: openJournal(d.log, con)}
	s.devices = newDevices(s.log, moduleTree())
	discs, err := newKernelDrives()
	if err != nil {
		s.say("A disc that is put in later goes unnoticed: %v", err)
	}
	s.machine = machine{kernelMounter{s.devices.load}, kernelLoops{s.devices.load}, kernelMapper{s.devices.load}, kernelLayers{}, discs, newReaper(), kernelPower{}, new(network.Manager), kernelServers{}}
	s.fixed.Console = con.main()
	// Ctrl-Alt-Del comes as SIGINT, and not as a reset over dirty disks.
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGINT, unix.SIGTERM)
	s.ended = ended
	if line, err := os.ReadFile("/proc/cmdline"); err == nil {
		s.cmdline = strings.TrimSpace(string(line))
	}
	return s
}

// readBuild reads what the initramfs knows about its set.
func (s *session) readBuild() error {
	b, err := media.LoadBuild(media.BuildPath)
	if err != nil {
		return fmt.Errorf("%w (the initramfs is incomplete; make the boot medium anew)", err)
	}
	s.build = *b
	s.say("%s, set %s", b.Set.Name(), b.Set.ID)
	return nil
}

// setCommandLine takes line for the command line, and warns of what it can't use,
// once.
func (s *session) setCommandLine(line string) {
	opts, warnings := bootargs.Parse(line)
	s.cmdline, s.opts = line, opts
	for _, w := range warnings {
		text := media.Redact(w.Option) + ": " + media.Redact(w.Problem)
		if !slices.Contains(s.warned, text) {
			s.warned = append(s.warned, text)
			s.say("Boot option %s", text)
		}
	}
}

// quietKernel keeps the kernel's chatter off the consoles, which belong to the
// installer from now on; what is an error or worse still shows (proc(5), printk).
func quietKernel() {
	printk("4")
}

// printk has the kernel show on the console what is more urgent than level.
func printk(level string) { _ = os.WriteFile("/proc/sys/kernel/printk", []byte(level), 0) }

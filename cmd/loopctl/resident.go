package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockMemory keeps the process from being paged in from, or out to, what it serves.
// Memory stays once it has been used (MCL_ONFAULT: the Go runtime maps much more than it
// uses); the program itself is read now.
func lockMemory() error {
	err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
	if err == nil {
		err = lockProgram()
	}
	if err != nil {
		return fmt.Errorf("lock the program into memory: %w; it must not lie on what it serves, nor swap there", err)
	}
	return nil
}

// lockProgram locks everything that is mapped from files; proc_pid_maps(5).
func lockProgram() error {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		var from, to, inode uintptr
		var mode, offset, device string
		if _, err := fmt.Sscanf(line, "%x-%x %s %s %s %d", &from, &to, &mode, &offset, &device, &inode); err != nil {
			return fmt.Errorf("/proc/self/maps has %q: %w", line, err)
		}
		if inode == 0 {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MLOCK, from, to-from, 0); errno != 0 {
			return errno
		}
	}
	return nil
}

// notify tells systemd, if it wants to know (sd_notify(3)). A name that begins with "@" is
// an abstract one, which package net understands.
func notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	c, err := net.Dial("unixgram", name)
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

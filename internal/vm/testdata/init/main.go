// Command init is /init of the guest that package vm is tested with: it obeys
// lines from the serial line.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/vm/vmtest/guestinit"
)

// Of linux/cdrom.h.
const (
	cdromEject       = 0x5309
	cdromDriveStatus = 0x5326
	cdromLockDoor    = 0x5329
	discOK           = 4
)

func main() {
	tty := guestinit.Start("virtio_pci", "virtio_console", "virtio_blk", "ata_piix", "ahci", "virtio_scsi", "sr_mod", "cdrom", "atkbd", "i8042")
	fmt.Fprintf(tty, "\x1b[1mGUEST\x1b[0m READY\n")
	for in := bufio.NewScanner(tty); in.Scan(); {
		obey(tty, in.Text())
	}
}

func obey(tty *os.File, line string) {
	switch command, rest, _ := strings.Cut(line, " "); command {
	case "event":
		fmt.Fprintf(tty, "event: %v\n", send(rest))
	case "eject":
		fmt.Fprintf(tty, "eject: %v\n", eject("/dev/sr0"))
	case "await":
		fmt.Fprintf(tty, "disc: %q\n", await("/dev/sr0"))
	case "sum":
		data, err := os.ReadFile(rest)
		fmt.Fprintf(tty, "sum: %d %q %v\n", len(data), data[:min(8, len(data))], err)
	case "reboot":
		syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	case "die":
		os.Exit(1)
	case "poweroff":
		syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	default:
		fmt.Fprintf(tty, "what is %q?\n", line)
	}
}

func send(line string) error {
	port := handoff.FindPort("/sys", "/dev", handoff.EventsPort)
	if port == "" {
		return fmt.Errorf("no port %s", handoff.EventsPort)
	}
	return os.WriteFile(port, []byte(line+"\n"), 0)
}

func ioctl(f *os.File, op, arg uintptr) (int, error) {
	n, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), op, arg)
	if errno != 0 {
		return int(n), errno
	}
	return int(n), nil
}

func eject(drive string) error {
	f, err := os.OpenFile(drive, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	ioctl(f, cdromLockDoor, 0)
	_, err = ioctl(f, cdromEject, 0)
	return err
}

// await polls as long as it takes; the test that asked has a deadline.
func await(drive string) string {
	for {
		f, err := os.OpenFile(drive, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return err.Error()
		}
		status, _ := ioctl(f, cdromDriveStatus, 0x7fffffff)
		f.Close()
		data := make([]byte, 8)
		if g, err := os.Open(drive); status == discOK && err == nil {
			n, _ := g.Read(data)
			g.Close()
			if n == len(data) {
				return string(data)
			}
		}
	}
}

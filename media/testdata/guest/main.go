// Command guest is /init of the machine that the drives of package media are
// tested in: it obeys lines from the serial line.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/molt-installer/molt/internal/vm/vmtest/guestinit"
	"github.com/molt-installer/molt/media"
)

const drive = "/dev/sr0"

func main() {
	tty := guestinit.Start("virtio_pci", "virtio_blk", "ata_piix", "ahci", "virtio_scsi", "sr_mod", "cdrom", "isofs")
	if err := os.MkdirAll("/mnt", 0o755); err != nil {
		fmt.Fprintln(tty, err)
	}
	w, err := media.NewWatch()
	fmt.Fprintf(tty, "GUEST READY %v\n", err)
	for in := bufio.NewScanner(tty); in.Scan(); {
		fmt.Fprintf(tty, "%s = %s\n", in.Text(), obey(w, in.Text()))
	}
}

func obey(w *media.Watch, command string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch command {
	case "drives":
		return fmt.Sprint(media.Drives("/"))
	case "volumes":
		v, err := media.Volumes("/")
		return fmt.Sprintf("%+v %v", v, err)
	case "look":
		start := time.Now()
		d, err := w.Look(ctx, drive)
		return fmt.Sprintf("%s %q %q %q %v %v", d.State, d.Label, d.Info.Numbers(), d.Cause, err, time.Since(start))
	case "await":
		start := time.Now()
		return fmt.Sprint(w.Await(ctx, []string{drive}), time.Since(start))
	case "idle": // longer than the tick
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		return fmt.Sprint(w.Await(ctx, []string{drive}))
	case "eject":
		return fmt.Sprint(media.Eject(drive))
	case "lock", "status":
		return ask(command)
	case "mount":
		return fmt.Sprint(syscall.Mount(drive, "/mnt", "iso9660", syscall.MS_RDONLY, ""))
	case "umount":
		return fmt.Sprint(syscall.Unmount("/mnt", 0))
	case "poweroff":
		return fmt.Sprint(syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
	}
	return "what?"
}

func ask(command string) string {
	d, err := media.OpenDrive(drive)
	if err != nil {
		return err.Error()
	}
	defer d.Close()
	if command == "lock" {
		return fmt.Sprint(d.Lock())
	}
	return fmt.Sprint(d.Status())
}

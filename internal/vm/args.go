package vm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/internal/handoff"
)

// channels are the file descriptors QEMU gets for the three ways to talk to it.
type channels struct{ qmp, console, events int }

// args is QEMU's command line for c, which has its defaults filled in.
func (c Config) args(ch channels, fw []string) ([]string, error) {
	a := []string{
		"-name", c.Name, "-nodefaults", "-no-user-config",
		"-machine", c.Machine, "-accel", "tcg,thread=multi", "-cpu", "max",
		"-smp", strconv.Itoa(c.CPUs), "-m", strconv.Itoa(c.Memory),
		"-display", c.Display, "-vga", "std",
		"-chardev", fmt.Sprintf("socket,id=qmp,fd=%d", ch.qmp), "-mon", "chardev=qmp,mode=control",
		"-chardev", fmt.Sprintf("socket,id=console,fd=%d", ch.console), "-serial", "chardev:console",
		"-chardev", fmt.Sprintf("socket,id=events,fd=%d", ch.events),
		"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=events,name=" + handoff.EventsPort,
		"-device", "virtio-rng-pci",
	}
	a = append(a, fw...)
	if c.Kernel != "" {
		a = append(a, "-kernel", c.Kernel, "-append", c.Append)
	}
	if c.Initrd != "" {
		a = append(a, "-initrd", c.Initrd)
	}
	if c.NoReboot {
		a = append(a, "-no-reboot")
	}
	a = append(a, c.network()...)
	storage, err := c.storage()
	return append(a, storage...), err
}

// firstBoot is the first free place in the firmware's order; a kernel given
// by Config.Kernel has place 0.
const firstBoot = 1

// storage attaches the drives and disks. The firmware tries the drives first;
// it passes over an empty one.
func (c Config) storage() ([]string, error) {
	var a []string
	s := slots{machine: c.Machine}
	if c.DriveBus == "scsi" {
		a = append(a, "-device", "virtio-scsi-pci,id=scsi")
	}
	if c.hasUSB() {
		a = append(a, "-device", "qemu-xhci,id=usb")
	}
	for i, iso := range c.Drives {
		dev, err := c.drive(i, iso, &s)
		if err != nil {
			return nil, err
		}
		a = append(a, dev...)
	}
	for i, d := range c.Disks {
		dev, err := d.device(i, firstBoot+len(c.Drives)+i, &s)
		if err != nil {
			return nil, err
		}
		a = append(a, dev...)
	}
	return a, nil
}

func (c Config) hasUSB() bool {
	for _, d := range c.Disks {
		if d.Interface == USB {
			return true
		}
	}
	return false
}

// drive is optical drive cd<i>.
func (c Config) drive(i int, iso string, s *slots) ([]string, error) {
	id := DriveID(i)
	dev := "scsi-cd,bus=scsi.0"
	if c.DriveBus == "ide" {
		slot, err := s.next()
		if err != nil {
			return nil, fmt.Errorf("optical drive %s: %w", id, err)
		}
		dev = "ide-cd," + slot
	}
	medium := "if=none,media=cdrom,readonly=on,id=medium-" + id
	if iso != "" {
		medium += ",format=raw,file=" + comma(iso)
	}
	return []string{
		"-drive", medium,
		"-device", fmt.Sprintf("%s,id=%s,drive=medium-%s,bootindex=%d", dev, id, id, firstBoot+i),
	}, nil
}

// DriveID is the id of the i-th optical drive, from 0: "cd0".
func DriveID(i int) string { return "cd" + strconv.Itoa(i) }

// device is disk i of the guest, at place boot of the firmware's order.
func (d Disk) device(i, boot int, s *slots) ([]string, error) {
	drive := fmt.Sprintf("if=none,id=disk%d,format=raw,cache=unsafe,discard=unmap,file=%s", i, comma(d.Path))
	if d.ReadOnly {
		drive += ",readonly=on"
	}
	dev := map[Interface]string{Virtio: "virtio-blk-pci", NVMe: "nvme", USB: "usb-storage,bus=usb.0"}[d.Interface]
	if d.Interface == IDE {
		slot, err := s.next()
		if err != nil {
			return nil, fmt.Errorf("disk %s: %w", d.Path, err)
		}
		dev = "ide-hd," + slot
	}
	if dev == "" {
		return nil, fmt.Errorf("disk %s: unknown interface %q", d.Path, d.Interface)
	}
	if d.Sector != 0 {
		dev += fmt.Sprintf(",logical_block_size=%d,physical_block_size=%d", d.Sector, d.Sector)
	}
	serial := d.Serial
	setDefault(&serial, fmt.Sprintf("disk%d", i)) // NVMe insists on one
	return []string{
		"-drive", drive,
		"-device", fmt.Sprintf("%s,drive=disk%d,serial=%s,bootindex=%d", dev, i, serial, boot),
	}, nil
}

// slots hands out the places on the machine's own disk controller: two
// channels of two on a pc, six ports on a q35.
type slots struct {
	machine string
	used    int
}

func (s *slots) next() (string, error) {
	n := s.used
	s.used++
	switch {
	case s.machine == "pc" && n < 4:
		// The drives come first; they get the second channel, as they have on real machines.
		return fmt.Sprintf("bus=ide.%d,unit=%d", 1-n/2, n%2), nil
	case s.machine == "q35" && n < 6:
		return fmt.Sprintf("bus=ide.%d", n), nil
	}
	return "", fmt.Errorf("no free port on the disk controller of a %s machine: use virtio or scsi", s.machine)
}

// comma doubles the commas of a path, as QEMU's options want it.
func comma(path string) string { return strings.ReplaceAll(path, ",", ",,") }

package vm

import (
	"errors"
	"fmt"
	"io"
)

// Firmware is what starts the guest.
type Firmware string

// The kinds of firmware. The zero value of a Config is BIOS.
const (
	BIOS Firmware = "bios" // SeaBIOS, comes with QEMU
	UEFI Firmware = "uefi" // OVMF, Debian's package ovmf
)

// Interface is how a disk is connected.
type Interface string

// The interfaces of disks.
const (
	Virtio Interface = "virtio"
	IDE    Interface = "ide" // AHCI on a q35 machine
	NVMe   Interface = "nvme"
	USB    Interface = "usb"
)

// Config is a guest to start. The zero value of a field has a meaning of its
// own, so that a Config{Dir: d, Drives: []string{iso}} is a machine that boots a disc.
type Config struct {
	Name     string   // of the process and in errors; "guest" if empty
	Dir      string   // where console.log, events.jsonl, qemu.log and the firmware's variables go; made when missing
	Memory   int      // MiB; 1024 if 0
	CPUs     int      // 1 if 0, see defaultCPUs
	Firmware Firmware // BIOS if empty
	Machine  string   // "pc" or "q35"; if empty, pc for BIOS and q35 for UEFI
	// Vars has the variables that UEFI begins with: VarsFile of an earlier guest.
	// If empty none are set.
	Vars string

	// Kernel, Initrd and Append boot a kernel directly, without a boot loader.
	Kernel, Initrd, Append string

	Disks    []Disk
	Drives   []string // optical drives, cd0 and on: path of the ISO image in it, "" for an empty drive
	DriveBus string   // "ide" (AHCI on a q35 machine), "scsi"; if empty, ide

	// Display is QEMU's -display, "none" if empty. The guest has a VGA screen
	// in any case: see Guest.Screendump.
	Display string
	// Network connects the guest to the network of the host through NAT;
	// Restrict lets it reach nothing but QEMU's own DHCP server.
	Network, Restrict bool
	NICs              []NIC // cards besides, nic0 and on
	NoReboot          bool  // a reset of the guest ends it
	// Panics lets all waiting go on when the guest's kernel panics: for a person who
	// looks at it. Otherwise it ends with ErrPanic.
	Panics bool

	// Console gets all the serial line says, unchanged, as it comes. It must not block.
	Console io.Writer
}

// Disk is a disk of the guest.
type Disk struct {
	Path      string    // raw image
	Interface Interface // Virtio if empty
	Serial    string
	ReadOnly  bool
	Sector    int // bytes, logical and physical; QEMU's 512 if 0
}

// defaultCPUs is one: with several, a CPU that QEMU emulates can run into the int3 that
// another puts where the kernel patches its own code (text_poke of arch/x86/kernel/alternative.c),
// after that was over: "Oops: int3", and a panic, once in hundreds of boots. One takes
// no longer on a host of two, and two thirds of its time.
const defaultCPUs = 1

// withDefaults fills in what a zero value stands for.
func (c Config) withDefaults() Config {
	setDefault(&c.Name, "guest")
	setDefault(&c.Memory, 1024)
	setDefault(&c.CPUs, defaultCPUs)
	setDefault(&c.Firmware, BIOS)
	setDefault(&c.Machine, map[Firmware]string{BIOS: "pc", UEFI: "q35"}[c.Firmware])
	setDefault(&c.DriveBus, "ide")
	setDefault(&c.Display, "none")
	disks := make([]Disk, len(c.Disks))
	for i, d := range c.Disks {
		setDefault(&d.Interface, Virtio)
		disks[i] = d
	}
	c.Disks = disks
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// check finds what QEMU would refuse with a less helpful message.
func (c Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Dir == "" {
		bad("no working directory (Dir)")
	}
	if c.Firmware != BIOS && c.Firmware != UEFI {
		bad("unknown firmware %q: use %q or %q", c.Firmware, BIOS, UEFI)
	}
	if c.Machine != "pc" && c.Machine != "q35" {
		bad("unknown machine %q: use pc or q35", c.Machine)
	}
	if c.DriveBus != "ide" && c.DriveBus != "scsi" {
		bad("unknown bus %q for optical drives: use ide or scsi", c.DriveBus)
	}
	if c.Kernel == "" && c.Append != "" {
		bad("kernel options %q without a kernel", c.Append)
	}
	return errors.Join(errs...)
}

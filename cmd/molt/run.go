package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
)

// runOptions are the flags of "molt run".
type runOptions struct {
	out, set, dir, disk, ks, append, firmware string
	memory, cpus, drives, size                int
	vga, serial, menu                         bool
	auto, installed, net                      bool
}

func parseRun(args []string, s streams) (runOptions, error) {
	var o runOptions
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.SetOutput(s.err)
	f.StringVar(&o.out, "o", "build", "`directory` of what was built")
	f.StringVar(&o.set, "set", "", "`directory` of the set of discs (default: that of EXAMPLE)")
	f.StringVar(&o.dir, "dir", "", "`directory` for the disk, if none is named, and the logs (default build/run)")
	f.StringVar(&o.disk, "disk", "", "raw image of the target `disk`, made when missing (default DIR/<set>.img)")
	f.IntVar(&o.size, "size", 16, "size of a disk that is made, in `GiB`; takes space only as it fills")
	f.StringVar(&o.ks, "ks", "", "kickstart `file`, given to the installer on a volume labelled OEMDRV")
	f.BoolVar(&o.menu, "menu", false, "start from disc 1 and its boot menu on the serial line too, not the kernel directly")
	f.StringVar(&o.append, "append", "", "further kernel `options`")
	f.StringVar(&o.firmware, "firmware", "bios", "`bios` or uefi")
	f.IntVar(&o.memory, "memory", 1024, "`MiB`")
	f.IntVar(&o.cpus, "cpus", 2, "`number` of processors")
	f.IntVar(&o.drives, "drives", 1, "`number` of optical drives")
	f.BoolVar(&o.serial, "serial", false, "the serial console in this terminal; so it is without --vga")
	f.BoolVar(&o.vga, "vga", false, "the VGA screen, in a window, or in this terminal if there is no window system")
	f.BoolVar(&o.auto, "auto", false, "change discs without asking")
	f.BoolVar(&o.installed, "installed", false, "boot what was installed, with empty drives")
	f.BoolVar(&o.net, "network", false, "connect the guest to the network through this machine")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 1 {
		return o, fmt.Errorf("run: unexpected argument %q", f.Arg(1))
	}
	o.set = cmp.Or(o.set, filepath.Join(o.out, cmp.Or(f.Arg(0), "debian")))
	o.dir = cmp.Or(o.dir, filepath.Join(o.out, "run"))
	o.disk = cmp.Or(o.disk, filepath.Join(o.dir, filepath.Base(o.set)+".img"))
	o.serial = o.serial || !o.vga
	if (o.vga || o.menu) && o.append != "" {
		return o, fmt.Errorf("run: kernel options (--append) go with the serial console and without --menu: in the menu, edit the entry")
	}
	return o, nil
}

// runRun is "molt run".
func runRun(ctx context.Context, args []string, s streams) error {
	o, err := parseRun(args, s)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := &player{stop: stop, choice: make(chan int), auto: o.auto}
	p.terminal.out = s.out
	cfg, err := o.config(ctx, p)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	err = p.session(ctx, s, cfg)
	fmt.Fprintf(s.out, "\nThe disk is %s, the logs are in %s.\n", o.disk, o.dir)
	if errors.Is(err, context.Canceled) {
		return nil // the person ended it
	}
	return err
}

// serialOptions make the serial line the console a person is asked on.
const serialOptions = "console=tty0 console=ttyS0,115200n8 no_timer_check"

// config is the machine that o describes.
func (o runOptions) config(ctx context.Context, p *player) (scenario.Config, error) {
	cfg := scenario.Config{Set: &scenario.Set{}, Disk: o.disk, Drives: o.drives}
	cfg.Guest = vm.Config{
		Name: "molt", Dir: o.dir, Memory: o.memory, CPUs: o.cpus,
		Firmware: vm.Firmware(o.firmware), Network: o.net, Panics: !o.auto,
	}
	if err := o.openSet(&cfg); err != nil {
		return cfg, err
	}
	if o.ks != "" {
		ks, err := os.ReadFile(o.ks)
		if err != nil {
			return cfg, err
		}
		cfg.Kickstart = string(ks)
	}
	if err := o.prepareDisk(&cfg); err != nil {
		return cfg, err
	}
	return cfg, o.display(ctx, &cfg, p)
}

// openSet finds the discs, and decides how to start from them.
func (o runOptions) openSet(cfg *scenario.Config) error {
	if o.installed {
		return nil
	}
	set, err := scenario.OpenSet(o.set)
	if err != nil {
		return err
	}
	cfg.Set = set
	if o.vga || o.menu {
		return nil
	}
	if set.Kernel == "" {
		return fmt.Errorf("no kernel in %s to boot directly: use --menu", filepath.Join(o.set, "netboot"))
	}
	cfg.Append = strings.TrimSpace(serialOptions + " " + o.append)
	return nil
}

// prepareDisk sees that there is a disk; one that is there keeps what is on it.
func (o runOptions) prepareDisk(cfg *scenario.Config) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	_, err := os.Stat(o.disk)
	if errors.Is(err, os.ErrNotExist) && !o.installed {
		cfg.DiskSize = int64(o.size) << 30
		return nil
	}
	return err
}

// display chooses where the guest is seen.
func (o runOptions) display(ctx context.Context, cfg *scenario.Config, p *player) error {
	if o.serial {
		cfg.Guest.Console = &p.terminal
	}
	if !o.vga {
		return nil
	}
	display, err := vm.FindDisplay(ctx)
	cfg.Guest.Display = display
	// QEMU has the terminal then, so nobody can be asked.
	p.blind = display == vm.Curses
	p.auto = p.auto || p.blind
	return err
}

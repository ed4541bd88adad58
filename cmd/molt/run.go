package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
)

// runOptions are the flags of "molt run".
type runOptions struct {
	set, dir, disk, ks, append, firmware string
	memory, cpus, drives, size           int
	vga, serial, auto, installed, net    bool
}

func parseRun(args []string, s streams) (runOptions, error) {
	var o runOptions
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.SetOutput(s.err)
	f.StringVar(&o.set, "set", "build/debian", "`directory` of the set of discs")
	f.StringVar(&o.dir, "dir", "build/run", "`directory` for the disk, if none is named, and the logs")
	f.StringVar(&o.disk, "disk", "", "raw image of the target `disk`, made when missing (default DIR/<set>.img)")
	f.IntVar(&o.size, "size", 16, "size of a disk that is made, in `GiB`; takes space only as it fills")
	f.StringVar(&o.ks, "ks", "", "kickstart `file`, given to the installer on a volume labelled OEMDRV")
	f.StringVar(&o.append, "append", "", "boot the kernel directly, with these `options`, instead of disc 1")
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
	if f.NArg() > 0 {
		return o, fmt.Errorf("run: unexpected argument %q", f.Arg(0))
	}
	if o.disk == "" {
		o.disk = filepath.Join(o.dir, filepath.Base(filepath.Clean(o.set))+".img")
	}
	o.serial = o.serial || !o.vga
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
	p := &player{out: s.out, stop: stop, choice: make(chan int), auto: o.auto}
	cfg, err := o.config(ctx, p)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	restore, err := p.start(ctx, s, cfg)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	err = p.play(ctx)
	p.run.Close()
	restore()
	fmt.Fprintf(s.out, "\nThe disk is %s, the logs are in %s.\n", o.disk, o.dir)
	if errors.Is(err, context.Canceled) {
		return nil // the person ended it
	}
	return err
}

// config is the machine that o describes.
func (o runOptions) config(ctx context.Context, p *player) (scenario.Config, error) {
	cfg := scenario.Config{Disk: o.disk, Append: o.append, Drives: o.drives}
	cfg.Guest = vm.Config{
		Name: "molt", Dir: o.dir, Memory: o.memory, CPUs: o.cpus,
		Firmware: vm.Firmware(o.firmware), Network: o.net,
	}
	cfg.Set = &scenario.Set{}
	if !o.installed {
		set, err := scenario.OpenSet(o.set)
		if err != nil {
			return cfg, err
		}
		if cfg.Set = set; o.append != "" && set.Kernel == "" {
			return cfg, fmt.Errorf("no kernel in %s to boot directly: leave --append out", filepath.Join(o.set, "netboot"))
		}
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

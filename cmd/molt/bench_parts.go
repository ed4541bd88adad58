package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/molt-installer/molt/initramfs"
	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/internal/vm"
	"github.com/molt-installer/molt/internal/vm/scenario"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/event"
)

const benchTimeout = 5 * time.Minute

// firstScreen measures power-on to the first question, beside the kernel's own
// boot to an empty /init.
func (b *bench) firstScreen(ctx context.Context) error {
	set, err := scenario.OpenSet(filepath.Join(b.out, b.example))
	if err != nil {
		return err
	}
	empty, err := b.emptyBoot(ctx, set)
	if err != nil {
		return err
	}
	b.add(figure{Name: "power-on to an empty /init", Value: empty, Unit: "s"})
	ways := []struct {
		name     string
		firmware vm.Firmware
		append   string
	}{
		{"power-on to the first screen, -kernel", vm.BIOS, serialOptions},
		{"power-on to the first screen, ISO, BIOS", vm.BIOS, ""},
		{"power-on to the first screen, ISO, UEFI", vm.UEFI, ""},
	}
	for _, way := range ways {
		took, err := b.toQuestion(ctx, set, way.firmware, way.append)
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		b.add(ratio(way.name, took, "s", empty, "empty /init"))
	}
	return nil
}

func (b *bench) emptyBoot(ctx context.Context, set *scenario.Set) (float64, error) {
	initrd := filepath.Join(b.dir, "empty.img")
	f, err := os.Create(initrd)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(initramfs.Empty(ctx, f, "."), f.Close()); err != nil {
		return 0, err
	}
	start := time.Now()
	g, err := vm.Start(ctx, vm.Config{Dir: filepath.Join(b.dir, "empty"), Kernel: set.Kernel, Initrd: initrd, Append: serialOptions})
	if err != nil {
		return 0, err
	}
	defer g.Close()
	ctx, cancel := context.WithTimeout(ctx, benchTimeout)
	defer cancel()
	_, err = g.Console().Expect(ctx, `(?m)^up\s*$`)
	return time.Since(start).Seconds(), err
}

// toQuestion boots the set without a kickstart file, until it asks.
func (b *bench) toQuestion(ctx context.Context, set *scenario.Set, fw vm.Firmware, kernel string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, benchTimeout)
	defer cancel()
	r, err := scenario.Start(ctx, scenario.Config{
		Set: set, Append: kernel, Disk: filepath.Join(b.dir, "disk.img"), DiskSize: 8 << 30,
		Guest: vm.Config{Dir: filepath.Join(b.dir, "screen"), Firmware: fw},
	})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	_, err = r.Guest.WaitEvent(ctx, func(e map[string]any) bool { return e["type"] == string(event.Ask) })
	return time.Since(r.On).Seconds(), err
}

// imageCopy measures the copy of the image to a disk, hashed and synced,
// beside cp and sync of the same file. Each gets the better of three.
func (b *bench) imageCopy(ctx context.Context) error {
	image := filepath.Join(b.out, b.example, "netboot", media.ImagePath)
	if _, err := os.ReadFile(image); err != nil { // into the page cache, for both
		return err
	}
	dst := filepath.Join(b.dir, "copy.img")
	ours, theirs := time.Hour, time.Hour
	for range 3 {
		start := time.Now()
		if _, err := (linuxhost.New()).Copy(ctx, image, dst, func(int64) {}); err != nil {
			return err
		}
		ours = min(ours, time.Since(start))
		os.Remove(dst)
		start = time.Now()
		if err := exec.CommandContext(ctx, "sh", "-c", `cp --sparse=never "$1" "$2" && sync "$2"`, "sh", image, dst).Run(); err != nil {
			return fmt.Errorf("cp: %w", err)
		}
		theirs = min(theirs, time.Since(start))
		os.Remove(dst)
	}
	b.add(ratio("image copy, hashed and synced", ours.Seconds()*1000, "ms", theirs.Seconds()*1000, "cp --sparse=never and sync"))
	return nil
}

// smallestMemory looks for the smallest memory, in steps of 32 MiB, with which
// the tiny set still installs from CD.
func (b *bench) smallestMemory(ctx context.Context) error {
	best := 0
	for mib := 384; mib >= 64; mib -= 32 {
		if err := b.installs(ctx, mib); err != nil {
			fmt.Fprintf(b.log, "  %d MiB: %v\n", mib, firstLine(err))
			break
		}
		best = mib
	}
	if best == 0 {
		return errors.New("does not install with 384 MiB")
	}
	b.add(figure{Name: "smallest memory that installs from CD", Value: float64(best), Unit: "MiB"})
	return nil
}

func (b *bench) installs(ctx context.Context, mib int) error {
	ctx, cancel := context.WithTimeout(ctx, benchTimeout)
	defer cancel()
	o := demoOptions{out: b.out, example: "tiny", ks: filepath.Join("examples", "kickstarts", "tiny.ks"), firmware: "bios", memory: mib}
	r, err := o.install(ctx, b.log)
	if err != nil {
		return err
	}
	return r.Close()
}

// installation plays the whole demo and keeps its phases.
func (b *bench) installation(ctx context.Context) error {
	o := demoOptions{out: b.out, example: b.example, firmware: "bios", memory: 1024, password: "molt",
		ks: filepath.Join("examples", "kickstarts", b.example+".ks")}
	r, err := o.install(ctx, b.log)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := o.login(ctx, r, b.log); err != nil {
		return err
	}
	total := 0.0
	for _, p := range r.Phases() {
		total += p.Took.Seconds()
		b.add(figure{Name: b.example + ": " + p.Name, Value: p.Took.Seconds(), Unit: "s"})
	}
	b.add(figure{Name: b.example + ": all together", Value: total, Unit: "s"})
	for _, e := range r.Events {
		if s := e.Switch; s != nil {
			b.add(figure{Name: "the switch (LOOP_CHANGE_FD)", Value: s.SwitchMS, Unit: "ms"})
		}
	}
	return nil
}

func firstLine(err error) string {
	line := err.Error()
	for i, r := range line {
		if r == '\n' {
			return line[:i]
		}
	}
	return line
}

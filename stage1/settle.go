package stage1

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/molt-installer/molt/internal/uevent"
	"github.com/molt-installer/molt/media"
)

// massStorage is a USB interface's class (the USB specification's list of base classes).
const massStorage = "08"

// loading counts the loads under way.
func (d *devices) loading(change int) {
	d.mu.Lock()
	d.loads += change
	d.mu.Unlock()
	signalTo(d.moved)
}

// noteBlock keeps account of block devices. The kernel tells of a disk when it knows
// its partitions (block/genhd.c, device_add_disk).
func (d *devices) noteBlock(e uevent.Event) {
	d.mu.Lock()
	switch name := filepath.Base(e.Path); {
	case e.Env["SUBSYSTEM"] != "block":
	case e.Action == "remove":
		delete(d.blocks, name)
	default:
		d.blocks[name] = true
	}
	d.mu.Unlock()
	signalTo(d.moved)
}

// present takes account of the block devices that were there before anybody listened.
func (d *devices) present() {
	names, _ := filepath.Glob(filepath.Join(d.sys, "class/block/*"))
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		d.blocks[filepath.Base(name)] = true
	}
}

// settling reports whether what is in the machine already may yet bring a volume: a
// driver is being loaded, or a USB stick has one and no disk (usb-storage lets it come
// to rest for a second, and drives behind it spin up).
func (d *devices) settling() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.loads > 0 {
		return true
	}
	classes, _ := filepath.Glob(filepath.Join(d.sys, "bus/usb/devices/*/bInterfaceClass"))
	return slices.ContainsFunc(classes, func(file string) bool {
		class, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(class)) != massStorage {
			return false
		}
		return d.expects(filepath.Dir(file))
	})
}

// expects reports whether a USB interface has a driver, and not yet all its disks.
// d.mu is held.
func (d *devices) expects(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "driver")); err != nil {
		return false
	}
	disks, _ := filepath.Glob(filepath.Join(dir, "host*/target*/*/block/*"))
	return len(disks) == 0 || slices.ContainsFunc(disks, func(disk string) bool { return !d.blocks[filepath.Base(disk)] })
}

// settle waits for a volume that src means, while one may still come.
func (s *session) settle(ctx context.Context, src media.Source) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	told := false
	for {
		settling := s.devices.settling() // before looking, or one could come in between
		if !settling || len(s.volumesOf(src)) > 0 {
			return
		}
		if !told {
			s.note("looking for %s: disks are still coming", src)
			told = true
		}
		select {
		case <-s.devices.moved:
		case <-limit.C:
			s.note("still coming after %v; not waited for any longer", patience)
			return
		case <-ctx.Done():
			return
		}
	}
}

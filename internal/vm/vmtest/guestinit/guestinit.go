// Package guestinit is what programs that run as /init of a test's guest begin
// with: file systems, modules and the serial line. They are started by
// vmtest.Kernel.Initrd; it is of no use outside of a guest.
package guestinit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/stage1/modules"
)

// Start mounts /dev, /proc and /sys, loads modules by their names, and returns
// the serial line. What failed is said there: a test waits for what comes next and
// shows it.
func Start(names ...string) *os.File {
	var errs []error
	for _, m := range []struct{ dir, fstype string }{{"/dev", "devtmpfs"}, {"/proc", "proc"}, {"/sys", "sysfs"}} {
		errs = append(errs, os.MkdirAll(m.dir, 0o755))
		if err := unix.Mount(m.fstype, m.dir, m.fstype, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			errs = append(errs, fmt.Errorf("mount %s: %w", m.dir, err))
		}
	}
	tty, err := os.OpenFile("/dev/ttyS0", os.O_RDWR, 0)
	if err := errors.Join(append(errs, err, load(names))...); err != nil {
		fmt.Fprintln(tty, err)
	}
	return tty
}

func load(names []string) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return fmt.Errorf("ask for the kernel's version: %w", err)
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(uts.Release[:]))
	index, err := modules.Read(os.DirFS(dir))
	if err != nil {
		return err
	}
	loader := modules.NewLoader(index, dir)
	var errs []error
	for _, name := range names {
		errs = append(errs, loader.Load(name))
	}
	return errors.Join(errs...)
}

// Command stage2 is a stand-in for stage 2 in the test with real mounts: it
// does to its root what the real one does, and leaves all the mess it can.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
)

// changeFD is LOOP_CHANGE_FD of linux/loop.h.
const changeFD = 0x4C06

func main() {
	if len(os.Args) > 1 {
		for { // the daemon that is left behind
			_ = unix.Pause()
		}
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	rec, err := handoff.ReadRecord(handoff.RecordPath)
	if err != nil {
		return err
	}
	if rec.Retry == 0 {
		return fmt.Errorf("crash of the first try, image %s", rec.Image)
	}
	for _, dir := range []string{"/target", "/target/boot"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	if err := relocate(rec); err != nil {
		return err
	}
	daemon := exec.Command("/proc/self/exe", "stay")
	daemon.Dir = "/target"
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of the SIGHUP when the terminal goes
	if err := daemon.Start(); err != nil {
		return err
	}
	return handoff.Result{Action: handoff.Poweroff, Target: "/target", Remove: []string{".molt"}}.Write(handoff.ResultPath)
}

// relocate makes the loop device serve from a copy on the target.
func relocate(rec *handoff.Record) error {
	src, err := os.Open(filepath.Join(handoff.Outside, rec.Image))
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.Mkdir("/target/.molt", 0o755); err != nil {
		return err
	}
	dst, err := os.Create("/target/.molt/stage2.img")
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	loop, err := os.Open(rec.Loop)
	if err != nil {
		return err
	}
	defer loop.Close()
	if err := unix.IoctlSetInt(int(loop.Fd()), changeFD, int(dst.Fd())); err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	return os.WriteFile("/target/installed", nil, 0o644)
}

package deb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/media/fetch"
	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// TestInstallSet installs what a set of discs offers, and says what each part
// costs. MOLT_SET is a directory with disc1, disc2, … and the build.json of the
// initramfs; MOLT_GROUPS the groups to install. Run it in a chroot of the stage2
// image to have the tools of the real thing.
func TestInstallSet(t *testing.T) {
	dir := os.Getenv("MOLT_SET")
	if dir == "" {
		t.Skip("needs an unpacked set of discs in the directory MOLT_SET")
	}
	needRoot(t)
	build, err := media.LoadBuild(filepath.Join(dir, "build.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := &set{dir: dir}
	p, err := New(t.Context(), Config{Build: *build, Disc1: fetch.Dir(filepath.Join(dir, "disc1")), Commands: linuxhost.New(), WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	request := payload.Request{Firmware: "bios", Software: config.Software{Groups: strings.Fields(os.Getenv("MOLT_GROUPS"))}}
	target, pr := t.TempDir(), &progress{start: time.Now()}
	mountAll(t, target)
	var sel *payload.Selection
	ctx := context.Background()
	for _, part := range []struct {
		name string
		do   func() error
	}{
		{"resolve", func() (err error) { sel, err = p.Resolve(ctx, request); return err }},
		{"fetch", func() error { return s.fetchAll(p, sel, target, pr) }},
		{"install", func() error { return p.Install(ctx, sel, target, pr) }},
		{"finish", func() error { return p.Finish(ctx, sel, target, pr) }},
	} {
		start, before := time.Now(), cpu()
		if err := part.do(); err != nil {
			t.Fatalf("%s: %v\n%s", part.name, err, strings.Join(pr.lines[max(0, len(pr.lines)-60):], "\n"))
		}
		t.Logf("%-8s %6.1f s, %6.1f CPU-seconds", part.name, time.Since(start).Seconds(), (cpu() - before).Seconds())
	}
	t.Logf("%d packages", len(sel.Packages))
	useDiscs(t, s, p, sel, target)
	if log := os.Getenv("MOLT_LOG"); log != "" {
		put(t, log, strings.Join(pr.lines, "\n"), 0o644)
	}
	if keep := os.Getenv("MOLT_KEEP"); keep != "" {
		command(t, "cp", "-ax", target, keep)
	}
}

// useDiscs has apt on the target install a package from the last disc used, which
// it knows only from the installation. apt tells a disc by its size, too, so the
// discs must be mounted images (squashfs serves where there is no iso9660).
func useDiscs(t *testing.T, s *set, p *Payload, sel *payload.Selection, target string) {
	t.Helper()
	n := slices.Max(sel.Discs())
	last := filepath.Join(s.dir, discDir(n))
	var st syscall.Statfs_t
	if err := syscall.Statfs(last, &st); err != nil || st.Bfree != 0 || !hasPackage(sel, "apt") {
		t.Logf("apt on the target is not tried: the discs are no mounted images, or there is no apt (%v)", err)
		return
	}
	list, err := p.packagesOf(n)
	if err != nil {
		t.Fatal(err)
	}
	more := ""
	err = stanzas(strings.NewReader(list), func(f map[string]string) error {
		if !hasPackage(sel, f["Package"]) {
			more = f["Package"]
		}
		return nil
	})
	if err != nil || more == "" {
		t.Fatalf("disc %d has nothing that isn't installed: %v", n, err)
	}
	command(t, "chroot", target, "apt-get", "--error-on=any", "update")
	command(t, "chroot", target, "apt-get", "check")
	drive := filepath.Join(target, "media/cdrom")
	if err := os.MkdirAll(drive, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("chroot", target, "apt-get", "-y", "install", more).CombinedOutput()
	if err == nil || !strings.Contains(string(out), fmt.Sprintf("disc %d of %d", n, p.Build.Set.Discs)) {
		t.Errorf("without the disc: %v\n%s", err, out)
	}
	if err := syscall.Mount(last, drive, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(drive, 0)
	command(t, "chroot", target, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "install", more)
	t.Logf("apt on the target has installed %s from disc %d", more, n)
}

func mountAll(t *testing.T, target string) {
	t.Helper()
	for _, dir := range []string{"dev", "proc", "sys"} {
		at := filepath.Join(target, dir)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("/"+dir, at, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(at, syscall.MNT_DETACH) })
	}
	if err := os.MkdirAll(filepath.Join(target, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// cpu is the processor time of this process and its children.
func cpu() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}

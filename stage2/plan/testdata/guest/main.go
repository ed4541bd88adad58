// Command guest is /init of the guest in which plans' storage is carried out on a real
// kernel: for each kickstart below /ks it probes the disks, makes the plan, runs its steps up to
// the mounted target, each of them twice, runs the checks, and takes all back.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/internal/vm/vmtest/guestinit"
	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage1/modules"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/payload"
	"github.com/molt-installer/molt/stage2/plan"
)

const root = "/stage2"

func main() {
	switch {
	case filepath.Base(os.Args[0]) == "modprobe":
		modprobe(os.Args[len(os.Args)-1])
		return
	case os.Getpid() != 1:
		carryOut()
		return
	}
	tty := guestinit.Start("virtio_pci", "virtio_blk", "squashfs", "overlay", "loop", "dm-mod")
	if err := prepare(); err != nil {
		fmt.Fprintln(tty, "GUEST can't begin:", err)
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"guest"}, Stdout: tty, Stderr: tty, Dir: "/",
		Env: []string{"PATH=/usr/sbin:/usr/bin"}, SysProcAttr: &syscall.SysProcAttr{Chroot: root}}
	fmt.Fprintln(tty, "ended:", cmd.Run())
	fmt.Fprintln(tty, "GUEST DONE")
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}

// modprobe is what the kernel, and the steps, call for a module.
func modprobe(name string) {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(uts.Release[:]))
	if index, err := modules.Read(os.DirFS(dir)); err == nil {
		_ = modules.NewLoader(index, dir).Load(name)
	}
}

// prepare makes stage 2's root of its image, which is the first disk.
func prepare() error {
	errs := []error{os.MkdirAll("/sbin", 0o755), os.Symlink("/init", "/sbin/modprobe")}
	for _, m := range []struct{ source, target, fstype, data string }{
		{"/dev/vda", "/lower", "squashfs", ""}, {"tmpfs", "/rw", "tmpfs", ""}, {"tmpfs", "/run", "tmpfs", ""},
		{"overlay", root, "overlay", "lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work"},
	} {
		errs = append(errs, os.MkdirAll(m.target, 0o755))
		flags := uintptr(0)
		if m.fstype == "squashfs" {
			flags = unix.MS_RDONLY
		}
		if err := unix.Mount(m.source, m.target, m.fstype, flags, m.data); err != nil {
			errs = append(errs, fmt.Errorf("mount %s: %w", m.target, err))
		}
		if m.target == "/rw" {
			errs = append(errs, os.MkdirAll("/rw/upper", 0o755), os.MkdirAll("/rw/work", 0o755))
		}
	}
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run"} {
		if err := unix.Mount(dir, root+dir, "", unix.MS_BIND, ""); err != nil {
			errs = append(errs, fmt.Errorf("bind %s: %w", dir, err))
		}
	}
	files, err := os.ReadDir("/ks")
	errs = append(errs, err, os.MkdirAll(root+"/ks", 0o755))
	for _, f := range files {
		data, err := os.ReadFile("/ks/" + f.Name())
		errs = append(errs, err, os.WriteFile(root+"/ks/"+f.Name(), data, 0o600))
	}
	return errors.Join(errs...)
}

func carryOut() {
	files, _ := filepath.Glob("/ks/*.ks")
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".ks")
		if err := scenario(f); err != nil {
			fmt.Printf("SCENARIO %s FAILED: %v\n", name, strings.ReplaceAll(err.Error(), "\n", " | "))
		} else {
			fmt.Printf("SCENARIO %s PASSED\n", name)
		}
	}
}

func scenario(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	answers, diags := kickstart.Parse(file, data, kickstart.Options{})
	if err := diags.Err(); err != nil {
		return err
	}
	ctx, h := context.Background(), linuxhost.New()
	m, err := linuxhost.Probe(ctx, "/", h)
	if err != nil {
		fmt.Println("probe:", err)
	}
	for _, s := range m.Stacks {
		fmt.Println("there is", s.Describe())
	}
	p, err := plan.Build(plan.Input{
		Answers: answers, Machine: m, IDs: newUUID, Selection: &payload.Selection{Packages: []payload.Package{{Name: "a", Disc: 1}}},
		Handoff: handoff.Record{
			Build:  media.Build{Set: media.Set{ID: "s", Product: "Test", Version: "1", Arch: "amd64", Discs: 1}},
			Medium: handoff.Medium{URL: "cdrom:/dev/vda", Device: "/dev/vda", Mount: "/m", Disc: 1},
		},
	})
	if err != nil {
		return err
	}
	env := &plan.Env{Host: h, Result: &handoff.Result{}, Emit: func(e event.Event) {
		if e.Type == event.Log || e.Type == event.Warning {
			fmt.Println("   ", e.Message)
		}
	}}
	done, err := run(ctx, p.Steps, env)
	if err == nil {
		err = check(data, p)
	}
	keep := strings.Contains(string(data), "# leave")
	for i := len(done) - 1; i >= 0; i-- {
		u, ok := done[i].(plan.Undoer)
		if !ok || keep && strings.HasPrefix(done[i].ID(), "layer-") {
			continue
		}
		if e := u.Undo(ctx, env); e != nil {
			err = errors.Join(err, fmt.Errorf("undo %s: %w", done[i].ID(), e))
		}
	}
	if keep {
		return err
	}
	left, _ := filepath.Glob("/sys/block/dm-*")
	arrays, _ := filepath.Glob("/sys/block/md*")
	if left = append(left, arrays...); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("left behind: %v", left))
	}
	return errors.Join(err, after(data, p))
}

// run runs the steps up to the mounted target, and then the snapshots; those that make something twice.
func run(ctx context.Context, steps []plan.Step, env *plan.Env) (done []plan.Step, err error) {
	mounted := false
	for _, s := range steps {
		if mounted && !strings.HasPrefix(s.ID(), "snapshot-") {
			continue
		}
		times := 2
		if s.ID() == "mount" || strings.HasPrefix(s.ID(), "swapon") {
			times = 1
		}
		done = append(done, s)
		for range times {
			fmt.Println("STEP", s.ID(), s.Title())
			if err := s.Run(ctx, env); err != nil {
				return done, fmt.Errorf("%s: %w", s.ID(), err)
			}
		}
		mounted = mounted || s.ID() == "mount"
	}
	if !mounted {
		return done, errors.New("nothing is mounted")
	}
	return done, nil
}

// check runs the lines "# check: COMMAND => PATTERN" of the kickstart while the target is
// mounted, after those "# after:" when all is undone.
func check(ks []byte, p *plan.Plan) error { return lines(ks, "# check: ") }

func after(ks []byte, p *plan.Plan) error {
	var errs []error
	for _, d := range p.Disks {
		if d.Table != "" {
			errs = append(errs, tool("sfdisk --verify "+d.Path, ""))
		}
	}
	return errors.Join(append(errs, lines(ks, "# after: "))...)
}

func lines(ks []byte, prefix string) error {
	var errs []error
	for line := range strings.Lines(string(ks)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			command, pattern, _ := strings.Cut(rest, " => ")
			errs = append(errs, tool(command, pattern))
		}
	}
	return errors.Join(errs...)
}

func tool(command, pattern string) error {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DM_DISABLE_UDEV=1", "MDADM_NO_UDEV=1", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	fmt.Printf("CHECK %s\n%s", command, out)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	if !regexp.MustCompile("(?s)" + pattern).Match(out) {
		return fmt.Errorf("%s doesn't say %q: %s", command, pattern, out)
	}
	return nil
}

func newUUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

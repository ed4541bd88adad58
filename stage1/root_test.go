package stage1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
)

// helper is set in the process that plays process 1: it has namespaces of its
// own for mounts and processes, so that nothing of it stays on the host.
const helper = "MOLT_STAGE1_TEST_DIR"

func TestMain(m *testing.M) {
	if os.Args[0] == enterName {
		os.Exit(enter(os.Args[1:]))
	}
	if dir := os.Getenv(helper); dir != "" {
		if err := playInit(dir); err != nil {
			fmt.Println("FAILED:", err)
			os.Exit(1)
		}
		fmt.Println("GOOD")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestRealMounts runs the whole story but for the search: real loop device,
// squashfs, overlay, a stage 2 that crashes, then one that switches the image to
// its target and leaves a program behind, and the teardown.
func TestRealMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loop devices and mounts")
	}
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		t.Skip("needs mksquashfs: apt install squashfs-tools")
	}
	dir := t.TempDir()
	makeMedium(t, dir)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helper+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("GOOD")) {
		t.Error(err)
	}
	if left := loopsOf(t, dir); left != "" {
		t.Errorf("a loop device is left: %s", left)
	}
}

// loopsOf are the loop devices whose file is below dir, whatever that is called where it
// was made. The last name of a test's directory is every test's.
func loopsOf(t *testing.T, dir string) string {
	t.Helper()
	files, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && strings.Contains(string(data), filepath.Base(filepath.Dir(dir))) {
			return f
		}
	}
	return ""
}

// makeMedium makes a disc in a directory.
func makeMedium(t *testing.T, dir string) {
	t.Helper()
	root, medium := filepath.Join(dir, "image"), filepath.Join(dir, "disc")
	for _, d := range []string{filepath.Join(root, "usr/lib/molt"), filepath.Join(root, "tmp"), filepath.Join(medium, "images")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("usr/lib", filepath.Join(root, "lib")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(medium, ".discinfo"), []byte("5f0c\nDebian 13\namd64\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "usr/lib/molt/stage2"), "./testdata/stage2")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, c := range []*exec.Cmd{build, exec.Command("mksquashfs", root, filepath.Join(medium, "images/stage2.img"), "-comp", "zstd", "-quiet", "-no-progress")} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
}

// playInit is process 1 of the helper's namespaces.
func playInit(dir string) error {
	s, err := realSession(dir)
	if err != nil {
		return err
	}
	master, tty, err := pty.Open()
	if err != nil {
		return err
	}
	defer master.Close()
	defer tty.Close()
	s.fixed.Console = tty.Name()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	action := s.run(ctx)
	told := s.con.(*person).String()
	fmt.Print(told)
	for _, want := range []string{"crash of the first try", "ended what was left of stage 2"} {
		if !strings.Contains(told, want) {
			return fmt.Errorf("it never said %q", want)
		}
	}
	if action != handoff.Poweroff {
		return fmt.Errorf("it ended with %q", action)
	}
	for _, d := range []string{s.dirs.medium, s.dirs.lower, s.dirs.rw, s.dirs.root, s.dirs.target} {
		if left, err := s.below(d); err != nil || len(left) > 0 {
			return fmt.Errorf("left mounted: %v, %v", left, err)
		}
	}
	if left := rooted("/proc", s.dirs.root); len(left) > 0 {
		return fmt.Errorf("processes left: %v", left)
	}
	return nil
}

// realSession is a session on the real machine, with its places below dir.
func realSession(dir string) (*session, error) {
	private := []mount{
		{source: "none", target: "/", flags: syscall.MS_REC | syscall.MS_PRIVATE},
		{source: "proc", target: "/proc", fstype: "proc"},
		{source: "tmpfs", target: "/run", fstype: "tmpfs"},
		{source: "devpts", target: "/dev/pts", fstype: "devpts", data: "ptmxmode=0666"},
	}
	if err := mountAll(kernelMounter{}, private); err != nil {
		return nil, err
	}
	p := &person{answers: []string{"r"}}
	s := &session{con: p, log: &journal{file: p, con: p}, dirs: fixedDirs()}
	s.devices = newDevices(s.log, s.release())
	s.machine = machine{kernelMounter{}, kernelLoops{}, kernelMapper{}, &fake{}, kernelDrives{}, newReaper(), &fake{}, &fake{}, kernelServers{}} // the host's swap stays as it is
	d := &s.dirs
	for _, place := range []*string{&d.medium, &d.holder, &d.lower, &d.rw, &d.root, &d.target, &d.scratch, &d.modules, &d.imageMedium, &d.imageHolder, &d.stream, &d.updates} {
		*place = filepath.Join(dir, "molt", *place)
	}
	if err := os.MkdirAll(d.modules, 0o755); err != nil {
		return nil, err
	}
	image, err := os.ReadFile(filepath.Join(dir, "disc/images/stage2.img"))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(image)
	s.build = media.Build{
		Set:    media.Set{ID: "5f0c", Product: "Debian", Version: "13", Arch: "amd64", Discs: 1},
		Stage2: media.File{Path: "images/stage2.img", Size: int64(len(image)), SHA256: hex.EncodeToString(sum[:])},
	}
	s.setCommandLine("inst.stage2=file:" + filepath.Join(dir, "disc"))
	return s, os.MkdirAll("/run/molt", 0o755)
}

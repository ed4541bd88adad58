package loopctl

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestProgramLivesOn runs a program from an overlay over a file system on the device, and
// switches below it, to every kind of file there is. Before each step the caches
// are dropped, so that what the program needs comes from the new file.
func TestProgramLivesOn(t *testing.T) {
	for _, fstype := range []string{"squashfs", "erofs"} {
		t.Run(fstype, func(t *testing.T) {
			tree, ballast := liveTree(t)
			img := made(t, fstype, tree)
			d := attach(t, img, Config{ReadOnly: true})
			p := live(t, overlay(t, d, fstype), tree, ballast)
			p.step("before")
			for i, to := range []func(*testing.T, *os.File) *os.File{onExt4, onTmpfs, nameless, unlinked} {
				f := to(t, img)
				if err := p.switchTo(d, f); err != nil {
					t.Fatalf("switch %d: %v", i, err)
				}
				f.Close()
				p.step(fmt.Sprint("after switch ", i))
			}
			if _, err := d.ToMemory(within(t), nil); err != nil {
				t.Fatal(err)
			}
			p.step("in memory")
			for i := range 3 {
				if err := d.ChangeFD(img); err != nil {
					t.Fatal(err)
				}
				if _, err := d.ToMemory(within(t), &SwitchOptions{SkipRecheck: true}); err != nil {
					t.Fatal(err)
				}
				p.step(fmt.Sprint("round ", i))
			}
			p.end()
		})
	}
}

// liveTree is a tree with the program and some files. ballast is what the program has in it.
func liveTree(t *testing.T) (tree string, ballast []byte) {
	t.Helper()
	asRoot(t)
	tree = t.TempDir()
	for i := range 8 {
		if err := os.WriteFile(filepath.Join(tree, string(rune('a'+i))), pattern(128<<10, byte(i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	source := t.TempDir()
	ballast = pattern(2<<20, 77)
	program, err := os.ReadFile("testdata/live/main.go")
	if err == nil {
		err = errors.Join(os.WriteFile(source+"/main.go", program, 0o600), os.WriteFile(source+"/ballast", ballast, 0o600),
			os.WriteFile(source+"/go.mod", []byte("module live\n\ngo 1.26\n"), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", tree+"/live", ".")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return tree, ballast
}

// livingProgram is the program of testdata/live, running.
type livingProgram struct {
	t       *testing.T
	tree    string
	ballast []byte
	root    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	n       int
}

func live(t *testing.T, root, tree string, ballast []byte) *livingProgram {
	t.Helper()
	dropCaches(t)
	p := &livingProgram{t: t, tree: tree, ballast: ballast, root: root, cmd: exec.Command("/live")}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	p.cmd.Dir, p.cmd.Stderr = "/", os.Stderr
	p.in, _ = p.cmd.StdinPipe()
	out, _ := p.cmd.StdoutPipe()
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

// step has the program do something, and compares with what it should have read.
func (p *livingProgram) step(when string) {
	p.t.Helper()
	dropCaches(p.t)
	if _, err := fmt.Fprintln(p.in, when); err != nil {
		p.t.Fatalf("%s: the program is dead: %v", when, err)
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: the program is dead: %v", when, err)
	}
	const steps = 16
	part, step := len(p.ballast)/steps, p.n%steps
	h := sha256.New()
	h.Write(p.ballast[step*part : (step+1)*part])
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "live"} {
		data, _ := os.ReadFile(filepath.Join(p.tree, name))
		h.Write(data)
	}
	if want := fmt.Sprintf("%d %x\n", step, h.Sum(nil)); answer != want {
		p.t.Fatalf("%s: it says %q, want %q", when, answer, want)
	}
	if got, err := os.ReadFile(filepath.Join(p.root, "written")); err != nil || string(got) != strings.Repeat(when, 10000) {
		p.t.Errorf("%s: what it has written: %d bytes, %v", when, len(got), err)
	}
	sameTree(p.t, p.tree, p.root)
	p.n++
}

// switchTo goes by the command, if the file has a name, and else by the package.
func (p *livingProgram) switchTo(d *Device, f *os.File) error {
	if st, err := os.Stat(f.Name()); err != nil || !st.Mode().IsRegular() {
		_, err := d.Switch(within(p.t), f, nil)
		return err
	}
	if out := command(p.t, "switch", "--quiet", d.Path(), f.Name()); out.code != 0 {
		return refusal(out)
	}
	return nil
}

func (p *livingProgram) end() {
	p.t.Helper()
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the program: %v", err)
	}
}

func onExt4(t *testing.T, img *os.File) *os.File {
	f, _ := volume(t, img)
	return f
}

func onTmpfs(t *testing.T, img *os.File) *os.File {
	point := t.TempDir()
	mountOn(t, "tmpfs", point, "tmpfs", 0, "")
	return copied(t, img, point+"/img", 0)
}

func nameless(t *testing.T, img *os.File) *os.File {
	return copied(t, img, t.TempDir(), unix.O_TMPFILE)
}

func unlinked(t *testing.T, img *os.File) *os.File {
	f := copied(t, img, t.TempDir()+"/img", os.O_CREATE)
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	return f
}

func copied(t *testing.T, img *os.File, name string, flags int) *os.File {
	t.Helper()
	if flags == 0 {
		flags = os.O_CREATE
	}
	f, err := os.OpenFile(name, os.O_RDWR|flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := io.Copy(f, io.NewSectionReader(img, 0, 1<<40)); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRefusesToKill: the kernel shuts a mounted ext4 or xfs down from 6.6 on, so both
// ways refuse and the file system goes on. That the kernel does so is made sure of as well: otherwise
// the refusal is wrong.
func TestRefusesToKill(t *testing.T) {
	if !atLeast(kernelRelease(), 6, 6) {
		t.Skip("the kernel leaves them alone before 6.6")
	}
	for _, fstype := range []string{"ext4", "xfs"} {
		t.Run(fstype, func(t *testing.T) {
			img, tree := image(t, fstype)
			other := sparseCopy(t, img)
			d := attach(t, img, Config{ReadOnly: true})
			if _, err := d.Switch(within(t), other, &SwitchOptions{Verify: VerifyNone, SkipRecheck: true}); err != nil {
				t.Errorf("not mounted: %v", err)
			}
			other, img = img, other
			point := t.TempDir()
			mountOn(t, d.Path(), point, fstype, unix.MS_RDONLY, "")
			before := infoOf(t, d)
			for _, w := range ways(t) {
				if err := w.switchTo(d, other); !refusedFor(err, ErrWouldKillFS) {
					t.Errorf("%s: got %v", w.name, err)
				}
				unchanged(t, d, before)
				dropCaches(t)
				sameTree(t, tree, point)
			}
			if err := d.ChangeFD(other); err != nil {
				t.Fatal(err)
			}
			dropCaches(t)
			if _, err := os.ReadFile(point + "/a"); err == nil {
				t.Errorf("%s lives on: there's no reason to refuse it", fstype)
			}
		})
	}
}

func sparseCopy(t *testing.T, img *os.File) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "other")
	if out, err := exec.Command("cp", "--sparse=always", img.Name(), name).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return opened(t, name, 0)
}

package vmtest

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/vm"
)

// Kernel is a kernel to boot a program of one's own with, as /init. Its
// modules are below /lib/modules there, with a modules.dep, as guestinit
// wants them.
type Kernel struct {
	Image   string // for vm.Config.Kernel
	initrd  string // has the modules, if they are not in
	modules string // this directory: .../lib/modules/<version>
}

// FindKernel takes the first of: the set "tiny" if it is built, the kernel
// fetched earlier, and if RequireEnv is set the build machine's own kernel package,
// fetched with apt (no root, 70 MB). Otherwise the test is skipped.
func FindKernel(t testing.TB) Kernel {
	t.Helper()
	if testing.Short() {
		t.Skip("guests are left out in short mode")
	}
	build := filepath.Join(Root(t), "build")
	netboot := filepath.Join(build, "tiny", "netboot")
	k := Kernel{Image: filepath.Join(netboot, "vmlinuz"), initrd: filepath.Join(netboot, "initrd.img")}
	if exists(k.Image) && exists(k.initrd) {
		return k
	}
	cache := filepath.Join(build, "cache", "testkernel")
	k, err := cached(cache)
	if err != nil {
		if os.Getenv(RequireEnv) == "" {
			t.Skipf("no kernel for a guest: run make iso EXAMPLE=tiny, or set %s=1 to have one fetched with apt", RequireEnv)
		}
		if err := fetchKernel(t.Context(), cache); err != nil {
			t.Fatal(err)
		}
		k = must(cached(cache))(t)
	}
	return k
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func cached(dir string) (Kernel, error) {
	image, _ := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	modules, _ := filepath.Glob(filepath.Join(dir, "lib", "modules", "*"))
	if usr, _ := filepath.Glob(filepath.Join(dir, "usr", "lib", "modules", "*")); len(modules) == 0 {
		modules = usr // since Debian 13
	}
	if len(image) == 0 || len(modules) == 0 {
		return Kernel{}, fmt.Errorf("no kernel below %s", dir)
	}
	return Kernel{Image: image[0], modules: modules[0]}, nil
}

// fetchKernel unpacks the package linux-image-amd64 depends on.
func fetchKernel(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "--important", "linux-image-amd64").Output()
	if err != nil {
		return fmt.Errorf("ask apt for the kernel's package: %w", err)
	}
	_, name, _ := strings.Cut(string(out), "Depends: ")
	name, _, _ = strings.Cut(name, "\n")
	if err := run(ctx, dir, "apt-get", "--quiet=2", "download", name); err != nil {
		return fmt.Errorf("fetch %s with apt: %w", name, err)
	}
	debs, _ := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if len(debs) == 0 {
		return fmt.Errorf("apt-get download %s left no package in %s", name, dir)
	}
	return run(ctx, dir, "dpkg-deb", "-x", debs[0], dir)
}

// Initrd is an initramfs with the program at path init as /init and the
// modules named, with all they depend on.
func (k Kernel) Initrd(t testing.TB, init string, modules ...string) string {
	t.Helper()
	files := map[string][]byte{"init": must(os.ReadFile(init))(t)}
	if k.initrd != "" {
		return Initramfs(t, []string{k.initrd}, files)
	}
	m := moduleTree{dir: k.modules, files: files, paths: must(modulePaths(k.modules))(t)}
	for _, name := range modules {
		if err := m.add(name); err != nil {
			t.Fatal(err)
		}
	}
	files[m.in("modules.dep")] = m.dep.Bytes()
	files[m.in("modules.builtin")] = must(os.ReadFile(filepath.Join(k.modules, "modules.builtin")))(t)
	return Initramfs(t, nil, files)
}

// BootProgram boots a guest with a program of this module, built for it, as its
// /init, and waits for the program to print a line that matches ready.
func BootProgram(ctx context.Context, t testing.TB, cfg vm.Config, pkg, ready string, modules ...string) *vm.Guest {
	t.Helper()
	k := FindKernel(t)
	cfg.Kernel, cfg.Initrd = k.Image, k.Initrd(t, Build(t, pkg), modules...)
	cfg.Append, cfg.Memory = "console=ttyS0 no_timer_check panic=-1 quiet", 512
	g := Start(t, cfg)
	if _, err := g.Console().Expect(ctx, ready); err != nil {
		t.Fatal(err)
	}
	return g
}

// moduleTree collects modules for /lib/modules of an initramfs.
type moduleTree struct {
	dir   string
	paths map[string]string // module name → file, below dir
	files map[string][]byte
	dep   bytes.Buffer // modules.dep
}

func (m *moduleTree) in(name string) string {
	return filepath.Join("lib/modules", filepath.Base(m.dir), name)
}

// modulePaths finds all modules. In names '-' and '_' are the same.
func modulePaths(dir string) (map[string]string, error) {
	paths := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if name, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok {
			rel, _ := filepath.Rel(dir, path)
			paths[strings.ReplaceAll(name, "-", "_")] = rel
		}
		return err
	})
	return paths, err
}

// add adds a module and what it depends on. One that isn't there is built
// into the kernel; the guest's modules.builtin knows.
func (m *moduleTree) add(name string) error {
	path, ok := m.paths[name]
	if !ok {
		return nil
	}
	plain, compressed, _ := strings.Cut(path, ".ko")
	plain += ".ko"
	if m.files[m.in(plain)] != nil {
		return nil
	}
	data, err := readModule(filepath.Join(m.dir, path), compressed)
	if err != nil {
		return fmt.Errorf("module %s: %w", name, err)
	}
	m.files[m.in(plain)] = data
	needs, err := moduleNeeds(data)
	if err != nil {
		return fmt.Errorf("module %s: %w", path, err)
	}
	fmt.Fprintf(&m.dep, "%s:", plain)
	for _, n := range needs {
		if p, _, ok := strings.Cut(m.paths[n], ".ko"); ok {
			fmt.Fprintf(&m.dep, " %s.ko", p)
		}
	}
	m.dep.WriteByte('\n')
	for _, n := range needs {
		if err := m.add(n); err != nil {
			return err
		}
	}
	return nil
}

func readModule(path, compressed string) ([]byte, error) {
	if compressed == ".xz" {
		return exec.Command("xz", "--decompress", "--stdout", path).Output()
	}
	return os.ReadFile(path)
}

// moduleNeeds reads "depends=" from a module's section .modinfo
// (include/linux/moduleparam.h, scripts/mod/modpost.c of the kernel).
func moduleNeeds(ko []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no section .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for _, field := range strings.Split(string(info), "\x00") {
		if list, ok := strings.CutPrefix(field, "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}

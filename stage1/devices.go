package stage1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/molt-installer/molt/internal/uevent"
	"github.com/molt-installer/molt/stage1/modules"
)

// needed are loaded whatever the devices ask for, all at the same time as
// those: the way from a disc to stage 2. Other file systems come when they are
// mounted (see modprobe). Each costs the check of its signature, so no more
// than what is always used.
func needed() []string {
	return []string{"sr_mod", "isofs", "loop", "squashfs", "overlay"}
}

// devices loads the modules for what is in the machine, and for what comes later.
type devices struct {
	log     *journal
	tree    string        // of the running kernel's modules
	arrived chan struct{} // has an element when a block device came or changed
	came    chan struct{} // the same for devices that came
	quiet   chan struct{} // closed when everything found at the start has its modules
	moved   chan struct{} // has an element when settling may have come to an end
	sys     string        // where sysfs is
	mu      sync.Mutex
	loader  *modules.Loader
	index   *modules.Index
	loads   int             // modules that are being loaded
	blocks  map[string]bool // block devices whose partitions are known, "sdb"
}

func newDevices(log *journal, tree string) *devices {
	return &devices{
		log: log, tree: tree, sys: "/sys", blocks: map[string]bool{}, quiet: make(chan struct{}),
		arrived: make(chan struct{}, 1), came: make(chan struct{}, 1), moved: make(chan struct{}, 1),
	}
}

// start begins to listen, then looks at what is there already, so that nothing
// falls between. It returns at once; modules are loaded meanwhile.
func (d *devices) start(ctx context.Context) error {
	if err := d.reopen(); err != nil {
		return err
	}
	d.log.note("index of kernel modules read")
	conn, err := uevent.Open()
	if err != nil {
		return err
	}
	go func() {
		if err := conn.Run(ctx, d.event, d.coldplug); err != nil {
			d.log.say("Devices that come later go unnoticed: %v", err)
		}
	}()
	d.present()
	d.loading(1)
	go func() {
		defer d.loading(-1)
		defer close(d.quiet)
		names := append(needed(), aliases(filepath.Join(d.sys, "bus"))...)
		d.log.note("%d modules and devices to load", len(names))
		d.loadAll(names)
		d.log.note("all devices have their modules")
	}()
	return nil
}

// reopen reads the index of modules, again when there are more.
func (d *devices) reopen() error {
	index, loader, err := openLoader(d.tree)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.index, d.loader = index, loader
	return nil
}

// moduleTree is where the running kernel's modules are.
func moduleTree() string { return filepath.Join("/lib/modules", kernelRelease()) }

// files are the files of a module and of those it needs, in order of loading.
func (d *devices) files(module string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.index == nil {
		return nil
	}
	return d.index.Files(module)
}

func openLoader(dir string) (*modules.Index, *modules.Loader, error) {
	index, err := modules.Read(os.DirFS(dir))
	if err != nil {
		return nil, nil, fmt.Errorf("%w (kernel and initramfs are not of the same build)", err)
	}
	return index, modules.NewLoader(index, dir), nil
}

// event takes one message of the kernel.
func (d *devices) event(e uevent.Event) {
	if alias := e.Env["MODALIAS"]; alias != "" && e.Action == "add" {
		d.loading(1)
		go func() {
			defer d.loading(-1)
			d.load(alias)
		}()
	}
	d.noteBlock(e)
	if e.Env["SUBSYSTEM"] != "block" || strings.HasPrefix(filepath.Base(e.Path), "loop") {
		return
	}
	if e.Action == "add" {
		signalTo(d.came)
	}
	if e.Action == "add" || e.Action == "change" {
		signalTo(d.arrived)
	}
}

func signalTo(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// coldplug loads what all present devices ask for.
func (d *devices) coldplug() {
	d.loading(1)
	defer d.loading(-1)
	d.present()
	d.loadAll(aliases(filepath.Join(d.sys, "bus")))
}

func (d *devices) loadAll(names []string) {
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() { d.load(name) })
	}
	wg.Wait()
	signalTo(d.arrived)
}

func (d *devices) load(name string) {
	d.mu.Lock()
	loader := d.loader
	d.mu.Unlock()
	if loader == nil {
		return // it couldn't be opened, and that has been said
	}
	if err := loader.Load(name); err != nil {
		d.log.note("%v", err)
	}
}

// aliases are the modaliases of all devices below dir, /sys/bus, each once.
func aliases(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "*/devices/*/modalias"))
	seen := map[string]bool{}
	var list []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		alias := strings.TrimSpace(string(data))
		if err == nil && alias != "" && !seen[alias] {
			seen[alias] = true
			list = append(list, alias)
		}
	}
	return list
}

// answerKernel lets the kernel call this program when it misses a module. The
// link is not in the archive: while the kernel starts it asks for dozens of
// ciphers it can do without, and each call would cost a tenth of a second.
func answerKernel(program, link string) error {
	if err := os.Symlink(program, link); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("let the kernel ask for modules: %w", err)
	}
	return nil
}

// modprobe is what the kernel runs when it misses a module: "-q -- fs-vfat"
// (kernel/module/kmod.c).
func modprobe(args []string) int {
	if len(args) == 0 {
		return 2
	}
	_, loader, err := openLoader(moduleTree())
	if err != nil {
		return 1
	}
	if err := loader.Load(args[len(args)-1]); err != nil {
		return 1
	}
	return 0
}

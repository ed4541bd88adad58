package linuxhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
	"github.com/molt-installer/molt/stage2/machine"
)

// Probe collects the facts of the machine whose root directory is root ("/"):
// from /sys, /proc and, for what is on its disks, /dev. It writes nothing, starts
// no array and no volume group, and wakes no optical drive. A fact that can't be had
// is left empty, and Machine.Unknown says why; an error says that there is no /sys
// or /proc, or that ctx ended.
//
// tools runs lvm and btrfs where members of theirs are found; with nil what they
// would tell stays unknown. What is fixed and small, like the superblocks of md and
// btrfs, is read here; the metadata of LVM is a language that only lvm speaks.
//
// A disk that doesn't answer holds Probe up for as long as the kernel tries, once,
// however many there are: the disks are read side by side, and no tool gets one that
// couldn't be read.
func Probe(ctx context.Context, root string, tools host.Commands) (machine.Machine, error) {
	p := prober{root: root, tools: tools}
	m := machine.Machine{
		Firmware: p.firmware(),
		Arch:     debianArch(runtime.GOARCH),
		CPUs:     p.cpus(),
		Product:  joinWords(p.text("sys/class/dmi/id/sys_vendor"), p.text("sys/class/dmi/id/product_name")),
		Drives:   p.drives(),
		NICs:     p.nics(),
	}
	var err error
	if m.Memory, err = p.memory(); err != nil {
		return m, fmt.Errorf("probe the machine: %w", err)
	}
	if m.Disks, m.Unknown, err = p.disks(ctx); err != nil {
		return m, fmt.Errorf("probe the machine: %w", err)
	}
	s := p.stacks(ctx, m.Disks)
	m.Stacks, m.Unknown = s.found, append(m.Unknown, s.unknown...)
	if err := ctx.Err(); err != nil {
		return m, fmt.Errorf("probe the machine: %w", err)
	}
	return m, nil
}

// prober reads below a root directory.
type prober struct {
	root  string
	tools host.Commands
}

func (p prober) path(name string) string { return filepath.Join(p.root, name) }

// text is a file's content without white space around it; empty when it isn't there.
func (p prober) text(name string) string {
	data, err := os.ReadFile(p.path(name))
	if err != nil {
		return ""
	}
	return strings.Trim(string(data), " \t\n\x00")
}

func (p prober) number(name string) int64 {
	n, _ := strconv.ParseInt(p.text(name), 10, 64)
	return n
}

// list are the names in a directory, sorted; none when it isn't there.
func (p prober) list(dir string) []string {
	entries, _ := os.ReadDir(p.path(dir))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func (p prober) firmware() machine.Firmware {
	if _, err := os.Stat(p.path("sys/firmware/efi")); err == nil {
		return machine.UEFI
	}
	return machine.BIOS
}

// cpus counts the ranges of "0-3,8".
func (p prober) cpus() int {
	count := 0
	for _, r := range strings.Split(p.text("sys/devices/system/cpu/online"), ",") {
		first, last, ok := strings.Cut(r, "-")
		if !ok {
			last = first
		}
		a, err := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if errors.Join(err, err2) == nil && b >= a {
			count += b - a + 1
		}
	}
	return max(count, 1)
}

func (p prober) memory() (int64, error) {
	f, err := os.Open(p.path("proc/meminfo"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if words := strings.Fields(s.Text()); len(words) == 3 && words[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(words[1], 10, 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no MemTotal", p.path("proc/meminfo"))
}

// debianArch translates Go's name of an architecture.
func debianArch(goarch string) string {
	names := map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "mipsle": "mipsel", "mips64le": "mips64el"}
	if name, ok := names[goarch]; ok {
		return name
	}
	return goarch
}

func (p prober) drives() []machine.Drive {
	paths, _ := media.Drives(p.root)
	drives := make([]machine.Drive, len(paths))
	for i, path := range paths {
		drives[i] = machine.Drive{Path: path, Model: p.model("sys/block/" + filepath.Base(path))}
	}
	return drives
}

// disks are those that could be installed on, and those that could if nothing
// used them; unread says of which the content isn't known.
func (p prober) disks(ctx context.Context) (disks []machine.Disk, unread []string, err error) {
	entries, err := os.ReadDir(p.path("sys/block"))
	if err != nil {
		return nil, nil, err
	}
	users, err := p.users()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !p.target(e.Name()) })
	disks = make([]machine.Disk, len(entries))
	errs := make([][]string, len(entries))
	var read sync.WaitGroup
	for i, e := range entries {
		read.Go(func() { disks[i], errs[i] = p.disk(e.Name(), users) })
	}
	read.Wait()
	return disks, slices.Concat(errs...), ctx.Err()
}

// joinWords joins what isn't empty, and leaves out a first word that the second
// begins with: "QEMU", "QEMU HARDDISK".
func joinWords(a, b string) string {
	if a == "" || strings.HasPrefix(b, a) {
		return b
	}
	return strings.TrimSpace(a + " " + b)
}

// Package initramfs builds, on the host, the archive the kernel boots into:
// stage 1 as /init, the kernel modules a machine needs to reach its discs, a
// few rescue commands, and the [media.Build] stage 1 checks everything against.
//
// It is not a general initramfs generator: there are no hooks, no host
// configuration goes in, and the running kernel does not matter. Modules come
// from an unpacked kernel package; their dependencies and aliases are read from
// the modules themselves, so depmod is not needed.
//
// The same input gives the same bytes: files are sorted, have no times and no
// owners, and programs are built with -trimpath. Needs the go command.
package initramfs

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/molt-installer/molt/media"
)

// Config says what goes into the archive. Only Init or Dir must be given.
type Config struct {
	Init     string      // stage 1's binary; empty: Package is built from Dir
	Package  string      // of stage 1; default "github.com/molt-installer/molt/cmd/stage1"
	Dir      string      // a directory in a module that is or requires molt: where go commands run
	Modules  string      // a kernel's module tree, ".../lib/modules/6.12.57+deb13-amd64"; empty: none
	Select   []string    // patterns of modules, see [DefaultModules]; nil: DefaultModules
	Plain    []string    // patterns of modules stored uncompressed; nil: [BootModules]
	Firmware []string    // /lib/firmware trees; what selected modules ask for is taken from the first that has it
	Build    media.Build // goes to media.BuildPath
	Rescue   []string    // directories below u-root's cmds, see [DefaultRescue]; nil: DefaultRescue, empty: none
	Files    []File      // anything else
	Cache    string      // directory that keeps what is slow to build; empty: nothing is kept
}

// File is one more file for the archive.
type File struct {
	Name string      // in the archive: "etc/motd"
	Data []byte      // its content
	Mode fs.FileMode // permissions; 0 means 0644
}

// Report says what an archive is made of. Sizes are in bytes.
type Report struct {
	Archive   int64  // compressed, as the boot loader loads it
	Unpacked  int64  // as it occupies memory
	Init      int64  // of it stage 1
	Rescue    int64  // of it the rescue commands
	Modules   int64  // of it modules and their indexes
	Count     int    // modules
	Firmware  int64  // of it firmware
	Kernel    string // version the modules are for
	Unmatched []string
	Idle      []string // of Config.Firmware, those that nothing was taken from
}

// Build writes the archive that c describes to w, as newc cpio compressed by zstd.
func Build(ctx context.Context, w io.Writer, c Config) (Report, error) {
	t := newTree()
	var r Report
	for _, add := range []func(context.Context, *tree, *Report) error{
		c.addLayout, c.addInit, c.addRescue, c.addModules, c.addFiles,
	} {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if err := add(ctx, t, &r); err != nil {
			return r, fmt.Errorf("build the initramfs: %w", err)
		}
	}
	n, err := t.write(w)
	if err != nil {
		return r, fmt.Errorf("write the initramfs: %w", err)
	}
	r.Archive, r.Unpacked = n, t.size("")
	return r, nil
}

// addLayout adds the directories stage 1 mounts on, and the console it writes
// to before it has mounted anything.
func (c Config) addLayout(_ context.Context, t *tree, _ *Report) error {
	for _, d := range []string{"dev", "proc", "sys", "run", "tmp", "root", "etc", "lib", "sbin", "bin"} {
		t.dir(d)
	}
	t.device("dev/console", 5, 1)
	t.device("dev/null", 1, 3)
	return nil
}

func (c Config) addInit(ctx context.Context, t *tree, r *Report) error {
	data, err := c.readInit(ctx)
	if err != nil {
		return err
	}
	t.file("init", data, 0o755)
	r.Init = int64(len(data))
	return nil
}

func (c Config) addFiles(_ context.Context, t *tree, _ *Report) error {
	build, err := marshal(c.Build)
	if err != nil {
		return err
	}
	t.file(media.BuildPath, build, 0o644)
	for _, f := range c.Files {
		mode := f.Mode.Perm()
		if mode == 0 {
			mode = 0o644
		}
		t.file(path.Clean(f.Name), f.Data, mode)
	}
	return nil
}

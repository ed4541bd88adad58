package initramfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/u-root/gobusybox/src/pkg/bb"
	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/uio/ulog"
)

const (
	stage1Package = "github.com/molt-installer/molt/cmd/stage1"
	urootModule   = "github.com/u-root/u-root"
	// rescueTag chooses gosh's line editor: the one of the smallest build doesn't
	// obey "exit" when the command before it failed.
	rescueTag = "goshliner"
)

// DefaultRescue are the commands a person finds in the shell of stage 1, as
// directories of u-root's source.
func DefaultRescue() []string {
	var dirs []string
	for _, c := range []string{
		"gosh", "ls", "cat", "cp", "mkdir", "mount", "umount", "dmesg", "ps", "kill",
		"lsmod", "losetup", "blkid", "df", "more", "grep",
	} {
		dirs = append(dirs, "core/"+c)
	}
	return dirs
}

// readInit returns stage 1's program.
func (c Config) readInit(ctx context.Context) ([]byte, error) {
	if c.Init != "" {
		return os.ReadFile(c.Init)
	}
	pkg := c.Package
	if pkg == "" {
		pkg = stage1Package
	}
	return goBuild(ctx, c.Dir, pkg)
}

// goBuild builds a static program, the same bytes wherever dir is.
func goBuild(ctx context.Context, dir, pkg string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "molt-initramfs-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "program")
	if _, err := goCommand(ctx, dir, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, pkg); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// goCommand runs the go command in dir and returns what it prints.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// addRescue adds the rescue commands: one program, and a link to it for each.
func (c Config) addRescue(ctx context.Context, t *tree, r *Report) error {
	dirs := orDefault(c.Rescue, DefaultRescue)
	if len(dirs) == 0 {
		return nil
	}
	data, err := c.rescue(ctx, dirs)
	if err != nil {
		return fmt.Errorf("build the rescue commands: %w", err)
	}
	t.file("bin/bb", data, 0o755)
	for _, d := range dirs {
		t.link("bin/"+path.Base(d), "bb")
	}
	r.Rescue = int64(len(data))
	return nil
}

// rescue returns the program with the rescue commands, from the cache if what
// it is made of hasn't changed: building it takes a minute of processor time.
func (c Config) rescue(ctx context.Context, dirs []string) ([]byte, error) {
	uroot, err := goCommand(ctx, c.Dir, "list", "-m", "-f", "{{.Dir}}", urootModule)
	if err != nil {
		return nil, err
	}
	stamp, err := c.rescueStamp(ctx, dirs)
	if err != nil {
		return nil, err
	}
	cached := filepath.Join(c.Cache, "rescue-"+stamp)
	if data, err := os.ReadFile(cached); c.Cache != "" && err == nil {
		return data, nil
	}
	data, err := buildRescue(uroot, dirs)
	if err != nil || c.Cache == "" {
		return data, err
	}
	return data, keep(cached, data)
}

// rescueStamp names a build of the rescue commands by all that goes into it.
func (c Config) rescueStamp(ctx context.Context, dirs []string) (string, error) {
	version, err := goCommand(ctx, c.Dir, "list", "-m", "-f", "{{.Path}}@{{.Version}}",
		urootModule, "github.com/u-root/gobusybox/src")
	if err != nil {
		return "", err
	}
	toolchain, err := goCommand(ctx, c.Dir, "env", "GOVERSION", "GOARCH", "GOAMD64")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{version, toolchain, rescueTag}, dirs...), "\n")))
	return hex.EncodeToString(sum[:8]), nil
}

func buildRescue(uroot string, dirs []string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "molt-rescue-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	paths := make([]string, len(dirs))
	for i, d := range dirs {
		paths[i] = filepath.Join(uroot, "cmds", filepath.FromSlash(d))
	}
	out := filepath.Join(tmp, "bb")
	opts := &bb.Opts{
		Env:          golang.Default(golang.DisableCGO(), golang.WithGO111MODULE("on"), golang.WithBuildTag(rescueTag)),
		GenSrcDir:    filepath.Join(tmp, "src"),
		CommandPaths: paths,
		BinaryPath:   out,
		GoBuildOpts:  &golang.BuildOpts{ExtraArgs: []string{"-buildvcs=false"}},
	}
	if err := bb.BuildBusybox(ulog.Null, opts); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// keep writes data to file so that a reader sees all of it or nothing.
func keep(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

func parallel() int { return runtime.GOMAXPROCS(0) }

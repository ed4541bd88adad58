package vm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// MkDisk makes an empty disk of size bytes that takes no space until it is
// written. A file that is there is replaced.
func MkDisk(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make the disk: %w", err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("make the disk %s of %d bytes: %w", path, size, err)
	}
	return f.Close()
}

// oemdrvSize is the size of the volume MkOEMDRV makes, bytes.
const oemdrvSize = 8 << 20

// MkOEMDRV makes a disk that is one FAT file system labelled OEMDRV, where an
// installer looks for ks.cfg. files are path → content.
func MkOEMDRV(ctx context.Context, image string, files map[string]string) error {
	if err := MkDisk(image, oemdrvSize); err != nil {
		return err
	}
	if err := tool(ctx, "", "mkfs.vfat", "-n", "OEMDRV", image); err != nil {
		return err
	}
	made := map[string]bool{".": true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := mkdirs(ctx, image, path.Dir(name), made); err != nil {
			return err
		}
		if err := tool(ctx, files[name], "mcopy", "-i", image, "-", "::"+name); err != nil {
			return err
		}
	}
	return nil
}

func mkdirs(ctx context.Context, image, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := mkdirs(ctx, image, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return tool(ctx, "", "mmd", "-i", image, "::"+dir)
}

// tool runs a program; its output is in the error.
func tool(ctx context.Context, stdin string, args ...string) error {
	_, err := output(ctx, stdin, args...)
	return err
}

// output runs a program and returns what it printed, also when it failed.
func output(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), err
}

// exitStatus is the status a program ended with, 0 if err is of another kind.
func exitStatus(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

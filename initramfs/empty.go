package initramfs

import (
	"context"
	"fmt"
	"io"
)

const emptyPackage = "github.com/molt-installer/molt/initramfs/emptyinit"

// Empty writes the archive that `make bench` compares with: a /init that prints
// "up" and turns the machine off, and nothing else. dir is as Config.Dir.
func Empty(ctx context.Context, w io.Writer, dir string) error {
	init, err := goBuild(ctx, dir, emptyPackage)
	if err != nil {
		return fmt.Errorf("build the empty initramfs: %w", err)
	}
	t := newTree()
	t.dir("dev")
	t.device("dev/console", 5, 1)
	t.file("init", init, 0o755)
	if _, err := t.write(w); err != nil {
		return fmt.Errorf("write the empty initramfs: %w", err)
	}
	return nil
}

package stage1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/anatol/devmapper.go"
	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/internal/devlinks"
	"github.com/molt-installer/molt/internal/handoff"
)

// layers ends what stage 2 made of the target's disks.
type layers interface {
	// CloseLayers ends encrypted devices, logical volumes and arrays, what stands
	// on another before that. Arrays are clean afterwards. EBUSY when one is in use.
	CloseLayers() error
}

// closeLayers comes when nothing of the target is mounted any more.
func (s *session) closeLayers(ctx context.Context, _ handoff.Result) error {
	return s.free(ctx, "what the target is on", func(context.Context) error { return s.CloseLayers() })
}

// kernelLayers is the real layers. The programs that made them are gone with stage
// 2's root, and not needed: the kernel knows all there is.
type kernelLayers struct{}

func (kernelLayers) CloseLayers() error {
	const deepest = 32 // more can't be on one another: every round takes what is on top
	var err error
	progress := true
	for n := 0; progress && n < deepest; n++ {
		progress, err = closeFree("/sys/block", "/dev/mapper")
	}
	return err
}

// closeFree closes what nothing stands on. The error is about what is left.
func closeFree(block, nodes string) (progress bool, err error) {
	var errs []error
	for _, pattern := range []string{"dm-*", "md*"} {
		found, err := filepath.Glob(filepath.Join(block, pattern))
		if err != nil {
			return false, err
		}
		for _, dir := range found {
			if !closable(dir) {
				continue
			}
			if err := closeLayer(dir, nodes); err != nil {
				errs = append(errs, fmt.Errorf("close %s: %w", filepath.Base(dir), err))
			} else {
				progress = true
			}
		}
	}
	return progress, errors.Join(errs...)
}

// closable reports whether the device is there and nothing stands on it or its partitions.
// One that has neither a name nor a state has been closed and is just going. Stage 2's own
// image is not among the target's.
func closable(dir string) bool {
	held, _ := filepath.Glob(filepath.Join(dir, "holders", "*"))
	parts, _ := filepath.Glob(filepath.Join(dir, "*", "holders", "*"))
	if len(held)+len(parts) > 0 {
		return false
	}
	if name := mapperName(dir); name != "" {
		return name != mapped
	}
	state, err := os.ReadFile(filepath.Join(dir, "md", "array_state"))
	return err == nil && strings.TrimSpace(string(state)) != "clear"
}

func mapperName(dir string) string {
	data, _ := os.ReadFile(filepath.Join(dir, "dm", "name"))
	return strings.TrimSpace(string(data))
}

// closeLayer ends one device. To write "clear" stops an array as mdadm --stop does
// (Documentation/admin-guide/md.rst).
func closeLayer(dir, nodes string) error {
	name := mapperName(dir)
	if name == "" {
		if err := os.WriteFile(filepath.Join(dir, "md", "array_state"), []byte("clear\n"), 0); err != nil {
			return err
		}
		dev := filepath.Dir(nodes)
		return devlinks.Forget(dev, filepath.Join(dev, filepath.Base(dir)))
	}
	if err := devmapper.Remove(name); err != nil && !errors.Is(err, unix.ENXIO) {
		return err
	}
	return forgetNode(nodes, name)
}

// forgetNode removes what stage 2's programs made: the node, and LVM's link to it in /dev/GROUP.
// Another try could not make a group of that name.
func forgetNode(nodes, name string) error {
	node := filepath.Join(nodes, name)
	if err := devlinks.Forget(filepath.Dir(nodes), node); err != nil {
		return err
	}
	if err := os.Remove(node); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

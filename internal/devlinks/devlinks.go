// Package devlinks removes the links below /dev that LVM makes in /dev/GROUP and mdadm in /dev/md
// where no udev does. When the device has gone they stay: a group of that name couldn't be made
// again, and another array may get the node that a link leads to.
package devlinks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Forget removes the links to node in the directories of dev ("/dev"), and those directories
// that are empty then.
func Forget(dev, node string) error {
	links, err := filepath.Glob(filepath.Join(dev, "*", "*"))
	if err != nil {
		return err
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || to != node && filepath.Join(filepath.Dir(link), to) != node {
			continue
		}
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_ = os.Remove(filepath.Dir(link)) // unless it holds others
	}
	return nil
}

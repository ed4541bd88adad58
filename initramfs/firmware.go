package initramfs

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// addFirmware adds the firmware that mods ask for, as far as it is there:
// drivers name more files than were ever published.
func (c Config) addFirmware(mods map[string]*module, t *tree, r *Report) error {
	wanted := map[string]bool{}
	for _, m := range mods {
		for _, pattern := range m.Firmware {
			wanted[pattern] = true
		}
	}
	there := map[string]bool{}
	for _, dir := range c.Firmware {
		n, err := addFirmwareOf(dir, slices.Sorted(maps.Keys(wanted)), there, t)
		if err != nil {
			return fmt.Errorf("firmware from %s: %w", dir, err)
		}
		if n == 0 {
			r.Idle = append(r.Idle, dir)
		}
	}
	r.Firmware = t.size("lib/firmware/")
	return nil
}

// addFirmwareOf adds what dir has of the wanted, and counts what is not there yet. A
// link is followed within dir alone: packages have some that lead to what this machine has.
func addFirmwareOf(dir string, wanted []string, there map[string]bool, t *tree) (int, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	n := 0
	for _, pattern := range wanted {
		for _, suffix := range []string{"", ".xz", ".zst"} { // as the kernel looks for them
			names, err := fs.Glob(root.FS(), pattern+suffix)
			if err != nil {
				return n, fmt.Errorf("look for %s: %w", pattern, err)
			}
			for _, name := range names {
				info, err := root.Stat(name)
				if err != nil || !info.Mode().IsRegular() || there[name] {
					continue // a link to nowhere
				}
				data, err := root.ReadFile(name)
				if err != nil {
					return n, err
				}
				there[name] = true
				n++
				t.file("lib/firmware/"+name, data, 0o644)
			}
		}
	}
	return n, nil
}

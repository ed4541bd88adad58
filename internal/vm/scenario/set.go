// Package scenario plays the person who installs from a set of discs: it boots
// disc 1, puts in the disc that is asked for when a tray opens, waits for the end,
// and boots what was installed.
//
// It decides from what the guest tells (the events of docs/events.md and the
// trays of its drives), never from time. Whether what was installed is
// right is for others to check; vmtest has this for tests.
package scenario

import (
	"fmt"
	"os"
	"path/filepath"
)

// Set is a built set of discs.
type Set struct {
	Dir            string   // "build/tiny"
	Discs          []string // the ISO images; disc n is Discs[n-1]
	Kernel, Initrd string   // of netboot, empty if there are none
}

// OpenSet finds the files of the set in dir.
func OpenSet(dir string) (*Set, error) {
	s := &Set{Dir: dir}
	for {
		iso := filepath.Join(dir, fmt.Sprintf("disc%d.iso", len(s.Discs)+1))
		if _, err := os.Stat(iso); err != nil {
			break
		}
		s.Discs = append(s.Discs, iso)
	}
	if len(s.Discs) == 0 {
		return nil, fmt.Errorf("no set of discs in %s (disc1.iso is missing): run make iso EXAMPLE=%s", dir, filepath.Base(dir))
	}
	kernel, initrd := filepath.Join(dir, "netboot", "vmlinuz"), filepath.Join(dir, "netboot", "initrd.img")
	if _, err := os.Stat(kernel); err == nil {
		s.Kernel, s.Initrd = kernel, initrd
	}
	return s, nil
}

// Disc is the ISO image of disc n, "" if the set has none of that number.
func (s *Set) Disc(n int) string {
	if n < 1 || n > len(s.Discs) {
		return ""
	}
	return s.Discs[n-1]
}

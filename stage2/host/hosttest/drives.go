package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/host"
)

// ErrNoMoreDiscs is what Await returns when the script has nothing more to
// insert, where a real machine would wait for ever.
var ErrNoMoreDiscs = errors.New("hosttest: no more discs to insert: add one with Insert")

type drive struct {
	path string
	disc media.Disc
}

type insert struct {
	drive string
	disc  media.Disc
	then  func()
}

// Disc is disc n of s, as Look finds it.
func Disc(s media.Set, n int) media.Disc {
	return media.Disc{
		State: media.Known,
		Label: fmt.Sprintf("%s_%s_D%d", s.Product, s.Version, n),
		Info:  media.DiscInfo{ID: s.ID, Release: s.Name(), Arch: s.Arch, Discs: []int{n}},
	}
}

// Empty is a drive without a disc.
func Empty() media.Disc { return media.Disc{State: media.NoDisc} }

// AddDrive adds an optical drive with d in it.
func (h *Host) AddDrive(path string, d media.Disc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.Drive = path
	h.drives = append(h.drives, &drive{path, d})
}

// Insert puts d into a drive at the next Await; the next Insert at the one
// after it. then, when given, runs with it, for instance to add the disc's files.
func (h *Host) Insert(drive string, d media.Disc, then ...func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.Drive = drive
	h.inserts = append(h.inserts, insert{drive, d, func() {
		for _, f := range then {
			f()
		}
	}})
}

// Drives implements host.Optical.
func (h *Host) Drives() ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("drives"); err != nil {
		return nil, err
	}
	var paths []string
	for _, d := range h.drives {
		paths = append(paths, d.path)
	}
	return paths, nil
}

// Look implements host.Optical.
func (h *Host) Look(_ context.Context, drive string) (media.Disc, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("look %s", drive); err != nil {
		return media.Disc{}, err
	}
	d, err := h.drive("look", drive)
	if err != nil {
		return media.Disc{}, err
	}
	return d.disc, nil
}

// Eject implements host.Optical. A mounted disc is busy.
func (h *Host) Eject(drive string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("eject %s", drive); err != nil {
		return err
	}
	d, err := h.drive("eject", drive)
	if err != nil {
		return err
	}
	for _, m := range h.mounts {
		if m.Source == drive {
			return &host.BusyError{Path: drive, Holders: []string{"mounted on " + m.Target}}
		}
	}
	d.disc = media.Disc{Drive: drive, State: media.TrayOpen}
	return nil
}

// Await implements host.Optical: it puts in the next disc of the script.
func (h *Host) Await(ctx context.Context, drives []string) error {
	then, err := h.next(drives)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	then()
	return nil
}

func (h *Host) next(drives []string) (func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("await %v", drives); err != nil {
		return nil, err
	}
	for i, in := range h.inserts {
		if !slices.Contains(drives, in.drive) {
			continue
		}
		d, err := h.drive("insert", in.drive)
		if err != nil {
			return nil, err
		}
		d.disc = in.disc
		h.inserts = slices.Delete(h.inserts, i, i+1)
		return in.then, nil
	}
	return nil, ErrNoMoreDiscs
}

func (h *Host) drive(op, path string) (*drive, error) {
	for _, d := range h.drives {
		if d.path == path {
			return d, nil
		}
	}
	return nil, &fs.PathError{Op: op, Path: path, Err: syscall.ENXIO}
}

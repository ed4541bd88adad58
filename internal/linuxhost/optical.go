package linuxhost

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/molt-installer/molt/media"
)

// Drives implements host.Optical.
func (h *Host) Drives() ([]string, error) { return media.Drives("/") }

// Look implements host.Optical.
func (h *Host) Look(ctx context.Context, drive string) (media.Disc, error) {
	w, err := h.drives()
	if err != nil {
		return media.Disc{}, err
	}
	return w.Look(ctx, drive)
}

// Eject implements host.Optical.
func (h *Host) Eject(drive string) error {
	err := media.Eject(drive)
	if errors.Is(err, media.ErrInUse) || errors.Is(err, unix.EBUSY) {
		return busy(drive)
	}
	return err
}

// Await implements host.Optical. What counts is what Look saw last.
func (h *Host) Await(ctx context.Context, drives []string) error {
	w, err := h.drives()
	if err != nil {
		return err
	}
	return w.Await(ctx, drives)
}

// Close lets go of the drives.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watch == nil {
		return nil
	}
	w := h.watch
	h.watch = nil
	return w.Close()
}

func (h *Host) drives() (*media.Watch, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watch == nil {
		w, err := media.NewWatch()
		if err != nil {
			return nil, fmt.Errorf("watch the optical drives: %w", err)
		}
		h.watch = w
	}
	return h.watch, nil
}

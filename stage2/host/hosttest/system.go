package hosttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/molt-installer/molt/stage2/host"
)

// Mounted are the mount points, in the order of mounting. It is not a call.
func (h *Host) Mounted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var targets []string
	for _, m := range h.mounts {
		targets = append(targets, m.Target)
	}
	return targets
}

// Mount implements host.Mounts.
func (h *Host) Mount(m host.Mount) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("mount %s", describe(m)); err != nil {
		return err
	}
	if err := h.mkdir(m.Target, 0o755); err != nil {
		return err
	}
	if !m.ReadOnly && strings.HasPrefix(m.Source, "/dev/") && !strings.HasSuffix(m.FSType, "bind") {
		h.wrote(m.Source)
	}
	h.mounts = append(h.mounts, m)
	return nil
}

func describe(m host.Mount) string {
	s := m.Source + " on " + m.Target + " type " + m.FSType
	if m.ReadOnly {
		s += " read-only"
	}
	if m.Options != "" {
		s += " options " + m.Options
	}
	return s
}

// AddMount puts a mount there without a call: what stage 1 left.
func (h *Host) AddMount(m host.Mount) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mkdir(m.Target, 0o755)
	h.mounts = append(h.mounts, m)
}

// Unmount implements host.Mounts: the last mount at target. Other mounts below
// it keep it busy.
func (h *Host) Unmount(target string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("unmount %s", target); err != nil {
		return err
	}
	target = path.Clean(target)
	last, below := -1, []string(nil)
	for i, m := range h.mounts {
		if path.Clean(m.Target) == target {
			last, below = i, nil
		} else if strings.HasPrefix(path.Clean(m.Target), target+"/") {
			below = append(below, "a mount on "+m.Target)
		}
	}
	if last < 0 {
		return &fs.PathError{Op: "unmount", Path: target, Err: syscall.EINVAL}
	}
	if below != nil {
		return &host.BusyError{Path: target, Holders: below}
	}
	h.mounts = slices.Delete(h.mounts, last, last+1)
	return nil
}

// WriteTable implements host.Disks: every partition gets a device node.
func (h *Host) WriteTable(_ context.Context, disk string, t host.Table) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("write-table %s with %d partitions", disk, len(t.Parts)); err != nil {
		return err
	}
	h.wrote(disk)
	for i, p := range t.Parts {
		if err := h.put(&file{PartName(disk, p.No(i)), fs.ModeDevice | 0o660, nil}); err != nil {
			return err
		}
	}
	return nil
}

// EditTable implements host.Disks: nodes go and come.
func (h *Host) EditTable(_ context.Context, disk string, e host.Edit) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("edit-table %s: delete %s, resize %s, add %s", disk, numbers(e.Delete), numbers(e.Resize), numbers(e.Add)); err != nil {
		return err
	}
	h.wrote(disk)
	for i, p := range e.Delete {
		delete(h.files, PartName(disk, p.No(i)))
	}
	for i, p := range e.Add {
		if err := h.put(&file{PartName(disk, p.No(i)), fs.ModeDevice | 0o660, nil}); err != nil {
			return err
		}
	}
	return nil
}

func numbers(parts []host.TablePart) string {
	if len(parts) == 0 {
		return "none"
	}
	var list []string
	for i, p := range parts {
		list = append(list, strconv.Itoa(p.No(i)))
	}
	return strings.Join(list, " ")
}

// PartName is the device of partition n of disk: "/dev/vda2", "/dev/nvme0n1p2".
func PartName(disk string, n int) string {
	if c := disk[len(disk)-1]; c >= '0' && c <= '9' {
		disk += "p"
	}
	return disk + strconv.Itoa(n)
}

// Release implements host.Disks.
func (h *Host) Release(_ context.Context, device string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.call("release %s", device)
}

// Wipe implements host.Disks.
func (h *Host) Wipe(_ context.Context, device string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("wipe %s", device); err != nil {
		return err
	}
	h.wrote(device)
	return nil
}

// AddLoop binds a loop device to a file.
func (h *Host) AddLoop(device, file string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.backing[device] = file
}

// Backing is the file under a loop device. It is not a call.
func (h *Host) Backing(device string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.backing[device]
}

// Switch implements host.Loops. A loop device is bound by AddLoop, else ENXIO.
func (h *Host) Switch(_ context.Context, device, name string, progress func(string, int64, int64)) (host.Switched, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("switch %s to %s", device, name); err != nil {
		return host.Switched{}, err
	}
	old, ok := h.backing[device]
	if !ok {
		return host.Switched{}, &fs.PathError{Op: "switch", Path: device, Err: syscall.ENXIO}
	}
	f, err := h.find("open", name)
	if err != nil {
		return host.Switched{}, err
	}
	if progress != nil {
		progress("verify", f.Size(), f.Size())
	}
	h.backing[device] = name
	sum := sha256.Sum256(f.data)
	return host.Switched{
		Old: old, New: name, Bytes: f.Size(), SHA256: hex.EncodeToString(sum[:]),
		Ioctl: 15 * time.Millisecond, Verify: time.Second,
	}, nil
}

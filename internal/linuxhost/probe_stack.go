package linuxhost

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/machine"
)

// piece is a device that can be a member of a stack.
type piece struct {
	path string // "/dev/sda2"
	dir  string // in sysfs: "sys/block/sda/sda2"
	size int64
	media.Volume
}

// stacks are what is made of disks.
type stacks struct {
	p       prober
	pieces  []piece
	found   []machine.Stack
	unknown []string // what couldn't be found out
}

// stacks finds out what the disks' partitions are members of, from the bottom up:
// arrays, encrypted devices on them, volume groups on both, and btrfs on all.
func (p prober) stacks(ctx context.Context, disks []machine.Disk) *stacks {
	s := &stacks{p: p}
	for _, d := range disks {
		dir := "sys/block/" + sysName(d.Path)
		if len(d.Parts) == 0 {
			s.add(piece{d.Path, dir, d.Size, media.Volume{FSType: d.FSType, Label: d.Label, UUID: d.UUID}})
		}
		for _, part := range d.Parts {
			s.add(piece{part.Path, dir + "/" + sysName(part.Path), part.Size, media.Volume{FSType: part.FSType, Label: part.Label, UUID: part.UUID}})
		}
	}
	s.arrays()
	s.encrypted()
	s.groups(ctx)
	s.encrypted() // on logical volumes that are active
	s.btrfs(ctx)
	return s
}

func (s *stacks) add(p piece) {
	if p.FSType != "" {
		s.pieces = append(s.pieces, p)
	}
}

// of are the pieces with a kind of signature.
func (s *stacks) of(fstype string) []piece {
	var of []piece
	for _, p := range s.pieces {
		if p.FSType == fstype {
			of = append(of, p)
		}
	}
	return of
}

func (s *stacks) cannot(what string, err error) {
	s.unknown = append(s.unknown, what+": "+reason(err))
}

// encrypted adds the LUKS devices that aren't known yet. One that is open has a device
// of the device mapper with a UUID that begins with its kind, CRYPT-LUKS2-….
func (s *stacks) encrypted() {
	for _, m := range s.of("crypto_LUKS") {
		if slices.ContainsFunc(s.found, func(f machine.Stack) bool { return f.Kind == "luks" && f.Members[0] == m.path }) {
			continue
		}
		stack := machine.Stack{Kind: "luks", Name: m.Label, UUID: m.UUID, Members: []string{m.path}}
		for _, holder := range s.p.list(m.dir + "/holders") {
			dir := "sys/block/" + holder
			if name := s.p.text(dir + "/dm/name"); strings.HasPrefix(s.p.text(dir+"/dm/uuid"), "CRYPT-LUKS") {
				s.running(&stack, "/dev/mapper/"+name, dir)
			}
		}
		s.found = append(s.found, stack)
	}
}

// running notes the device of a stack that runs, and what is on it.
func (s *stacks) running(stack *machine.Stack, device, dir string) {
	stack.Device, stack.Size = device, s.p.number(dir+"/size")*sysSector
	s.look(stack, device, dir)
}

// look reads what is on a stack's device, which can be a member itself.
func (s *stacks) look(stack *machine.Stack, device, dir string) {
	v, err := s.p.volume(device, stack.Size)
	if err != nil {
		s.cannot(device, err)
		return
	}
	stack.FSType, stack.Label = v.FSType, v.Label
	s.add(piece{device, dir, stack.Size, v})
}

// blockDir is the directory in sysfs of a device, which can be a link: /dev/vg0/root.
func (p prober) blockDir(device string) (string, bool) {
	to, err := filepath.EvalSymlinks(p.path(device))
	if err != nil {
		return "", false
	}
	dir := "sys/block/" + filepath.Base(to)
	_, err = os.Stat(p.path(dir))
	return dir, err == nil
}

package linuxhost

import (
	"context"
	"encoding/binary"
	"os"
	"regexp"
	"slices"

	"github.com/molt-installer/molt/stage2/machine"
)

// btrfs adds the btrfs file systems, of one device too: its subvolumes are what a
// person thinks of as its volumes.
func (s *stacks) btrfs(ctx context.Context) {
	var order []string
	members := map[string][]piece{}
	for _, m := range s.of("btrfs") {
		if members[m.UUID] == nil {
			order = append(order, m.UUID)
		}
		members[m.UUID] = append(members[m.UUID], m)
	}
	for _, uuid := range order {
		pieces := members[uuid]
		stack := machine.Stack{Kind: "btrfs", Name: pieces[0].Label, Label: pieces[0].Label, UUID: uuid, FSType: "btrfs"}
		var room int64 // what the superblock says can't be more
		for _, m := range pieces {
			stack.Members, room = append(stack.Members, m.path), room+m.size
		}
		slices.Sort(stack.Members)
		devices, size, err := s.p.btrfsSuper(pieces[0].path)
		if err != nil {
			s.cannot(pieces[0].path, err)
		}
		stack.Missing, stack.Size = max(0, devices-len(pieces)), min(max(0, size), room)
		if stack.Volumes, err = s.p.subvolumes(ctx, stack.Members); err != nil {
			s.cannot("subvolumes on "+stack.Members[0], err)
		}
		s.found = append(s.found, stack)
	}
}

// btrfsSuper reads how many devices a btrfs has and the bytes of all together
// (struct btrfs_super_block of linux/btrfs_tree.h).
func (p prober) btrfsSuper(device string) (devices int, size int64, err error) {
	f, err := os.Open(p.path(device))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h := make([]byte, 144)
	if _, err := f.ReadAt(h, 64<<10); err != nil {
		return 0, 0, err
	}
	return int(binary.LittleEndian.Uint64(h[136:])), int64(binary.LittleEndian.Uint64(h[112:])), nil
}

// subvolumes lists those at the top, without mounting the file system: the root tree
// has a reference to each with its name (btrfs-inspect-internal(8)), as
//
//	item 4 key (FS_TREE ROOT_REF 256) itemoff 15742 itemsize 22
//		root ref key dirid 256 sequence 2 name home
//
// Of those further down it has no path. --noscan keeps btrfs from opening other disks.
func (p prober) subvolumes(ctx context.Context, members []string) ([]machine.Stacked, error) {
	out, err := p.tool(ctx, nil, slices.Concat([]string{"btrfs", "inspect-internal", "dump-tree", "--noscan", "-t", "root"}, members)...)
	if err != nil {
		return nil, err
	}
	var volumes []machine.Stacked
	ref := regexp.MustCompile(`key \(FS_TREE ROOT_REF \d+\).*\n\s*root ref key dirid 256 sequence \d+ name (.+)`)
	for _, m := range ref.FindAllSubmatch(out, -1) {
		volumes = append(volumes, machine.Stacked{Name: string(m[1]), Kind: "subvolume"})
	}
	return volumes, nil
}

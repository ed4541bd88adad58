package linuxhost

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/media"
	"github.com/molt-installer/molt/stage2/machine"
)

// mdMember is what the superblock of an array's member says (struct
// mdp_superblock_1 and mdp_super_t of linux/raid/md_p.h).
type mdMember struct {
	uuid   string // as mdadm shows it: "a1b2c3d4:…"
	name   string
	level  int32
	layout uint32
	disks  int   // that the array has when it is whole
	role   int   // which of them this is; -1 for a spare or a failed one
	used   int64 // bytes of this member that count
	data   int64 // where they start
	events uint64
}

const mdMagic = 0xa92b4efc

var errNoSuperblock = errors.New("has no superblock of an array")

// readMD reads the superblock at any of the places that the formats have: 1.1, 1.2,
// 1.0, 0.90.
func readMD(r io.ReaderAt, size int64) (mdMember, error) {
	h := make([]byte, 4096)
	for _, at := range []int64{0, 4096, size&^4095 - 8192} {
		if _, err := r.ReadAt(h, at); at < 0 || err != nil {
			continue
		}
		if le := binary.LittleEndian; le.Uint32(h) == mdMagic && le.Uint32(h[4:]) == 1 {
			return mdOne(h).within(size), nil
		}
	}
	at := size&^(64<<10-1) - 64<<10
	if _, err := r.ReadAt(h, max(0, at)); err == nil && at >= 0 && binary.LittleEndian.Uint32(h) == mdMagic {
		return mdOld(h).within(size), nil
	}
	return mdMember{}, errNoSuperblock
}

// within is m with no more bytes than its device has: a disk can be smaller than the one that its
// superblock was copied from.
func (m mdMember) within(size int64) mdMember {
	m.data = min(max(0, m.data), size)
	m.used = min(max(0, m.used), size-m.data)
	m.disks = min(max(0, m.disks), 4096) // the format has room for 1920
	return m
}

// mdOne is a superblock of version 1.
func mdOne(h []byte) mdMember {
	le := binary.LittleEndian
	name, _, _ := bytes.Cut(h[32:64], []byte{0})
	m := mdMember{
		name: string(name), level: int32(le.Uint32(h[72:])), layout: le.Uint32(h[76:]), disks: int(le.Uint32(h[92:])),
		used: int64(le.Uint64(h[80:])) * 512, data: int64(le.Uint64(h[128:])) * 512, events: le.Uint64(h[200:]), role: -1,
	}
	if m.level <= 0 { // raid0 and linear use all of each
		m.used = int64(le.Uint64(h[136:])) * 512
	}
	for i := range 4 {
		m.uuid += fmt.Sprintf(":%x", h[16+4*i:20+4*i])
	}
	m.uuid = m.uuid[1:]
	if at := 256 + 2*int(le.Uint32(h[160:])&0xffff); at+2 <= len(h) {
		if role := int(le.Uint16(h[at:])); role < 0xfff0 { // MD_DISK_ROLE_MAX: above are spare, faulty and journal
			m.role = role
		}
	}
	return m
}

// mdOld is a superblock of version 0.90: words of the machine that made it, here a
// little-endian one. It has no name but a number.
func mdOld(h []byte) mdMember {
	word := func(n int) uint32 { return binary.LittleEndian.Uint32(h[4*n:]) }
	m := mdMember{
		uuid: fmt.Sprintf("%08x:%08x:%08x:%08x", word(5), word(13), word(14), word(15)), name: strconv.Itoa(int(word(11))),
		level: int32(word(7)), layout: word(64), disks: int(word(10)), used: int64(word(8)) * 1024,
		events: uint64(word(32+8))<<32 | uint64(word(32+7)), role: -1,
	}
	const active = 1 << 1 // MD_DISK_ACTIVE
	if word(992+4)&active != 0 {
		m.role = int(word(992 + 3))
	}
	return m
}

// size is what an array of members like m, of which used are there, has of bytes; 0
// when it isn't known.
func (m mdMember) size(sum int64) int64 {
	n := int64(m.disks)
	switch m.level {
	case 1:
		return m.used
	case 0, -1:
		return sum
	case 4, 5:
		return (n - 1) * m.used
	case 6:
		return (n - 2) * m.used
	case 10:
		if copies := int64(m.layout&0xff) * int64(m.layout>>8&0xff); copies > 0 {
			return n * m.used / copies
		}
	}
	return 0
}

// shortName is the name without the machine that made the array: "shed:boot".
func (m mdMember) shortName() string {
	if _, name, ok := strings.Cut(m.name, ":"); ok {
		return name
	}
	return m.name
}

// levelName is as mdadm takes it.
func (m mdMember) levelName() string {
	if m.level == -1 {
		return "linear"
	}
	return strconv.Itoa(int(m.level))
}

// mdPiece is a device with what its superblock says.
type mdPiece struct {
	piece
	mdMember
}

// arrays groups the members of arrays by UUID. The superblock written last counts.
func (s *stacks) arrays() {
	var order []string
	all := map[string][]mdPiece{}
	for _, m := range s.of("linux_raid_member") {
		sb, err := s.p.mdMember(m)
		if err != nil {
			s.cannot(m.path, err)
			continue
		}
		if all[sb.uuid] == nil {
			order = append(order, sb.uuid)
		}
		all[sb.uuid] = append(all[sb.uuid], mdPiece{m, sb})
	}
	for _, uuid := range order {
		newest := slices.MaxFunc(all[uuid], func(x, y mdPiece) int { return cmp.Compare(x.events, y.events) })
		fresh := slices.DeleteFunc(all[uuid], func(m mdPiece) bool { return stale(m.mdMember, newest.mdMember) })
		roles := map[int]bool{}
		var members []piece
		var sum int64
		for _, m := range fresh {
			if m.role >= 0 {
				roles[m.role] = true
			}
			members, sum = append(members, m.piece), sum+m.used
		}
		s.array(newest.mdMember, members, max(0, newest.disks-len(roles)), sum)
	}
}

// stale reports whether m is of a device that the array went on without: it is no member any
// more, whatever it says. As mdadm(8) does it when it assembles, one event less still counts.
func stale(m, newest mdMember) bool { return m.events+1 < newest.events }

func (s *stacks) array(m mdMember, members []piece, missing int, sum int64) {
	stack := machine.Stack{Kind: "raid", Name: m.shortName(), UUID: m.uuid, Level: m.levelName(), Missing: missing}
	for _, p := range members {
		stack.Members = append(stack.Members, p.path)
	}
	slices.Sort(stack.Members)
	for _, holder := range s.p.list(members[0].dir + "/holders") {
		if strings.HasPrefix(holder, "md") {
			s.running(&stack, deviceName(holder), "sys/block/"+holder)
		}
	}
	if stack.Device == "" && missing == 0 {
		stack.Size = m.size(sum)
	}
	if stack.Device == "" && m.level == 1 {
		stack.Size = m.used
		s.mirrored(&stack, m)
	}
	s.found = append(s.found, stack)
}

// mirrored looks at what a mirror that doesn't run has, through one of its members.
func (s *stacks) mirrored(stack *machine.Stack, m mdMember) {
	f, err := os.Open(s.p.path(stack.Members[0]))
	if err != nil {
		s.cannot(stack.Members[0], err)
		return
	}
	defer f.Close()
	v := media.ReadVolume(io.NewSectionReader(f, m.data, m.used), m.used)
	stack.FSType, stack.Label = v.FSType, v.Label
}

func (p prober) mdMember(m piece) (mdMember, error) {
	f, err := os.Open(p.path(m.path))
	if err != nil {
		return mdMember{}, err
	}
	defer f.Close()
	return readMD(f, m.size)
}

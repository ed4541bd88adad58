package linuxhost

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"

	"github.com/molt-installer/molt/stage2/machine"
)

// diskTable is what a partition table says beyond what the kernel tells.
type diskTable struct {
	kind  string // "gpt", "dos", or empty
	id    string
	parts map[int]tablePart // by number
}

// tablePart is what the kernel doesn't tell of a partition, and machine.Part has.
type tablePart struct {
	kind, uuid, name string
	attributes       uint64
	size             int64 // bytes, of an extended one, which the kernel shows two sectors of; otherwise 0
}

// tell adds to part what the table says of it.
func (t diskTable) tell(part *machine.Part) {
	e, ok := t.parts[part.Number]
	if !ok {
		return
	}
	part.Type, part.PartUUID, part.Name, part.Attributes = e.kind, e.uuid, e.name, e.attributes
	if e.size > 0 {
		part.Size = e.size
	}
}

// readTable reads a disk's partition table. Damaged ones count as none.
func readTable(r io.ReaderAt, sector int64) diskTable {
	boot := make([]byte, 512)
	if _, err := r.ReadAt(boot, 0); err != nil {
		return diskTable{}
	}
	if t, ok := readGPT(r, sector); ok {
		return t
	}
	return readDOS(r, boot, sector)
}

// readGPT goes by the UEFI specification 2.10, 5.3. The header's checksum decides.
func readGPT(r io.ReaderAt, sector int64) (diskTable, bool) {
	le := binary.LittleEndian
	h := make([]byte, 92)
	if _, err := r.ReadAt(h, sector); err != nil || string(h[:8]) != "EFI PART" || le.Uint32(h[12:]) != 92 {
		return diskTable{}, false
	}
	want := le.Uint32(h[16:])
	clear(h[16:20])
	if crc32.ChecksumIEEE(h) != want {
		return diskTable{}, false
	}
	start, count, size := int64(le.Uint64(h[72:])), le.Uint32(h[80:]), le.Uint32(h[84:])
	if size < 128 || size > 4096 || start < 0 || start > 1<<48 {
		return diskTable{}, false
	}
	t := diskTable{kind: "gpt", id: guid(h[56:]), parts: map[int]tablePart{}}
	entry := make([]byte, 128)
	for i := range int64(min(count, 1024)) {
		if _, err := r.ReadAt(entry, start*sector+i*int64(size)); err != nil {
			break
		}
		if [16]byte(entry) != [16]byte{} {
			t.parts[int(i)+1] = tablePart{kind: guid(entry), uuid: guid(entry[16:]), name: gptName(entry[56:]), attributes: le.Uint64(entry[48:])}
		}
	}
	return t, true
}

// guid writes the mixed-endian GUID of a GPT (UEFI specification, appendix A).
func guid(b []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

// gptName is the UTF-16 before the first zero.
func gptName(b []byte) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// readDOS reads the four entries of a master boot record, and the chain of
// logical partitions in an extended one.
func readDOS(r io.ReaderAt, boot []byte, sector int64) diskTable {
	if boot[510] != 0x55 || boot[511] != 0xaa {
		return diskTable{}
	}
	t := diskTable{kind: "dos", id: fmt.Sprintf("%08x", binary.LittleEndian.Uint32(boot[440:])), parts: map[int]tablePart{}}
	for i := range 4 {
		e := dosEntry(boot[446+16*i:])
		if e.status&0x7f != 0 {
			return diskTable{} // the code of a boot sector, no entry
		}
		if e.kind == 0 {
			continue
		}
		t.add(i+1, e, sector)
		if e.extended() {
			t.readLogical(r, e.start, sector)
		}
	}
	if len(t.parts) == 1 && t.parts[1].kind == "0xee" {
		return diskTable{} // what protects a GPT, without a good one
	}
	return t
}

// add notes partition n. Its UUID is made as the kernel does (block/partitions/msdos.c).
func (t diskTable) add(n int, e dosPart, sector int64) {
	p := tablePart{kind: fmt.Sprintf("%#x", e.kind), uuid: fmt.Sprintf("%s-%02x", t.id, n), attributes: uint64(e.status & 0x80)}
	if e.extended() {
		p.size = e.size * sector
	}
	t.parts[n] = p
}

// readLogical follows the chain as the kernel does: a link may be empty, and then
// no number is used up.
func (t diskTable) readLogical(r io.ReaderAt, first, sector int64) {
	boot := make([]byte, 512)
	at, n := first, 5
	for range 100 {
		if _, err := r.ReadAt(boot, at*sector); err != nil || boot[510] != 0x55 || boot[511] != 0xaa {
			return
		}
		here, next := dosEntry(boot[446:]), dosEntry(boot[462:])
		if here.size != 0 && !here.extended() {
			t.add(n, here, sector)
			n++
		}
		if !next.extended() {
			return
		}
		at = first + next.start
	}
}

type dosPart struct {
	status, kind byte
	start, size  int64 // sectors
}

func dosEntry(b []byte) dosPart {
	return dosPart{b[0], b[4], int64(binary.LittleEndian.Uint32(b[8:])), int64(binary.LittleEndian.Uint32(b[12:]))}
}

func (e dosPart) extended() bool { return e.kind == 0x5 || e.kind == 0xf || e.kind == 0x85 }

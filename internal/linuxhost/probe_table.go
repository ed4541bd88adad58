package linuxhost

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// diskTable is what a partition table says beyond what the kernel tells.
type diskTable struct {
	kind  string         // "gpt", "dos", or empty
	types map[int]string // partition number → GUID, or "0x83"
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
	t := diskTable{kind: "gpt", types: map[int]string{}}
	entry := make([]byte, 16)
	for i := range int64(min(count, 1024)) {
		if _, err := r.ReadAt(entry, start*sector+i*int64(size)); err != nil {
			break
		}
		if [16]byte(entry) != [16]byte{} {
			t.types[int(i)+1] = guid(entry)
		}
	}
	return t, true
}

// guid writes the mixed-endian GUID of a GPT (UEFI specification, appendix A).
func guid(b []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

// readDOS reads the four entries of a master boot record, and the chain of
// logical partitions in an extended one.
func readDOS(r io.ReaderAt, boot []byte, sector int64) diskTable {
	if boot[510] != 0x55 || boot[511] != 0xaa {
		return diskTable{}
	}
	t := diskTable{kind: "dos", types: map[int]string{}}
	for i := range 4 {
		e := dosEntry(boot[446+16*i:])
		if e.status&0x7f != 0 {
			return diskTable{} // the code of a boot sector, no entry
		}
		if e.kind == 0 {
			continue
		}
		t.types[i+1] = e.kindName()
		if e.extended() {
			t.readLogical(r, e.start, sector)
		}
	}
	if len(t.types) == 1 && t.types[1] == "0xee" {
		return diskTable{} // what protects a GPT, without a good one
	}
	return t
}

func (t diskTable) readLogical(r io.ReaderAt, first, sector int64) {
	boot := make([]byte, 512)
	for n, at := 5, first; n < 64; n++ {
		if _, err := r.ReadAt(boot, at*sector); err != nil || boot[510] != 0x55 || boot[511] != 0xaa {
			return
		}
		here, next := dosEntry(boot[446:]), dosEntry(boot[462:])
		if here.kind != 0 {
			t.types[n] = here.kindName()
		}
		if !next.extended() {
			return
		}
		at = first + next.start
	}
}

type dosPart struct {
	status, kind byte
	start        int64 // sectors
}

func dosEntry(b []byte) dosPart {
	return dosPart{b[0], b[4], int64(binary.LittleEndian.Uint32(b[8:]))}
}

func (e dosPart) kindName() string { return fmt.Sprintf("%#x", e.kind) }

func (e dosPart) extended() bool { return e.kind == 0x5 || e.kind == 0xf || e.kind == 0x85 }

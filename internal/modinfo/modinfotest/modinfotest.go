// Package modinfotest makes up kernel modules for tests. The kernel can't load
// them: there is nothing in them but what a module says of itself.
package modinfotest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Module is an ELF file with nothing but a .modinfo section.
func Module(modinfo string) []byte {
	const head, entry = 64, 64 // bytes of the header and of a section header
	names := "\x00.modinfo\x00.shstrtab\x00"
	infoAt := uint64(head)
	namesAt := infoAt + uint64(len(modinfo))
	tableAt := namesAt + uint64(len(names))
	var b bytes.Buffer
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	write(elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Shoff: tableAt, Ehsize: head, Shentsize: entry, Shnum: 3, Shstrndx: 2,
	})
	b.WriteString(modinfo + names)
	write(elf.Section64{})
	write(elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: infoAt, Size: uint64(len(modinfo))})
	write(elf.Section64{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: namesAt, Size: uint64(len(names))})
	return b.Bytes()
}

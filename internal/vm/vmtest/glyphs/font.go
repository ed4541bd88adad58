package glyphs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Font are the glyphs of a console font, each with the character it stands for.
type Font struct {
	Name string
	Size

	glyphs []glyph // by character
	exact  map[string]rune
}

// Size is that of a glyph in pixels. The width is 8 or 16.
type Size struct{ Width, Height int }

// bytes is how many of them a glyph has: Width/8 for each row.
func (s Size) bytes() int { return s.Width / 8 * s.Height }

func (s Size) valid() bool { return (s.Width == 8 || s.Width == 16) && s.Height > 0 && s.Height <= 64 }

// glyph is a character's rows, from the top, the leftmost pixel in the highest bit.
type glyph struct {
	char rune
	rows []byte
}

// newFont makes a font of glyphs that are one after the other in bits. Of the
// characters a glyph stands for it is known by the first in Unicode: the one that is in
// ASCII, if there is one.
func newFont(name string, size Size, bits []byte, chars [][]rune) (*Font, error) {
	n := size.bytes()
	if !size.valid() || len(bits) < n*len(chars) {
		return nil, fmt.Errorf("font %s: %d bytes are no %d glyphs of %d×%d pixels", name, len(bits), len(chars), size.Width, size.Height)
	}
	f := &Font{Name: name, Size: size, exact: map[string]rune{}}
	for i, all := range chars {
		if len(all) > 0 {
			f.glyphs = append(f.glyphs, glyph{slices.Min(all), bits[i*n : (i+1)*n]})
		}
	}
	slices.SortStableFunc(f.glyphs, func(a, b glyph) int { return int(a.char - b.char) })
	for _, g := range f.glyphs {
		if _, twice := f.exact[string(g.rows)]; !twice {
			f.exact[string(g.rows)] = g.char
		}
	}
	return f, nil
}

// Chars are the characters of the font, in their order.
func (f *Font) Chars() (chars []rune) {
	for _, g := range f.glyphs {
		chars = append(chars, g.char)
	}
	return chars
}

// ParsePSF reads a font of either version of the format that setfont(8) loads
// (psf.h of kbd): it must say which characters its glyphs stand for.
func ParsePSF(name string, data []byte) (*Font, error) {
	le := binary.LittleEndian
	switch {
	case len(data) >= 4 && data[0] == 0x36 && data[1] == 0x04:
		mode, n := data[2], 256
		if mode&1 != 0 {
			n = 512
		}
		return parsePSF(name, data[4:], n, Size{8, int(data[3])}, mode&6 != 0, chars16)
	case len(data) >= 32 && bytes.HasPrefix(data, []byte("\x72\xb5\x4a\x86")):
		head, flags, n := le.Uint32(data[8:]), le.Uint32(data[12:]), le.Uint32(data[16:])
		size := Size{int(le.Uint32(data[28:])), int(le.Uint32(data[24:]))}
		if n > 1024 || uint64(head) > uint64(len(data)) {
			return nil, fmt.Errorf("font %s: its head is damaged: %d glyphs, from byte %d on", name, n, head)
		}
		return parsePSF(name, data[head:], int(n), size, flags&1 != 0, chars8)
	}
	return nil, fmt.Errorf("font %s: not in the PSF format", name)
}

// parsePSF is what comes after the head: glyphs, and then the table that next reads a line of.
func parsePSF(name string, data []byte, n int, size Size, table bool, next func([]byte) ([]rune, []byte)) (*Font, error) {
	switch {
	case !size.valid():
		return nil, fmt.Errorf("font %s: glyphs of %d×%d pixels, want 8 or 16 wide", name, size.Width, size.Height)
	case !table || len(data) < n*size.bytes():
		return nil, fmt.Errorf("font %s: it doesn't say which characters its glyphs stand for, or ends too soon", name)
	}
	chars, rest := make([][]rune, n), data[n*size.bytes():]
	for i := range chars {
		chars[i], rest = next(rest)
	}
	return newFont(name, size, data, chars)
}

// chars16 reads a line of the table in version 1: UCS-2, up to 0xffff. Sequences of
// several characters, after 0xfffe, are passed over.
func chars16(table []byte) (chars []rune, rest []byte) {
	for sequence := false; len(table) >= 2; {
		c := binary.LittleEndian.Uint16(table)
		table = table[2:]
		switch {
		case c == 0xffff:
			return chars, table
		case c == 0xfffe:
			sequence = true
		case !sequence:
			chars = append(chars, rune(c))
		}
	}
	return chars, nil
}

// chars8 reads a line of the table in version 2: UTF-8 up to 0xff, sequences after 0xfe.
func chars8(table []byte) (chars []rune, rest []byte) {
	line, rest, _ := bytes.Cut(table, []byte{0xff})
	line, _, _ = bytes.Cut(line, []byte{0xfe})
	for len(line) > 0 {
		c, size := utf8.DecodeRune(line)
		chars, line = append(chars, c), line[size:]
	}
	return chars, rest
}

// capitalA is the letter in the font of every VGA BIOS, and so where that font is in a ROM.
const capitalA = "\x00\x00\x10\x38\x6c\xc6\xc6\xfe\xc6\xc6\xc6\xc6\x00\x00\x00\x00"

// ParseROM finds the 8×16 font in a VGA BIOS: what a text console shows before
// another font is loaded. Its characters are those of code page 437.
func ParseROM(name string, rom []byte) (*Font, error) {
	size := Size{8, 16}
	start := bytes.Index(rom, []byte(capitalA)) - 'A'*size.bytes()
	if start < 0 || start+256*size.bytes() > len(rom) {
		return nil, fmt.Errorf("font %s: no 8×16 font found in this ROM of %d bytes", name, len(rom))
	}
	chars := make([][]rune, 256)
	for i := ' '; i < 256; i++ { // those before it have no agreed characters
		chars[i] = []rune{charmap.CodePage437.DecodeByte(byte(i))}
	}
	return newFont(name, size, rom[start:], chars)
}

package console

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fontDir has console-setup's fonts, one for each set of letters and size.
const fontDir = "/usr/share/consolefonts"

// wide is the width of a screen in pixels from which letters of 8 by 16 are too small to read.
const wide = 2560

// fontOf is the name of console-setup's font with the letters of a locale's language, as its
// configuration chooses it. They have 256 glyphs where that is enough, since 512 cost
// the bright colours.
func fontOf(locale string) string {
	language, _, _ := strings.Cut(strings.NewReplacer(".", "_", "@", "_").Replace(locale), "_")
	for font, languages := range map[string]string{
		"CyrSlav": "be bg mk ru sr uk", "CyrAsia": "ky mn tg kk", "Greek": "el", "Hebrew": "he iw yi", "Arabic": "ar fa ur",
		"Lat2": "cs hr hu pl ro sk sl", "Lat7": "lt lv mi", "Lat38": "cy eo ga mt", "Uni1": "se", "Uni3": "az bs",
		"Armenian": "hy", "Georgian": "ka", "Ethiopian": "am byn gez ti tig", "Lao": "lo", "Thai": "th", "Vietnamese": "vi",
	} {
		for one := range strings.FieldsSeq(languages) {
			if one == language && !strings.HasSuffix(locale, "@latin") {
				return font
			}
		}
	}
	return "Lat15"
}

// fontFile is the font's file in the size for the screen. VGA16 is as strong as the letters that the
// machine started with; Fixed16, which is thin, has the other writings.
func (c *Console) fontFile(name string) (string, error) {
	sizes := []string{"VGA16", "Fixed16"}
	if c.width() >= wide {
		sizes = slices.Insert(sizes, 0, "Terminus32x16")
	}
	for _, size := range sizes {
		file := path.Join(fontDir, name+"-"+size+".psf")
		found, err := c.host.Glob(file)
		if err == nil && len(found) > 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("find the font %s in %s: %w", name, fontDir, fs.ErrNotExist)
}

// width is that of the screen in pixels, 0 for one of text.
func (c *Console) width() int {
	size, err := c.host.ReadFile(path.Join(c.sys, "class/graphics/fb0/virtual_size"))
	if err != nil {
		return 0
	}
	width, _, _ := strings.Cut(string(size), ",")
	n, _ := strconv.Atoi(strings.TrimSpace(width))
	return n
}

// errFont is a font that isn't one.
var errFont = errors.New("it is no font of the kernel's console with a table of its letters")

// fontLetters reads which characters a font has a glyph for, of either version of the format
// (psfgettable.c and psf.h of kbd).
func fontLetters(data []byte) (map[rune]bool, error) {
	switch {
	case len(data) >= 4 && data[0] == 0x36 && data[1] == 0x04:
		return psf1(data)
	case len(data) >= 32 && bytes.HasPrefix(data, []byte{0x72, 0xb5, 0x4a, 0x86}):
		return psf2(data)
	}
	return nil, errFont
}

// psf1 has a mode, with bits for 512 glyphs and for a table, and the size of a glyph. The table
// is of 16-bit units, each glyph's ended by 0xffff; sequences of characters begin with 0xfffe.
func psf1(data []byte) (map[rune]bool, error) {
	mode, size, glyphs := data[2], int(data[3]), 256
	if mode&1 != 0 {
		glyphs = 512
	}
	if mode&6 == 0 || len(data) < 4+glyphs*size {
		return nil, errFont
	}
	letters := map[rune]bool{}
	sequence := false
	for t := data[4+glyphs*size:]; len(t) >= 2; t = t[2:] {
		switch u := binary.LittleEndian.Uint16(t); {
		case u == 0xffff:
			sequence = false
		case u == 0xfffe:
			sequence = true
		case !sequence:
			letters[rune(u)] = true
		}
	}
	return letters, nil
}

// psf2 has a header of 32-bit units: magic, version, its size, flags, number of glyphs and bytes of
// one. The table is in UTF-8, each glyph's ended by 0xff; sequences begin with 0xfe.
func psf2(data []byte) (map[rune]bool, error) {
	unit := func(n int) int64 { return int64(binary.LittleEndian.Uint32(data[4*n:])) }
	at := unit(2) + unit(4)*unit(5)
	if unit(3)&1 == 0 || at < 0 || at > int64(len(data)) {
		return nil, errFont
	}
	letters := map[rune]bool{}
	sequence := false
	for t := data[at:]; len(t) > 0; {
		if t[0] >= 0xfe {
			sequence = t[0] == 0xfe
			t = t[1:]
			continue
		}
		r, n := utf8.DecodeRune(t)
		if !sequence && r != utf8.RuneError {
			letters[r] = true
		}
		t = t[n:]
	}
	return letters, nil
}

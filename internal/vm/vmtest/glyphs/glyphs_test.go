package glyphs

import (
	"encoding/binary"
	"image"
	"image/color"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chars are those of the fonts that the tests make.
var chars = []rune(" AZaz09_-|äöüß")

// bits is a made-up glyph of 16 rows for each of them, all different; the blank has none,
// the low line the one before the last.
func bits() (all []byte) {
	for i, c := range chars {
		rows := make([]byte, 16)
		switch {
		case c == '_':
			rows[14] = 0xff
		case i > 0:
			for y := 2; y < 13; y++ {
				rows[y] = byte(i*37 + y*y*11)
			}
		}
		all = append(all, rows...)
	}
	return all
}

// wide is the version of psf for glyphs of 16 pixels.
const wide = 3

// psf is that as a file of version 1, 2 or wide. Each glyph stands for a second character and
// a sequence too.
func psf(version int) []byte {
	le := binary.LittleEndian
	n, width, glyphs := len(chars), uint32(8), bits()
	switch version {
	case 1:
		n = 256
		glyphs = append(glyphs, make([]byte, 16*(n-len(chars)))...)
	case wide:
		width = 16
		var both []byte
		for _, b := range glyphs {
			both = append(both, b, b>>1^b)
		}
		glyphs = both
	}
	var table []byte
	for i := range n {
		if i < len(chars) && version == 1 {
			for _, c := range []uint16{0x0400 + uint16(i), uint16(chars[i]), 0xfffe, 'e', 0x301} {
				table = le.AppendUint16(table, c)
			}
		} else if i < len(chars) {
			table = append(table, string([]rune{0x0400 + rune(i), chars[i]})+"\xfee\u0301"...)
		}
		if version == 1 {
			table = append(table, 0xff)
		}
		table = append(table, 0xff)
	}
	if version == 1 {
		return append(append([]byte{0x36, 0x04, 2, 16}, glyphs...), table...)
	}
	head := []byte("\x72\xb5\x4a\x86")
	for _, field := range []uint32{0, 32, 1, uint32(n), 16 * width / 8, 16, width} {
		head = le.AppendUint32(head, field)
	}
	return append(append(head, glyphs...), table...)
}

// picture is a picture of lines of text in cells of a width, the third word
// of each line in reverse.
func picture(f *Font, step, columns int, lines []string) *image.RGBA {
	ink, paper := color.RGBA{170, 170, 170, 255}, color.RGBA{0, 0, 170, 255}
	img := image.NewRGBA(image.Rect(0, 0, columns*step, len(lines)*f.Height))
	for row, line := range lines {
		for col := range columns {
			text := []rune(line)
			text = append(text, []rune(string(make([]byte, columns)))...)
			paint(img, f, text[col], col*step, row*f.Height, step, ink, paper)
			if col%7 == 3 {
				paint(img, f, text[col], col*step, row*f.Height, step, paper, ink)
			}
		}
	}
	return img
}

func paint(img *image.RGBA, f *Font, c rune, x0, y0, step int, ink, paper color.Color) {
	var rows []byte
	for _, g := range f.glyphs {
		if g.char == c || c == 0 && g.char == ' ' {
			rows = g.rows
		}
	}
	for y := range f.Height {
		for x := range step {
			img.Set(x0+x, y0+y, paper)
			if x < f.Width && rows[y*f.Width/8+x/8]&(0x80>>(x%8)) != 0 {
				img.Set(x0+x, y0+y, ink)
			}
		}
	}
}

func TestRead(t *testing.T) {
	lines := []string{"AZ az 09 _-| Zaza", "", "äöüß |ä|", "___________aA"}
	type mode struct{ step, columns int }
	for version, modes := range map[int][]mode{1: {{9, 80}, {8, 80}}, 2: {{9, 80}, {8, 100}}, wide: {{16, 80}}} {
		f, err := ParsePSF("made up", psf(version))
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range modes {
			got := Read(picture(f, mode.step, mode.columns, lines), []*Font{f})
			if diff := cmp.Diff(lines, got.Lines); diff != "" || got.Unknown != 0 {
				t.Errorf("version %d, %+v: %d unknown %s", version, mode, got.Unknown, diff)
			}
		}
	}
}

// TestCursor: an underline in the ink's colour or another, on a letter and on a blank.
func TestCursor(t *testing.T) {
	f, _ := ParsePSF("made up", psf(1))
	for _, cursor := range []color.RGBA{{170, 170, 170, 255}, {255, 255, 255, 255}} {
		for col := range 4 {
			img := picture(f, 9, 80, []string{"Az 0"})
			for y := 13; y < 15; y++ {
				for x := range 9 {
					img.Set(col*9+x, y, cursor)
				}
			}
			if got := Read(img, []*Font{f}); got.String() != "Az 0" || got.Unknown != 0 {
				t.Errorf("a cursor in column %d: %q", col, got)
			}
		}
	}
}

// TestUnknown: every pixel counts, and a third colour is no glyph.
func TestUnknown(t *testing.T) {
	f, _ := ParsePSF("made up", psf(2))
	for _, c := range []color.RGBA{{170, 170, 170, 255}, {0, 0, 170, 255}, {9, 9, 9, 255}} {
		for y := range 13 {
			for x := range f.Width {
				img := picture(f, 9, 80, []string{"aAz"})
				if img.At(9+x, y) == c {
					continue
				}
				img.Set(9+x, y, c)
				if got := Read(img, []*Font{f}); got.String() != "a\uFFFDz" || got.Unknown != 1 {
					t.Errorf("with pixel %d,%d %v: %q, %d unknown", x, y, c, got, got.Unknown)
				}
			}
		}
	}
}

// TestFonts: the font is taken that knows all cells.
func TestFonts(t *testing.T) {
	right, _ := ParsePSF("right", psf(2))
	other := psf(1)
	for i := 4; i < 4+256*16; i++ {
		other[i] ^= 0x18
	}
	wrong, err := ParsePSF("wrong", other)
	if err != nil {
		t.Fatal(err)
	}
	got := Read(picture(right, 9, 80, []string{"Zz"}), []*Font{wrong, right})
	if got.Font != right || got.String() != "Zz" {
		t.Errorf("read with font %s: %q", got.Font.Name, got)
	}
}

func TestNoFont(t *testing.T) {
	good := psf(2)
	odd := append([]byte{}, good...)
	odd[28] = 12
	mute := append([]byte{}, good...)
	mute[12] = 0
	for name, data := range map[string][]byte{"empty": nil, "cut": good[:100], "odd": odd, "without characters": mute, "else": []byte("GIF89a, nothing for a console")} {
		if _, err := ParsePSF(name, data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := ParseROM("none", make([]byte, 40000)); err == nil {
		t.Error("a ROM without a font: no error")
	}
}

// TestROM: QEMU's VGA BIOS has the font of code page 437.
func TestROM(t *testing.T) {
	rom, err := os.ReadFile("/usr/share/seabios/vgabios-stdvga.bin")
	if err != nil {
		t.Skipf("%v: install seabios (make deps)", err)
	}
	f, err := ParseROM("VGA BIOS", rom)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"The quick brown fox jumps over 13 lazy dogs? 24680 [x] <OK> {~}", "Größe äöüÄÖÜ é è ñ ça |-+ ░▒│┤═╬"}
	got := Read(picture(f, 9, 80, lines), []*Font{f})
	if diff := cmp.Diff(lines, got.Lines); diff != "" || got.Unknown != 0 {
		t.Errorf("%d unknown %s", got.Unknown, diff)
	}
}

func FuzzParsePSF(f *testing.F) {
	f.Add(psf(1))
	f.Add(psf(2))
	f.Add(psf(wide))
	f.Fuzz(func(t *testing.T, data []byte) {
		if font, err := ParsePSF("fuzz", data); err == nil {
			Read(image.NewGray(image.Rect(0, 0, 80, 2*max(1, font.Height))), []*Font{font})
		}
	})
}

package glyphs

import (
	"image"
	"image/draw"
	"strings"
)

// Unknown stands for a cell that is no glyph of the font.
const Unknown = '\uFFFD'

// Text is what a picture says.
type Text struct {
	Lines   []string // without the blanks at their ends
	Unknown int      // how many cells are
	Font    *Font    // what it was read with
}

func (t Text) String() string { return strings.Join(t.Lines, "\n") }

// Read reads a picture of a console with the font that leaves the fewest cells unknown; of several that
// do, with the first. A cursor that covers the foot of a cell doesn't keep it from being read.
func Read(img image.Image, fonts []*Font) Text {
	var best Text
	grids := map[int][][]cell{} // by the height of a cell
	for _, f := range fonts {
		if grids[f.Height] == nil {
			grids[f.Height] = grid(img, f.Height)
		}
		if t := f.read(grids[f.Height]); best.Font == nil || t.Unknown < best.Unknown {
			best = t
		}
		if best.Unknown == 0 {
			break
		}
	}
	return best
}

func (f *Font) read(cells [][]cell) Text {
	t := Text{Font: f}
	for _, row := range cells {
		var line strings.Builder
		for _, c := range row {
			r := f.char(c)
			if r == Unknown {
				t.Unknown++
			}
			line.WriteRune(r)
		}
		t.Lines = append(t.Lines, strings.TrimRight(line.String(), " "))
	}
	return t
}

// char looks a cell up: as it is, then with the colours the other way round (a glyph can be
// more than half ink), then without the rows that a cursor may have drawn over.
func (f *Font) char(c cell) rune {
	if c.motley {
		return Unknown
	}
	if r, ok := f.exact[string(c.rows)]; ok {
		return r
	}
	inverse := make([]byte, len(c.rows))
	for i, row := range c.rows {
		inverse[i] = ^row
	}
	if r, ok := f.exact[string(inverse)]; ok {
		return r
	}
	for _, g := range f.glyphs {
		if c.under(g.rows) {
			return g.char
		}
	}
	return Unknown
}

// cell is a part of the picture in two colours. The background is the commoner one.
type cell struct {
	rows   []byte // the pixels that aren't background, the leftmost in the highest bit
	cursor []bool // rows in the lower half that have no background: there may be a cursor
	motley bool   // there are more colours
}

// under reports whether the cell is the glyph but for rows of a cursor.
func (c cell) under(rows []byte) bool {
	for y, row := range rows {
		if c.rows[y] != row && !c.cursor[y] {
			return false
		}
	}
	return true
}

// textWidth is the width of the picture of a VGA's text mode with 80 columns of nine pixels: the
// ninth is blank, or, in line graphics, the eighth again.
const textWidth = 720

// grid cuts a picture into cells.
func grid(img image.Image, height int) (rows [][]cell) {
	size, step := img.Bounds().Size(), Width
	if size.X == textWidth {
		step = Width + 1
	}
	rgba := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
	for y := 0; y+height <= size.Y; y += height {
		var row []cell
		for x := 0; x+step <= size.X; x += step {
			row = append(row, cut(rgba, x, y, height))
		}
		rows = append(rows, row)
	}
	return rows
}

// cut cuts one cell out.
func cut(img *image.RGBA, x0, y0, height int) cell {
	pixels := make([]uint32, 0, Width*height)
	for y := range height {
		for x := range Width {
			p := img.Pix[img.PixOffset(x0+x, y0+y):]
			pixels = append(pixels, uint32(p[0])<<16|uint32(p[1])<<8|uint32(p[2]))
		}
	}
	back := commonest(pixels)
	c := cell{rows: make([]byte, height), cursor: make([]bool, height)}
	ink, inked := uint32(0), false
	for y := range height {
		row := pixels[y*Width : (y+1)*Width]
		c.rows[y] = ^bitsOf(row, back)
		c.cursor[y] = y >= height/2 && row[0] != back && bitsOf(row, row[0]) == 0xff
		for _, p := range row {
			switch {
			case p == back || c.cursor[y]:
			case !inked:
				ink, inked = p, true
			case p != ink:
				c.motley = true
			}
		}
	}
	return c
}

// bitsOf are the pixels of a row that have a colour.
func bitsOf(row []uint32, colour uint32) (bits byte) {
	for x, p := range row {
		if p == colour {
			bits |= 0x80 >> x
		}
	}
	return bits
}

// commonest is the colour of the most pixels; of several the first. Nearly always there are two.
func commonest(pixels []uint32) uint32 {
	first, n := pixels[0], 0
	var others map[uint32]int
	for _, p := range pixels {
		if p == first {
			n++
			continue
		}
		if others == nil {
			others = map[uint32]int{}
		}
		others[p]++
	}
	best := first
	for p, m := range others {
		if m > n || m == n && best != first && p < best {
			best, n = p, m
		}
	}
	return best
}

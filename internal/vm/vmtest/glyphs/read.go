package glyphs

import (
	"image"
	"image/draw"
	"slices"
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
	grids := map[Size][][]cell{}
	for _, f := range fonts {
		if grids[f.Size] == nil {
			grids[f.Size] = grid(img, f.Size)
		}
		if t := f.read(grids[f.Size]); best.Font == nil || t.Unknown < best.Unknown {
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
	if !slices.Contains(c.cursor, true) {
		return Unknown
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
	stride := len(rows) / len(c.cursor)
	for i, b := range rows {
		if c.rows[i] != b && !c.cursor[i/stride] {
			return false
		}
	}
	return true
}

// textWidth is the width of the picture of a VGA's text mode with 80 columns of nine pixels: the
// ninth is blank, or, in line graphics, the eighth again.
const textWidth = 720

// grid cuts a picture into cells.
func grid(img image.Image, size Size) (rows [][]cell) {
	all, step := img.Bounds().Size(), size.Width
	if all.X == textWidth {
		step++
	}
	rgba := image.NewRGBA(image.Rectangle{Max: all})
	draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
	for y := 0; y+size.Height <= all.Y; y += size.Height {
		var row []cell
		for x := 0; x+step <= all.X; x += step {
			row = append(row, cut(rgba, image.Pt(x, y), size))
		}
		rows = append(rows, row)
	}
	return rows
}

// cut cuts one cell out.
func cut(img *image.RGBA, at image.Point, size Size) cell {
	pixels := make([]uint32, 0, size.Width*size.Height)
	for y := range size.Height {
		for x := range size.Width {
			p := img.Pix[img.PixOffset(at.X+x, at.Y+y):]
			pixels = append(pixels, uint32(p[0])<<16|uint32(p[1])<<8|uint32(p[2]))
		}
	}
	back := commonest(pixels)
	c := cell{rows: make([]byte, size.bytes()), cursor: make([]bool, size.Height)}
	for i, p := range pixels {
		if p != back {
			c.rows[i/8] |= 0x80 >> (i % 8)
		}
	}
	ink := back
	for y := range size.Height {
		row := pixels[y*size.Width : (y+1)*size.Width]
		if c.cursor[y] = y >= size.Height/2 && row[0] != back && !slices.ContainsFunc(row, func(p uint32) bool { return p != row[0] }); c.cursor[y] {
			continue
		}
		for _, p := range row {
			if p != back && ink == back {
				ink = p
			}
			c.motley = c.motley || p != back && p != ink
		}
	}
	return c
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

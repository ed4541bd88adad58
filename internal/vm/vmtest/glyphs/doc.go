// Package glyphs reads the text off a picture of a text console, as a person
// does, and needs nothing of the guest for it: the picture is cut into cells, and each
// cell is looked up among the glyphs of a console font.
//
// It is no OCR. A cell is a glyph to the last pixel, or it is Unknown; so a font
// that wasn't loaded, or a screen that is half drawn, is seen at once.
package glyphs

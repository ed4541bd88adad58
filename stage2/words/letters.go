package words

import (
	"slices"
	"strings"
)

// Letters are the characters beyond ASCII in the texts of the language, each once, sorted: what a
// terminal has to show.
func (c *Catalog) Letters() string {
	var all []rune
	for _, t := range c.texts {
		for _, text := range t.Trs {
			for _, r := range text {
				if r >= 0x80 {
					all = append(all, r)
				}
			}
		}
	}
	slices.Sort(all)
	return strings.ToValidUTF8(string(slices.Compact(all)), "")
}

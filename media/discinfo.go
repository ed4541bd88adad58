package media

import (
	"strconv"
	"strings"
)

// DiscInfo is a .discinfo file: four lines, as Anaconda's makestamp wrote them.
type DiscInfo struct {
	ID      string `json:"id"`      // line 1: the set
	Release string `json:"release"` // line 2: product and version
	Arch    string `json:"arch"`    // line 3
	Discs   []int  `json:"discs"`   // line 4: "1", "1,2,3"; empty for "ALL"
}

// Has reports whether the disc is number n; a DVD can be several.
func (d DiscInfo) Has(n int) bool {
	for _, m := range d.Discs {
		if m == n {
			return true
		}
	}
	return len(d.Discs) == 0
}

// Numbers is line 4.
func (d DiscInfo) Numbers() string {
	if len(d.Discs) == 0 {
		return "ALL"
	}
	s := make([]string, len(d.Discs))
	for i, n := range d.Discs {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}

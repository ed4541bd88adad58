package bootargs

import (
	"fmt"
	"strings"
)

// unknown is the complaint about an inst. name that isn't one of known.
func unknown(name string, known []option) error {
	best, distance := "", 1000
	for _, k := range known {
		if d := edits(strings.TrimPrefix(name, "inst."), strings.TrimPrefix(k.name, "inst.")); d < distance {
			best, distance = k.name, d
		}
	}
	if distance > bound(best) {
		return fmt.Errorf("there is no option %s; it is ignored (see boot-options.md for the names)", name)
	}
	return fmt.Errorf("there is no option %s; it is ignored (did you mean %s?)", name, best)
}

// bound is how many edits away a name may be and still be meant: one in three
// letters, so that "inst.xz" is not taken for inst.ks.
func bound(name string) int {
	return max(1, len(strings.TrimPrefix(name, "inst."))/3)
}

// edits counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func edits(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

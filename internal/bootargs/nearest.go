package bootargs

import (
	"fmt"
	"strings"

	"github.com/molt-installer/molt/internal/spelling"
)

// unknown is the complaint about an inst. name that isn't one of known.
func unknown(name string, known []option) error {
	best, distance := "", 1000
	for _, k := range known {
		if d := spelling.Distance(strings.TrimPrefix(name, "inst."), strings.TrimPrefix(k.name, "inst.")); d < distance {
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

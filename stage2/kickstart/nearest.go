package kickstart

import (
	"fmt"

	"github.com/molt-installer/molt/internal/spelling"
)

// hint is "; did you mean x?" when one of the names is near to what was
// written, else empty.
func hint(written, prefix string, names []string) string {
	best, least := "", 3
	if n := len(written)/2 + 1; n < least {
		least = n
	}
	for _, name := range names {
		if d := spelling.Distance(written, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, best)
}

package stage1

import (
	"fmt"
	"strings"
)

// Failure is one that a person can do something about: what was tried, where,
// and why it failed, each.
type Failure struct {
	What  string // "Disc 1 of Debian 13 was not found."
	Tried []Attempt
	Hint  string // what to do
	waits bool   // a disc or device that comes may be what was missing
	// online says that servers were asked, which may answer another time.
	online bool
}

// Attempt is one place that was tried.
type Attempt struct {
	Where string // "/dev/sr0", "/dev/vda1 (ext4)"
	Why   string // "no disc in the drive"
}

// Error is the failure in a few lines, as it is shown and logged.
func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(f.What)
	width := 0
	for _, a := range f.Tried {
		width = max(width, len(a.Where))
	}
	if len(f.Tried) > 0 {
		b.WriteString("\nTried:")
	}
	for _, a := range f.Tried {
		fmt.Fprintf(&b, "\n  %-*s  %s", width, a.Where, strings.ReplaceAll(a.Why, "\n", " "))
	}
	if f.Hint != "" {
		b.WriteString("\n" + f.Hint)
	}
	return b.String()
}

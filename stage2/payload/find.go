package payload

import "context"

// Finder is a Payload that people can look for single packages in.
type Finder interface {
	// Find are the packages that words stand for, those of that name first, at
	// most MostFound. When there are none, it is packages whose names are spelled
	// like it, marked so.
	Find(ctx context.Context, words string) ([]Found, error)
}

// MostFound is how many packages a Finder names at most.
const MostFound = 50

// Found is a package that can be chosen.
type Found struct {
	Name        string
	Description string // in a line; empty when the index has none
	Size        int64  // bytes on the target, without what it depends on
	Disc        int
	Near        bool // it is only spelled like what was looked for
}

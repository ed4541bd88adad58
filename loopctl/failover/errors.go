package failover

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What a source can be reported to have failed with, for errors.Is.
var (
	// ErrTimeout: no answer within Options.Deadline.
	ErrTimeout = errors.New("no answer in time")
	// ErrShort: fewer bytes than asked for, before the end.
	ErrShort = errors.New("answer too short")
	// ErrChanged: the content is another than it was. A Source wraps it when it
	// notices; the breaker then opens at once.
	ErrChanged = errors.New("content has changed")
	// ErrFull: as many requests as there may be wait in the source already.
	ErrFull = errors.New("too many requests hang in it")
	// ErrSizes: sources differ in size, so they can't have the same content.
	ErrSizes = errors.New("sources differ in size")
	// ErrClosed: the Reader has been closed.
	ErrClosed = errors.New("reader is closed")
)

// Cause is why one source failed.
type Cause struct {
	Source string
	Err    error
}

// Error is a request that no source answered.
type Error struct {
	Op     string // "read", "size"
	Off    int64  // of a read, bytes
	Len    int
	Causes []Cause // one for each source, in the order in which they were asked
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op == "read" {
		fmt.Fprintf(&b, "read %d bytes at %d", e.Len, e.Off)
	} else {
		b.WriteString(e.Op)
	}
	b.WriteString(": no source answers")
	for i, c := range e.Causes {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %v", sep, c.Source, c.Err)
	}
	return b.String()
}

// Unwrap makes errors.Is and errors.As see every cause.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Causes))
	for i, c := range e.Causes {
		errs[i] = c.Err
	}
	return errs
}

func timeout(d time.Duration) error { return fmt.Errorf("%w (%v)", ErrTimeout, d) }

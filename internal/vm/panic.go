package vm

import (
	"errors"
	"fmt"
	"regexp"
)

// ErrPanic ends a wait for something a guest whose kernel has panicked won't do any more.
var ErrPanic = errors.New("the guest's kernel has panicked")

// lastCry is what kernel/panic.c prints, whatever the log level is. It is matched with its end, so
// that all of the reason is there.
var lastCry = regexp.MustCompile(`Kernel panic - not syncing: ?([^\n]*)\n`)

// longestCry is how far back the start of it can be when its end has come, in bytes.
const longestCry = 1024

// listenForPanic looks at what the console has said since it had n bytes. The board is held.
func (g *Guest) listenForPanic(text []byte, n int) {
	if g.panicked != nil || g.cfg.Panics {
		return
	}
	if m := lastCry.FindSubmatch(text[max(0, n-longestCry):]); m != nil {
		g.panicked = fmt.Errorf("%w: %s", ErrPanic, m[1])
	}
}

// lost is for board.await: why nothing will change any more, if so.
func (g *Guest) lost() error {
	switch {
	case g.panicked != nil:
		return g.panicked
	case g.over:
		return ErrEnded
	}
	return nil
}

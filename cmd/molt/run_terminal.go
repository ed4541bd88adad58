package main

import (
	"fmt"
	"io"
	"sync"
)

// terminal is shared by the guest and a status line in its last row.
type terminal struct {
	mu  sync.Mutex
	out io.Writer
}

// Write passes on what the guest says.
func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.Write(b)
}

// status writes s into the last row, in reverse, and leaves the cursor where
// it was (DECSC, DECRC). An empty s clears the row.
func (t *terminal) status(s string) {
	if s != "" {
		s = "\x1b[7m " + s + " \x1b[0m"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "\x1b7\x1b[999;1H\x1b[2K%s\x1b8", s)
}

// ctrlA comes before a command for molt itself.
const ctrlA = 0x01

// escapes tells commands for molt from what is for the guest.
type escapes struct {
	send    func(string) error
	command func(byte)
	after   bool // the last key was Ctrl-A
}

func (e *escapes) typed(b []byte) error {
	var forGuest []byte
	for _, c := range b {
		switch {
		case e.after && c != ctrlA:
			e.after = false
			e.command(c)
		case !e.after && c == ctrlA:
			e.after = true
		default:
			e.after = false
			forGuest = append(forGuest, c)
		}
	}
	if len(forGuest) == 0 {
		return nil
	}
	return e.send(string(forGuest))
}

package headless

import (
	"os"
	"path/filepath"
	"sync"
)

// mostLate is how much is held back at most; the oldest goes first.
const mostLate = 8 << 20

// Late is a file that is written as soon as its directory is there: the
// target's log, before the target has been mounted. It opens the file anew for
// each write, so that it never keeps a file system busy.
type Late struct {
	mu   sync.Mutex
	path string
	held []byte
}

// NewLate makes the writer; path's directory is somebody else's to make.
func NewLate(path string) *Late { return &Late{path: path} }

// Write appends p to the file, or keeps it. It never fails.
func (l *Late) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, p...)
	if over := len(l.held) - mostLate; over > 0 {
		l.held = l.held[over:]
	}
	if l.flush() == nil {
		l.held = nil
	}
	return len(p), nil
}

func (l *Late) flush() error {
	if _, err := os.Stat(filepath.Dir(l.path)); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	n, err := f.Write(l.held)
	l.held = l.held[n:]
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

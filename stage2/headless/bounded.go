package headless

import (
	"os"
	"path/filepath"
	"sync"
)

// Bounded is a log in memory's file system that can't fill it: when it has grown
// to its half, that goes to NAME.1, over what was there, and it begins anew. What is
// there already, of a try before, goes there too.
type Bounded struct {
	mu   sync.Mutex
	path string
	most int64
	file *os.File
	size int64
}

// NewBounded makes the writer. Both files together have most bytes at most.
func NewBounded(path string, most int64) *Bounded { return &Bounded{path: path, most: most} }

// Write never fails: nobody could be told.
func (b *Bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file != nil && b.size+int64(len(p)) > b.most/2 {
		b.Close()
	}
	if b.file == nil && b.open() != nil {
		return len(p), nil
	}
	n, _ := b.file.Write(p[max(0, len(p)-int(b.most/2)):])
	b.size += int64(n)
	return len(p), nil
}

func (b *Bounded) open() (err error) {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o755); err != nil {
		return err
	}
	_ = os.Rename(b.path, b.path+".1") // most often there is nothing to be moved
	b.file, err = os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	b.size = 0
	return err
}

// Close closes the file. A Write after it begins another.
func (b *Bounded) Close() error {
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	b.file = nil
	return err
}

package modules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Loader loads modules of the running kernel. Its methods may be called from
// several goroutines.
type Loader struct {
	index  *Index
	insert func(file string) error

	mu    sync.Mutex
	files map[string]func() error // what has been started, by file
}

// NewLoader returns a loader of the modules in the tree at dir, which x describes.
func NewLoader(x *Index, dir string) *Loader {
	return newLoader(x, func(file string) error { return insert(filepath.Join(dir, file)) })
}

func newLoader(x *Index, insert func(string) error) *Loader {
	return &Loader{index: x, insert: insert, files: map[string]func() error{}}
}

// Load loads what s, a module's name or a device's modalias, asks for, and
// returns when it is in the kernel. What the index doesn't know is no error.
func (l *Loader) Load(s string) error {
	var errs []error
	for _, name := range l.index.Names(s) {
		for _, file := range l.index.Files(name) {
			if err := l.once(file)(); err != nil {
				errs = append(errs, fmt.Errorf("load kernel module %s for %s: %w", name, s, err))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// once returns the loading of file, to be run or waited for.
func (l *Loader) once(file string) func() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.files[file]
	if !ok {
		f = sync.OnceValue(func() error { return l.insert(file) })
		l.files[file] = f
	}
	return f
}

// insert puts the module in file into the kernel, which uncompresses .xz and
// .zst itself (CONFIG_MODULE_DECOMPRESS; MODULE_INIT_COMPRESSED_FILE of
// linux/module.h). That a module is there already is no error.
func insert(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if filepath.Ext(file) != ".ko" {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	err = unix.FinitModule(int(f.Fd()), "", flags)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

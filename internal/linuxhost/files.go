package linuxhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ReadFile implements host.Files.
func (h *Host) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// WriteFile implements host.Files. A missing directory is made; a symbolic
// link at path is replaced, not followed.
func (h *Host) WriteFile(path string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	if err := fill(f, data, perm); err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		os.Remove(f.Name())
		return err
	}
	return syncDir(dir)
}

// fill writes f down to the disk and closes it.
func fill(f *os.File, data []byte, perm fs.FileMode) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MkdirAll implements host.Files.
func (h *Host) MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }

// Symlink implements host.Files. A missing directory is made.
func (h *Host) Symlink(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	if err := os.Symlink(target, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	return nil
}

// Remove implements host.Files.
func (h *Host) Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveAll implements host.Files.
func (h *Host) RemoveAll(path string) error { return os.RemoveAll(path) }

// Stat implements host.Files.
func (h *Host) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// Glob implements host.Files.
func (h *Host) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// Free implements host.Files.
func (h *Host) Free(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(st.Bfree) * st.Frsize, nil
}

// Sync implements host.Files, by syncfs(2): it also tells of write errors that
// nobody has been told of yet.
func (h *Host) Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: path, Err: err}
	}
	return nil
}

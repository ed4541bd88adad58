package hosttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/molt-installer/molt/stage2/host"
)

const dirMode = fs.ModeDir | 0o755

// file is one name in the file system, and its own fs.FileInfo.
type file struct {
	name string // absolute, clean
	mode fs.FileMode
	data []byte // of a symlink: where it points
}

func (f *file) Name() string       { return path.Base(f.name) }
func (f *file) Size() int64        { return int64(len(f.data)) }
func (f *file) Mode() fs.FileMode  { return f.mode }
func (f *file) ModTime() time.Time { return time.Time{} }
func (f *file) IsDir() bool        { return f.mode.IsDir() }
func (f *file) Sys() any           { return nil }

// AddFile puts a file there, with its directories.
func (h *Host) AddFile(name, data string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put(&file{name, 0o644, []byte(data)})
}

// AddDir puts a directory there, with its parents.
func (h *Host) AddDir(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mkdir(name, 0o755)
}

// SetFree says how much space is left at and below a path. Without it there
// is a terabyte.
func (h *Host) SetFree(path string, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.free[path] = bytes
}

// File is the content of a file, and whether it is there. It is not a call.
func (h *Host) File(name string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, err := h.find("open", name)
	if err != nil {
		return "", false
	}
	return string(f.data), true
}

// Names are the files, links and directories below dir, sorted. It is not a call.
func (h *Host) Names(dir string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.below(dir)
}

// ReadFile implements host.Files.
func (h *Host) ReadFile(name string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("read %s", name); err != nil {
		return nil, err
	}
	f, err := h.find("open", name)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(f.data), nil
}

// WriteFile implements host.Files.
func (h *Host) WriteFile(name string, data []byte, perm fs.FileMode) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("write %s mode %04o", name, perm); err != nil {
		return err
	}
	return h.put(&file{name, perm, bytes.Clone(data)})
}

// MkdirAll implements host.Files.
func (h *Host) MkdirAll(name string, perm fs.FileMode) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("mkdir %s mode %04o", name, perm); err != nil {
		return err
	}
	return h.mkdir(name, perm)
}

// Symlink implements host.Files.
func (h *Host) Symlink(target, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("symlink %s to %s", name, target); err != nil {
		return err
	}
	return h.put(&file{name, fs.ModeSymlink | 0o777, []byte(target)})
}

// Remove implements host.Files.
func (h *Host) Remove(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("remove %s", name); err != nil {
		return err
	}
	if len(h.below(name)) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	delete(h.files, path.Clean(name))
	return nil
}

// RemoveAll implements host.Files.
func (h *Host) RemoveAll(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("remove-all %s", name); err != nil {
		return err
	}
	for _, n := range h.below(name) {
		delete(h.files, n)
	}
	delete(h.files, path.Clean(name))
	return nil
}

// Stat implements host.Files.
func (h *Host) Stat(name string) (fs.FileInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("stat %s", name); err != nil {
		return nil, err
	}
	f, err := h.find("stat", name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Glob implements host.Files.
func (h *Host) Glob(pattern string) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("glob %s", pattern); err != nil {
		return nil, err
	}
	var found []string
	for name := range h.files {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// Copy implements host.Files.
func (h *Host) Copy(_ context.Context, src, dst string, progress func(int64)) (host.Copied, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("copy %s to %s", src, dst); err != nil {
		return host.Copied{}, err
	}
	f, err := h.find("open", src)
	if err != nil {
		return host.Copied{}, err
	}
	if progress != nil {
		progress(f.Size())
	}
	sum := sha256.Sum256(f.data)
	return host.Copied{Bytes: f.Size(), SHA256: hex.EncodeToString(sum[:])}, h.put(&file{dst, 0o644, f.data})
}

// Digest implements host.Files.
func (h *Host) Digest(_ context.Context, path string, progress func(done int64)) (host.Copied, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("digest %s", path); err != nil {
		return host.Copied{}, err
	}
	f, err := h.find("open", path)
	if err != nil {
		return host.Copied{}, err
	}
	if progress != nil {
		progress(f.Size())
	}
	sum := sha256.Sum256(f.data)
	return host.Copied{Bytes: f.Size(), SHA256: hex.EncodeToString(sum[:])}, nil
}

// Free implements host.Files.
func (h *Host) Free(name string) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("free %s", name); err != nil {
		return 0, err
	}
	for p := path.Clean(name); ; p = path.Dir(p) {
		if n, ok := h.free[p]; ok {
			return n, nil
		}
		if p == "/" || p == "." {
			return 1 << 40, nil
		}
	}
}

// Sync implements host.Files.
func (h *Host) Sync(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.call("sync %s", name)
}

// put stores f in place of what has its name, with its directories.
func (h *Host) put(f *file) error {
	f.name = path.Clean(f.name)
	if old := h.files[f.name]; old != nil && old.IsDir() {
		return &fs.PathError{Op: "open", Path: f.name, Err: syscall.EISDIR}
	}
	if err := h.mkdir(path.Dir(f.name), 0o755); err != nil {
		return err
	}
	h.files[f.name] = f
	return nil
}

func (h *Host) mkdir(name string, perm fs.FileMode) error {
	for p := path.Clean(name); ; p = path.Dir(p) {
		switch f := h.files[p]; {
		case f == nil:
			h.files[p] = &file{name: p, mode: fs.ModeDir | perm}
		case f.mode.IsRegular():
			return &fs.PathError{Op: "mkdir", Path: p, Err: syscall.ENOTDIR}
		default:
			return nil
		}
	}
}

// find follows symbolic links, those in the last component only.
func (h *Host) find(op, name string) (*file, error) {
	at := path.Clean(name)
	for range 8 {
		f := h.files[at]
		if f == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
		}
		if f.mode&fs.ModeSymlink == 0 {
			return f, nil
		}
		if to := string(f.data); path.IsAbs(to) {
			at = path.Clean(to)
		} else {
			at = path.Join(path.Dir(at), to)
		}
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ELOOP}
}

func (h *Host) below(dir string) []string {
	prefix := strings.TrimSuffix(path.Clean(dir), "/") + "/"
	var names []string
	for name := range h.files {
		if name != "/" && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

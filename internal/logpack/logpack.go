// Package logpack makes one file of the installer's logs, to be taken along: a
// gzipped tar archive, which every system opens. Both stages use it.
//
// It takes what it is given, the end of what is too long. That there are no secrets
// in it is for those to see to who write the logs; of the kernel's messages it leaves
// out those with the boot options, which can hold passwords.
package logpack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Most is what is taken of one file, bytes: its end.
const Most = 8 << 20

// File is one file of the archive.
type File struct {
	Name string
	Data []byte
}

// Name is that of an archive made at a time, in letters that FAT takes.
func Name(at time.Time) string { return "molt-logs-" + at.UTC().Format("20060102-150405") + ".tar.gz" }

// Pack is the archive, in a directory of its own name.
func Pack(at time.Time, files []File) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	dir := strings.TrimSuffix(Name(at), ".tar.gz")
	for _, f := range files {
		h := &tar.Header{Name: path.Join(dir, f.Name), Mode: 0o600, Size: int64(len(f.Data)), ModTime: at, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack the log %s: %w", f.Name, err)
		}
		if _, err := t.Write(f.Data); err != nil {
			return nil, fmt.Errorf("pack the log %s: %w", f.Name, err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("pack the logs: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack the logs: %w", err)
	}
	return b.Bytes(), nil
}

// Read reads the files that match a pattern (filepath.Match), as dir/NAME. One that
// can't be read is there with the reason.
func Read(dir, pattern string) []File {
	names, _ := filepath.Glob(pattern) // an empty list is what a bad one gives
	var files []File
	for _, name := range names {
		data, err := end(name)
		if err != nil {
			data = []byte(err.Error() + "\n")
		}
		files = append(files, File{path.Join(dir, filepath.Base(name)), data})
	}
	return files
}

// end is the end of a file.
func end(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, info.Size()-Most), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, Most))
}

// Kernel is what the kernel has said, syslog(2), without the boot options.
func Kernel() File {
	size, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
	buf := make([]byte, max(size, 0))
	if err == nil {
		size, err = unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, buf)
	}
	if err != nil {
		return File{"kernel.log", []byte("read the kernel's messages: " + err.Error() + "\n")}
	}
	return File{"kernel.log", withoutOptions(buf[:size])}
}

// withoutOptions drops the lines of init/main.c that repeat the command line.
func withoutOptions(log []byte) []byte {
	var out []byte
	for line := range bytes.Lines(log) {
		if !bytes.Contains(line, []byte("ommand line")) {
			out = append(out, line...)
		}
	}
	return out
}

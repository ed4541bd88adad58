package initramfs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/mkuimage/cpio"
)

// tree is the content of an archive, by slash-separated path without a leading
// slash. A later entry replaces an earlier one of the same name.
type tree struct{ entries map[string]cpio.Record }

func newTree() *tree { return &tree{entries: map[string]cpio.Record{}} }

func (t *tree) file(name string, data []byte, perm fs.FileMode) {
	t.add(cpio.StaticRecord(data, cpio.Info{Name: name, Mode: cpio.S_IFREG | uint64(perm.Perm())}))
}

func (t *tree) link(name, target string) { t.add(cpio.Symlink(name, target)) }

func (t *tree) dir(name string) { t.add(cpio.Directory(name, 0o755)) }

func (t *tree) device(name string, major, minor uint64) {
	t.add(cpio.CharDev(name, 0o600, major, minor))
}

// add puts r into the tree, with the directories above it: the kernel skips a
// file whose directory was not in the archive before it.
func (t *tree) add(r cpio.Record) {
	r = cpio.MakeReproducible(r)
	t.entries[r.Name] = r
	if d := path.Dir(r.Name); d != "." {
		if _, ok := t.entries[d]; !ok {
			t.dir(d)
		}
	}
}

// names are all paths, every directory before what is in it.
func (t *tree) names() []string {
	names := make([]string, 0, len(t.entries))
	for n := range t.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// size is what the files below prefix occupy once unpacked: a tmpfs rounds
// every file up to whole pages.
func (t *tree) size(prefix string) int64 {
	const page = 4096
	var sum int64
	for n, r := range t.entries {
		if strings.HasPrefix(n, prefix) {
			sum += (int64(r.FileSize) + page - 1) / page * page
		}
	}
	return sum
}

// write writes the archive and returns the number of bytes that took.
func (t *tree) write(w io.Writer) (int64, error) {
	count := &counter{w: w}
	z, err := zstd.NewWriter(count, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	buf := bufio.NewWriterSize(z, 1<<20)
	if err := t.writeRecords(cpio.Newc.Writer(buf)); err != nil {
		return 0, err
	}
	if err := buf.Flush(); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	return count.n, nil
}

func (t *tree) writeRecords(w cpio.RecordWriter) error {
	for _, n := range t.names() {
		if err := w.WriteRecord(t.entries[n]); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return cpio.WriteTrailer(w)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

package stage1

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/mkuimage/cpio"
)

func archive(t *testing.T, records ...cpio.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	for _, r := range records {
		if err := w.WriteRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUpdates(t *testing.T) {
	plain := archive(t, cpio.Directory("lib", 0o755), cpio.StaticFile("lib/molt/hello", "new", 0o644), cpio.StaticFile("etc/motd", "hi", 0o600))
	var zipped, zstded bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(plain)
	z.Close()
	e, err := zstd.NewWriter(&zstded)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = e.Write(plain)
	e.Close()
	for name, data := range map[string][]byte{"cpio": plain, "gzip": zipped.Bytes(), "zstd": zstded.Bytes()} {
		t.Run(name, func(t *testing.T) {
			s, _, _ := testSession(t)
			file := filepath.Join(t.TempDir(), "updates.img")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s.setCommandLine("inst.updates=file:" + file)
			dir, err := s.updates(t.Context())
			if err != nil || dir != s.dirs.updates {
				t.Fatalf("%q, %v", dir, err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "usr/lib/molt/hello")); err != nil || string(got) != "new" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestUpdatesThatAreNoGood(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"outside":   {archive(t, cpio.StaticFile("../../etc/passwd", "x", 0o644)), "outside of it"},
		"something": {[]byte("hello, world"), "neither a squashfs nor a cpio"},
		"cut":       {[]byte{0x1f, 0x8b, 8, 0}, "decompress"},
		"empty":     {nil, "neither a squashfs nor a cpio"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _ := testSession(t)
			file := filepath.Join(t.TempDir(), "updates.img")
			if err := os.WriteFile(file, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			s.setCommandLine("inst.updates=file:" + file)
			if _, err := s.updates(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v\ndoesn't say %q", err, c.says)
			}
		})
	}
}

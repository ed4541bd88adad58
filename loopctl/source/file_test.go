package source

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/molt-installer/molt/loopctl"
	"github.com/molt-installer/molt/loopctl/failover"
)

// pattern is content that says at every place where it is.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func must(t *testing.T, spec string, o Options) failover.Source {
	t.Helper()
	s, err := Open(t.Context(), spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serves checks size and content by reads of all kinds.
func serves(t *testing.T, s failover.Source, want []byte) {
	t.Helper()
	size, err := s.Size(t.Context())
	if err != nil || size != int64(len(want)) {
		t.Fatalf("%s: size %d, %v; want %d", s, size, err, len(want))
	}
	for _, r := range []struct{ off, n int }{
		{0, 1}, {0, 4096}, {1, 511}, {len(want)/2 - 7, 1000}, {len(want) - 1, 1}, {0, len(want)},
	} {
		p := make([]byte, r.n)
		n, err := s.ReadAt(t.Context(), p, int64(r.off))
		if n != r.n || err != nil || string(p) != string(want[r.off:r.off+r.n]) {
			t.Errorf("%s: ReadAt(%d bytes, %d) = %d, %v, or wrong bytes", s, r.n, r.off, n, err)
		}
	}
	p := make([]byte, 100)
	n, err := s.ReadAt(t.Context(), p, int64(len(want)-30))
	if n != 30 || !errors.Is(err, io.EOF) || string(p[:n]) != string(want[len(want)-30:]) {
		t.Errorf("%s: over the end: %d, %v", s, n, err)
	}
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	content := pattern(300_001)
	for _, tt := range []struct{ file, spec string }{
		{"a", "%/a"}, {"a", "file:%/a"}, {"a", "file://%/a"}, {"a", "file://localhost%/a"},
		{"b c%d", "file:%/b c%d"}, {"b c%d", "file://%/b%20c%25d"}, {"x:y", "%/x:y"},
	} {
		write(t, filepath.Join(dir, tt.file), content)
		s := must(t, strings.Replace(tt.spec, "%", dir, 1), Options{})
		serves(t, s, content)
		if want := filepath.Join(dir, tt.file); s.String() != want {
			t.Errorf("%s is called %s", want, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("ReadAt after Close: %v", err)
		}
	}
}

func TestSpec(t *testing.T) {
	for _, tt := range []struct{ spec, says string }{
		{"", "it is empty"},
		{"ftp://host/file", `there is no "ftp:" here`},
		{"nfs:server:/path", `there is no "nfs:" here`},
		{"file:", "without a path"},
		{"file://host/path", "names a host"},
		{"http:/path", "this one isn't"},
		{"https://", "this one isn't"},
		{"http://user:secret@ho st/", "this one isn't"},
	} {
		_, err := Open(t.Context(), tt.spec, Options{})
		if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q): %v, want %q", tt.spec, err, tt.says)
		}
	}
}

func TestFileRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		spec string
		err  error
	}{
		{filepath.Join(dir, "none"), os.ErrNotExist}, {dir, ErrFileType}, {fifo, ErrFileType}, {"/dev/null", ErrFileType},
	} {
		s := must(t, tt.spec, Options{})
		if _, err := s.Size(t.Context()); !errors.Is(err, tt.err) || strings.Contains(err.Error(), dir) {
			t.Errorf("size of %s: %v, want %v without the path", tt.spec, err, tt.err)
		}
		if _, err := s.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, tt.err) {
			t.Errorf("read of %s: %v, want %v", tt.spec, err, tt.err)
		}
	}
}

// TestFileChanges: what isn't the file any more is not served as if it were.
func TestFileChanges(t *testing.T) {
	content := pattern(10_000)
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, name string)
	}{
		{"cut", func(t *testing.T, name string) {
			if err := os.Truncate(name, 5000); err != nil {
				t.Fatal(err)
			}
		}},
		{"replaced by a shorter one", func(t *testing.T, name string) {
			write(t, name+".new", content[:5000])
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}},
		{"replaced by one of that size", func(t *testing.T, name string) {
			write(t, name+".new", content)
			later := time.Now().Add(time.Second)
			if err := errors.Join(os.Chtimes(name+".new", later, later), os.Rename(name+".new", name)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "file")
			write(t, name, content)
			s := must(t, name, Options{})
			serves(t, s, content)
			tt.change(t, name)
			if _, err := s.Size(t.Context()); !errors.Is(err, failover.ErrChanged) {
				t.Errorf("size: %v, want %v", err, failover.ErrChanged)
			}
		})
	}
	t.Run("cut, then read", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "file")
		write(t, name, content)
		s := must(t, name, Options{})
		serves(t, s, content)
		if err := os.Truncate(name, 5000); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 1000)
		if n, err := s.ReadAt(t.Context(), p, 4900); n != 100 || !errors.Is(err, io.EOF) {
			t.Errorf("first read: %d, %v", n, err)
		}
		if _, err := s.ReadAt(t.Context(), p, 4900); !errors.Is(err, failover.ErrChanged) {
			t.Errorf("second read: %v, want %v", err, failover.ErrChanged)
		}
	})
}

// TestFileComesLater: one that wasn't there at first, and one that was away for a while.
func TestFileComesLater(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := pattern(10_000)
	s := must(t, name, Options{})
	if _, err := s.Size(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("size: %v", err)
	}
	write(t, name, content)
	serves(t, s, content)
	if err := os.Rename(name, name+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Size(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("size: %v", err)
	}
	if err := os.Rename(name+".away", name); err != nil {
		t.Fatal(err)
	}
	serves(t, s, content)
}

// TestHungOpen: whoever comes while the open of a file hangs is not caught too.
func TestHungOpen(t *testing.T) {
	f := newFile("/nowhere")
	f.turn <- struct{}{} // as if it hung
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, failover.ErrTimeout)
	defer cancel()
	if _, err := f.ReadAt(ctx, make([]byte, 1), 0); !errors.Is(err, failover.ErrTimeout) {
		t.Errorf("ReadAt: %v", err)
	}
	if err := f.Close(); err == nil {
		t.Error("Close says nothing of the open that hangs")
	}
}

func TestBlockDevice(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for loop devices")
	}
	name := filepath.Join(t.TempDir(), "file")
	content := pattern(1 << 20)
	write(t, name, content)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	d, err := loopctl.Attach(ctx, f, loopctl.Config{ReadOnly: true})
	if err != nil {
		t.Skip("needs loop devices:", err)
	}
	defer func() {
		if err := d.Detach(ctx); err != nil {
			t.Errorf("leaked: %v", err)
		}
	}()
	s := must(t, d.Path(), Options{})
	serves(t, s, content)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestNotInherited: a child has none of the source's descriptors.
func TestNotInherited(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, pattern(10))
	s := must(t, name, Options{})
	if _, err := s.ReadAt(t.Context(), make([]byte, 1), 0); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	if err != nil || strings.Contains(string(out), name) {
		t.Errorf("%v\n%s", err, out)
	}
}

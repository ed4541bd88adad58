package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/internal/vm/vmtest"
)

func TestEscapes(t *testing.T) {
	tests := []struct {
		name, typed, guest, commands string
	}{
		{"text", "ls\r", "ls\r", ""},
		{"end", "a\x01xb", "ab", "x"},
		{"Ctrl-A itself", "\x01\x01x", "\x01x", ""},
		{"disc", "\x012\x01o", "", "2o"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var guest, commands strings.Builder
			e := escapes{
				send:    func(s string) error { guest.WriteString(s); return nil },
				command: func(c byte) { commands.WriteByte(c) },
			}
			for _, c := range []byte(tt.typed) { // each key on its own
				if err := e.typed([]byte{c}); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([]string{tt.guest, tt.commands}, []string{guest.String(), commands.String()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStatusLine(t *testing.T) {
	var out bytes.Buffer
	term := terminal{out: &out}
	term.status("disc 2")
	if got, want := out.String(), "\x1b7\x1b[999;1H\x1b[2K\x1b[7m disc 2 \x1b[0m\x1b8"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRunFlags(t *testing.T) {
	s := streams{err: io.Discard}
	o, err := parseRun([]string{"--set", "build/tiny/", "--vga"}, s)
	if err != nil || o.disk != "build/run/tiny.img" || o.serial || !o.vga {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parseRun(nil, s); err != nil || !o.serial {
		t.Errorf("without flags: %+v, %v; want the serial console", o, err)
	}
	if o, err = parseRun([]string{"-o", "out", "tiny"}, s); err != nil || o.set != "out/tiny" || o.disk != "out/run/tiny.img" {
		t.Errorf("of an example: %+v, %v", o, err)
	}
	if _, err := parseRun([]string{"tiny", "debian"}, s); err == nil {
		t.Error("an argument too many: no error")
	}
}

// screen is a terminal that tells when something was shown on it.
type screen struct {
	io.Writer
	want  string
	text  strings.Builder
	shown chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	before := strings.Contains(s.text.String(), s.want)
	s.text.Write(b)
	if !before && strings.Contains(s.text.String(), s.want) {
		close(s.shown)
	}
	return len(b), nil
}

// TestRun boots a kernel that finds no root and waits there, sees what it
// says, and ends it by keys.
func TestRun(t *testing.T) {
	k := vmtest.FindKernel(t)
	dir := t.TempDir()
	netboot := filepath.Join(dir, "set", "netboot")
	if err := os.MkdirAll(netboot, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"set/disc1.iso": os.DevNull, "set/netboot/vmlinuz": k.Image,
		"set/netboot/initrd.img": vmtest.Initramfs(t, nil, nil),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	keys, typist, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer typist.Close()
	out := &screen{want: "Linux version", shown: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		select {
		case <-out.shown:
			typist.WriteString("\x01x")
		case <-ctx.Done():
		}
	}()
	args := []string{"--set", filepath.Join(dir, "set"), "--dir", dir, "--append", "panic=0", "--memory", "256"}
	if err := runRun(ctx, args, streams{in: keys, out: out, err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("not ended by keys; the terminal has:\n%s", out.text.String())
	}
	if !strings.Contains(out.text.String(), "The disk is "+filepath.Join(dir, "set.img")) {
		t.Errorf("the terminal has:\n%s", out.text.String())
	}
}

package logpack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPack: tar opens it.
func TestPack(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "molt.log"), []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, "molt.log.1")
	if err := os.WriteFile(long, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(long, 3*Most); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "no.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	files := append(Read("target", filepath.Join(dir, "*.log*")), File{"ks.cfg", []byte("text\n")})
	data, err := Pack(at, files)
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), Name(at))
	if err := os.WriteFile(archive, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if text, err := exec.Command("tar", "-xzf", archive, "-C", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	root := filepath.Join(out, "molt-logs-20260102-030405")
	for name, want := range map[string]string{"target/molt.log": "a line\n", "ks.cfg": "text\n", "target/no.log": "is a directory"} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "target/molt.log.1")); err != nil || info.Size() != Most {
		t.Errorf("of the long one: %v, %v", info, err)
	}
}

func TestNoBootOptions(t *testing.T) {
	log := "<6>[0.0] Linux version 6\n<6>[0.0] Command line: inst.sshd.password=xyzzy\n<5>[0.1] Kernel command line: inst.sshd.password=xyzzy\n" +
		"<5>[0.1] Unknown kernel command line parameters \"inst.sshd.password=xyzzy\", will be passed to user space.\n<6>[1.0] sd 0:0:0:0: [sda] Attached\n"
	want := "<6>[0.0] Linux version 6\n<6>[1.0] sd 0:0:0:0: [sda] Attached\n"
	if got := string(withoutOptions([]byte(log))); got != want {
		t.Errorf("got %q", got)
	}
	if f := Kernel(); len(f.Data) == 0 || strings.Contains(string(f.Data), "ommand line") {
		t.Errorf("the kernel says %q", f.Data)
	}
}

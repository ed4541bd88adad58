package stage1

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
	"github.com/molt-installer/molt/media"
)

// sysDisk makes a disk with a partition in the session's sysfs.
func sysDisk(t *testing.T, s *session, name, removable string) {
	t.Helper()
	dir := filepath.Join(s.devices.sys, "devices", name)
	class := filepath.Join(s.devices.sys, "class/block")
	for _, d := range []string{filepath.Join(dir, name+"1"), class} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "removable"), []byte(removable+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{name: dir, name + "1": filepath.Join(dir, name+"1")} {
		if err := os.Symlink(to, filepath.Join(class, link)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSaveLogs: on a stick, and on nothing else that is there.
func TestSaveLogs(t *testing.T) {
	s, f, p := testSession(t)
	sysDisk(t, s, "sda", "0")
	sysDisk(t, s, "sdb", "1")
	sysDisk(t, s, "sdc", "1")
	choose := func(answers ...string) string {
		t.Helper()
		p.Reset()
		p.answers = append(answers, "p")
		if got := s.menu(t.Context(), nil); got != handoff.Poweroff {
			t.Errorf("the menu ends with %q", got)
		}
		return p.String()
	}
	f.volumes = []media.Volume{{Path: "/dev/sda1", FSType: "ext4", Label: "root"}, {Path: "/dev/sdc", FSType: "iso9660"}}
	if text := choose("w"); !strings.Contains(text, "no removable disk") {
		t.Errorf("it said %q", text)
	}
	f.volumes = append(f.volumes, media.Volume{Path: "/dev/sdb1", FSType: "vfat", Label: "STICK", Size: 7 << 30})
	for _, none := range []string{"", "2", "0", "x"} {
		choose("w", none)
	}
	if len(f.calls) > 0 {
		t.Fatalf("calls: %v", f.calls)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.dirs.log), "molt.log"), []byte("stage 2 was here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := choose("w", "1")
	if strings.Contains(text, "/dev/sda1") || !strings.Contains(text, `1  /dev/sdb1: vfat "STICK", 7168 MiB`) || !strings.Contains(text, "can be taken out now") {
		t.Errorf("it said %q", text)
	}
	if want := "mount " + s.dirs.scratch + ", unmount " + s.dirs.scratch; strings.Join(f.calls, ", ") != want {
		t.Errorf("calls %v, want %s", f.calls, want)
	}
	saved, _ := filepath.Glob(filepath.Join(s.dirs.scratch, "molt-logs-*.tar.gz"))
	if len(saved) != 1 {
		t.Fatalf("saved: %v", saved)
	}
	out, err := exec.Command("tar", "-xzOf", saved[0], "--wildcards", "*/molt.log").CombinedOutput()
	if err != nil || string(out) != "stage 2 was here\n" {
		t.Errorf("the archive has %q, %v", out, err)
	}
}

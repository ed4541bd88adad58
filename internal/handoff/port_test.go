package handoff

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindPort(t *testing.T) {
	sys := t.TempDir()
	for port, name := range map[string]string{"vport1p1": "org.qemu.agent", "vport1p2": EventsPort, "vport1p3": ""} {
		dir := filepath.Join(sys, "class/virtio-ports", port)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "name"), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{EventsPort: "/dev/vport1p2", "org.nobody": "", "": ""} {
		if got := FindPort(sys, "/dev", name); got != want {
			t.Errorf("port %q: %q, want %q", name, got, want)
		}
	}
}

package disc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func netDistro() *Distro {
	return &Distro{Product: "Test", Version: "1", Boot: Boot{Timeout: 1, Append: "no_timer_check"}}
}

// TestNetGrubConfig: GRUB's own checker reads the menu.
func TestNetGrubConfig(t *testing.T) {
	needTools(t, "grub-script-check")
	config := filepath.Join(t.TempDir(), "grub.cfg")
	if err := writeFile(config, []byte(netDistro().netGrubConfig())); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t.Context(), nil, "grub-script-check", config); err != nil {
		t.Error(err)
	}
}

// TestNetLoaders: made twice, they are the same, and what GRUB's configuration
// and iPXE's script rely on is beside them by relative names only.
func TestNetLoaders(t *testing.T) {
	needTools(t, "grub-mkimage")
	w := &setWriter{builder: &builder{distro: netDistro(), date: time.Unix(keyTime, 0)}}
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		if err := w.makeNetLoaders(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range netLoaders() {
		a, errA := os.ReadFile(filepath.Join(dirs[0], l.name))
		b, errB := os.ReadFile(filepath.Join(dirs[1], l.name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", l.name, errA, errB)
		}
	}
}

// TestIPXEScript: what the script loads is beside it, and the last console= is the screen's.
func TestIPXEScript(t *testing.T) {
	script := netDistro().ipxeScript()
	for _, line := range []string{"#!ipxe\n", "\nkernel vmlinuz initrd=initrd.img inst.stage2=${stage2} ", " console=tty0 quiet no_timer_check ${options}\n", "\ninitrd initrd.img\nboot\n"} {
		if !strings.Contains(script, line) {
			t.Errorf("no %q in\n%s", line, script)
		}
	}
}

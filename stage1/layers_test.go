package stage1

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/molt-installer/molt/internal/handoff"
)

// TestCloseFree: an array is cleared when nothing stands on it or on a partition of it,
// and neither what is going already nor stage 2's own image is touched.
func TestCloseFree(t *testing.T) {
	block := t.TempDir()
	for name, content := range map[string]string{
		"md0/md/array_state": "active\n", "md1/md/array_state": "clean\n", "md1/holders/dm-1": "",
		"md2/md/array_state": "clean\n", "md2/md2p1/holders/dm-1": "", "md3/md/array_state": "clear\n",
		"dm-0/dm/name": mapped + "\n", "dm-1/dm/name": "vg0-root\n", "dm-1/holders/dm-2": "",
		"md126/size": "0\n", "dm-3/size": "0\n", // going
	} {
		file := filepath.Join(block, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	progress, err := closeFree(block, t.TempDir())
	if !progress || err != nil {
		t.Errorf("progress %v, %v", progress, err)
	}
	for name, want := range map[string]string{"md0": "clear", "md1": "clean", "md2": "clean"} {
		state, err := os.ReadFile(filepath.Join(block, name, "md/array_state"))
		if err != nil || strings.TrimSpace(string(state)) != want {
			t.Errorf("%s is %q, want %s (%v)", name, state, want, err)
		}
	}
}

// TestForgetNode: a group's directory goes with its last link.
func TestForgetNode(t *testing.T) {
	dev := t.TempDir()
	nodes := filepath.Join(dev, "mapper")
	for _, dir := range []string{nodes, filepath.Join(dev, "vg0")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, lv := range []string{"a", "b"} {
		if err := errors.Join(os.WriteFile(filepath.Join(nodes, "vg0-"+lv), nil, 0o600),
			os.Symlink(filepath.Join(nodes, "vg0-"+lv), filepath.Join(dev, "vg0", lv))); err != nil {
			t.Fatal(err)
		}
	}
	for i, lv := range []string{"a", "b", "b"} {
		if err := forgetNode(nodes, "vg0-"+lv); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dev, "vg0")); (err == nil) != (i == 0) {
			t.Errorf("after %s: %v", lv, err)
		}
	}
	if left, _ := os.ReadDir(nodes); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestLayersInUse: who keeps them busy is waited for.
func TestLayersInUse(t *testing.T) {
	s, f, _ := testSession(t)
	f.busy["layers"] = 2
	if err := s.tearDown(t.Context(), handoff.Result{}); err != nil {
		t.Error(err)
	}
	if len(f.calls) == 0 || f.calls[len(f.calls)-1] != "close layers" {
		t.Errorf("calls: %v", f.calls)
	}
}

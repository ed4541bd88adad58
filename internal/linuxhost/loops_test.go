package linuxhost

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/molt-installer/molt/loopctl"
)

// TestSwitchToTheSameFile: a step that is entered again needs proof, not an error.
func TestSwitchToTheSameFile(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to attach a loop device")
	}
	image := make([]byte, 3<<20)
	image[0], image[len(image)-1] = 'a', 'z'
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := loopctl.Attach(t.Context(), f, loopctl.Config{ReadOnly: true})
	if err != nil {
		t.Skipf("needs a loop device: %v", err)
	}
	defer d.Detach(t.Context())
	got, err := New().Switch(t.Context(), d.Path(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(image); got.SHA256 != hex.EncodeToString(sum[:]) || got.Bytes != int64(len(image)) {
		t.Errorf("got %+v", got)
	}
}

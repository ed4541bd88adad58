package devlinks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForget(t *testing.T) {
	dev := t.TempDir()
	for link, to := range map[string]string{
		"vg0/root": dev + "/mapper/vg0-root", "vg0/swap": dev + "/mapper/vg0-swap", "vg1/root": "../mapper/vg0-root", "md/data": "../md127", "mapper/plain": "",
	} {
		path := filepath.Join(dev, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		err := os.Symlink(to, path)
		if to == "" {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := Forget(dev, dev+"/mapper/vg0-root"); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, pattern := range []string{"*", "*/*"} {
		found, _ := filepath.Glob(filepath.Join(dev, pattern))
		for _, f := range found {
			left = append(left, strings.TrimPrefix(f, dev+"/"))
		}
	}
	if d := cmp.Diff([]string{"mapper", "md", "vg0", "mapper/plain", "md/data", "vg0/swap"}, left); d != "" {
		t.Error(d)
	}
}

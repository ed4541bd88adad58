package kickstart

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
)

// TestKeep: hashes stay, what is secret as it stands doesn't, and all else is the same.
func TestKeep(t *testing.T) {
	grub, err := HashBootPassword(rand.Reader, "menu")
	if err != nil {
		t.Fatal(err)
	}
	a := config.Answers{
		Language: "C.UTF-8",
		Root:     config.Login{Hash: "$y$j9T$salt$root-hash", Set: true},
		Users: []config.User{
			{Name: "ada", Gecos: "Ada L", Groups: []string{"sudo"}, Login: config.Login{Hash: "$y$j9T$salt$ada-hash", Set: true}},
			{Name: "locked", Login: config.Login{Locked: true, Set: true}},
		},
		SSHKeys: []config.SSHKey{{User: "ada", Key: "ssh-ed25519 AAAA ada@engine"}},
		Storage: config.Storage{Auto: &config.Autopart{LUKS: &config.LUKS{Passphrase: "correct horse"}}},
		Boot:    config.Bootloader{Append: "quiet", Password: config.Secret(grub)},
		Scripts: []config.Script{{Kind: config.Post, Body: "echo correct horse\n"}},
	}
	text := string(Keep(a))
	for _, want := range []string{"$y$j9T$salt$root-hash", "$y$j9T$salt$ada-hash", grub, "ssh-ed25519 AAAA ada@engine"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't kept:\n%s", want, text)
		}
	}
	if strings.Contains(text, "correct") || strings.Contains(text, "%post") {
		t.Errorf("a secret is kept:\n%s", text)
	}
	if _, diags := Parse("kept.ks", []byte(text), Options{}); diags.Err() == nil || !strings.Contains(diags.Err().Error(), "put it in again") {
		t.Errorf("the passphrase that isn't there: %v", diags.Err())
	}
	again, diags := Parse("kept.ks", []byte(strings.Replace(text, hidden, `"correct horse"`, 1)), Options{})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	a.Scripts = nil
	if d := cmp.Diff(a, again, sameAnswers()); d != "" {
		t.Errorf("read again (-was +is):\n%s", d)
	}
}

// TestKeepIsWhole: files without passphrases, keys and scripts are kept as they were written.
func TestKeepIsWhole(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.ks")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	whole := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a, diags := Parse(file, data, Options{Rand: rand.Reader})
		if diags.Err() != nil {
			continue // its includes aren't here
		}
		a.Scripts = nil
		kept := string(Keep(a))
		if strings.Contains(kept, hidden) {
			continue
		}
		whole++
		if d := cmp.Diff(string(Write(a)), kept); d != "" {
			t.Errorf("%s (-written +kept):\n%s", file, d)
		}
	}
	if whole == 0 {
		t.Error("all files have passphrases")
	}
}

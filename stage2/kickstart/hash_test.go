package kickstart

import (
	"bytes"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"
)

// TestHashPassword asks crypt(3), which login uses, whether the hash is one.
func TestHashPassword(t *testing.T) {
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Skip("perl is needed to ask crypt(3)")
	}
	salt := bytes.NewReader([]byte("0123456789abcdef"))
	hash, err := HashPassword(salt, "pässword $1")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(perl, "-e", "print crypt($ARGV[0], $ARGV[1])", "pässword $1", hash).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != hash {
		t.Errorf("crypt(3) makes %s of it, HashPassword %s", got, hash)
	}
}

func TestHashPasswordNeedsRandomness(t *testing.T) {
	if hash, err := HashPassword(bytes.NewReader([]byte("short")), "x"); err == nil {
		t.Errorf("got %s", hash)
	}
}

// TestHashBootPassword gives the salt that GRUB's own program has drawn.
func TestHashBootPassword(t *testing.T) {
	grub, err := exec.LookPath("grub-mkpasswd-pbkdf2")
	if err != nil {
		t.Skip("grub-mkpasswd-pbkdf2 is needed to ask GRUB")
	}
	cmd := exec.Command(grub)
	cmd.Stdin = strings.NewReader("pässword $1\npässword $1\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(out, []byte(grubPrefix))
	if at < 0 {
		t.Fatalf("grub-mkpasswd-pbkdf2 says %q", out)
	}
	theirs := strings.TrimSpace(string(out[at:]))
	salt, err := hex.DecodeString(strings.Split(theirs, ".")[4])
	if err != nil {
		t.Fatal(err)
	}
	ours, err := HashBootPassword(bytes.NewReader(salt), "pässword $1")
	if err != nil || ours != theirs {
		t.Errorf("GRUB makes %s of it, HashBootPassword %s, %v", theirs, ours, err)
	}
	if _, err := HashBootPassword(bytes.NewReader(nil), "x"); err == nil {
		t.Error("it needs no randomness")
	}
}

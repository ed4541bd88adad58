package kickstart

import (
	"bytes"
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

package kickstart

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
)

// TestSSHPw: who may log in to the installer, and that no password of theirs is
// anywhere in clear.
func TestSSHPw(t *testing.T) {
	file := "sshpw --username=ada --plaintext xyzzy-plugh\nsshpw --username=eve --iscrypted $y$j9T$aaaa$bbbb --lock\n" +
		"sshpw --username=kim --sshkey ssh-ed25519 AAAA kim at home\n"
	a, diags := Parse("ks.cfg", []byte(file), Options{Rand: rand.Reader})
	if err := diags.Err(); err != nil || len(a.Visitors) != 3 {
		t.Fatalf("%+v, %v", a.Visitors, err)
	}
	if ok, err := CheckPassword(a.Visitors[0].Login.Hash, "xyzzy-plugh"); !ok || err != nil {
		t.Errorf("ada's password: %v, %v", ok, err)
	}
	if v := a.Visitors[1]; v.User != "eve" || !v.Login.Locked || v.Login.Hash != "$y$j9T$aaaa$bbbb" {
		t.Errorf("eve: %+v", v)
	}
	if v := a.Visitors[2]; v != (config.Visitor{User: "kim", Key: "ssh-ed25519 AAAA kim at home"}) {
		t.Errorf("kim: %+v", v)
	}
	written := string(Write(a))
	again, diags := Parse("ks.cfg", []byte(written), Options{})
	if err := diags.Err(); err != nil || len(again.Visitors) != 3 || again.Visitors[0] != a.Visitors[0] || again.Visitors[2] != a.Visitors[2] {
		t.Errorf("written as\n%sand read as %+v, %v", written, again.Visitors, err)
	}
	if kept := string(Keep(a)); strings.Contains(written+kept, "xyzzy") || !strings.Contains(kept, a.Visitors[0].Login.Hash) {
		t.Errorf("kept as\n%s", kept)
	}
	if !strings.Contains(strings.Join(a.Secrets(), " "), a.Visitors[0].Login.Hash) {
		t.Error("the hash of ada's password isn't kept out of the log")
	}
}

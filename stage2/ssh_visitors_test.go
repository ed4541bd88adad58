package stage2

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/event"
	"github.com/molt-installer/molt/stage2/kickstart"
)

// heard are the warnings.
type heard []string

func (h *heard) Emit(e event.Event) { *h = append(*h, e.Message) }

// TestNoPassword: what stands for a hash and is none, or is one that can't be checked, is no password: it
// opens nothing, and what the boot line has given still does.
func TestNoPassword(t *testing.T) {
	good, err := kickstart.HashPassword(rand.Reader, "of-the-kickstart")
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"*", "!", "!" + good, "!$6$abc$def", "$1$abc$def", "ab01FAX.bQRSU", "_J9..rasmBYk8r9AiWNc", "$6$", kickstart.Unhashed} {
		for _, given := range []string{"", "of-the-boot-line"} {
			warnings := heard{}
			s := &session{out: &outputs{logs: []event.Sink{&warnings}}}
			s.setup.Options.SSHPassword = given
			s.answers.Visitors = []config.Visitor{{User: "root", Login: config.Login{Hash: hash, Set: true}}}
			root := s.visitors()[0]
			if root.Opens() != (given != "") {
				t.Errorf("%q and %q: root can log in: %v", given, hash, root.Opens())
			}
			if root.Password != nil && (!root.Password(given) || root.Password(hash) || root.Password("of-the-kickstart")) {
				t.Errorf("%q doesn't open, or %q or its password does", given, hash)
			}
			if text := strings.Join(warnings, "\n"); !strings.Contains(text, "can't be used") || strings.Contains(text, hash+" ") {
				t.Errorf("%q: the warnings are %q", hash, text)
			}
		}
	}
	s := &session{out: &outputs{}}
	s.setup.Options.SSHPassword = "of-the-boot-line"
	s.answers.Visitors = []config.Visitor{{User: "root", Login: config.Login{Hash: good, Set: true}}}
	if root := s.visitors()[0]; !root.Password("of-the-kickstart") || root.Password("of-the-boot-line") || root.Password(good) {
		t.Error("the kickstart's password doesn't take the place of the boot line's")
	}
}

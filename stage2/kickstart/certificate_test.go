package kickstart

import (
	"os"
	"strings"
	"testing"

	"github.com/molt-installer/molt/media/mediatest"
)

// TestCertificateWithKey: the sections that stage 1 takes for a server which wants to see a certificate
// (stage1, TestCertificatesOfTheKickstart) are right here too, and what is kept of them has no key.
func TestCertificateWithKey(t *testing.T) {
	certFile, keyFile := mediatest.NewAuthority(t, "127.0.0.1").Issue(t, t.TempDir())
	cert, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	section := func(name string, body []byte) string {
		return "%certificate --filename=" + name + " --dir=/etc/own\n" + string(body) + "%end\n"
	}
	file := "url --url=https://a/ --sslclientcert=/etc/own/me.pem --sslclientkey=file:///etc/own/me.key\n" +
		section("me.pem", cert) + section("me.key", key) + section("both.pem", append(cert, key...))
	a, diags := Parse("ks.cfg", []byte(file), Options{})
	if len(diags) > 0 || len(a.Certificates) != 3 {
		t.Fatalf("%s\n%+v", show(diags), a.Certificates)
	}
	roundTrip(t, a)
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	for what, kept := range map[string][]byte{"ks.cfg": Redact([]byte(file)), "installed.ks": Redact(Write(a))} {
		for _, line := range lines[1 : len(lines)-1] {
			if strings.Contains(string(kept), line) {
				t.Errorf("%s has %q of the key:\n%s", what, line, kept)
			}
		}
		if !strings.Contains(string(kept), strings.Split(string(cert), "\n")[1]) {
			t.Errorf("%s has no certificate:\n%s", what, kept)
		}
		_, diags := Parse(what, kept, Options{})
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), "REDACTED stands where the key was") {
			t.Errorf("%s again: %v", what, err)
		}
	}
	_, diags = Parse("ks.cfg", []byte(section("x.pem", []byte("hello\n"))), Options{})
	if err := diags.Err(); err == nil || !strings.Contains(err.Error(), "neither a certificate nor a key") {
		t.Errorf("%v", err)
	}
}

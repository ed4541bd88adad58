package kickstart

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
)

// The hashes of SHA-2 are what crypt(3) of libxcrypt makes, by
// perl -e 'print crypt("Hello world!", "$6$saltstring")'.
func TestCheckPassword(t *testing.T) {
	own, err := HashPassword(rand.Reader, "Hello world!")
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{own,
		"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
		"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
		"$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
	} {
		for password, want := range map[string]bool{"Hello world!": true, "Hello world": false, "": false} {
			if got, err := CheckPassword(hash, password); got != want || err != nil {
				t.Errorf("%q for %s: %v, %v", password, hash, got, err)
			}
		}
	}
	for _, hash := range []string{"", "*", "!", Unhashed, "$1$abc$def", "plain", "$y$", "$6$", "$y$j9T$x", "$6$rounds=x$y$z", "$5$$", "!" + own, own[1:]} {
		if got, err := CheckPassword(hash, ""); got {
			t.Errorf("an empty password opens %q (%v)", hash, err)
		}
	}
	long := strings.Repeat("x", longestPassword)
	if own, err = HashPassword(rand.Reader, long+"x"); err != nil {
		t.Fatal(err)
	}
	if ok, err := CheckPassword(own, long+"x"); ok || err != nil {
		t.Errorf("a password of more than %d bytes: %v, %v", longestPassword, ok, err)
	}
	for _, hash := range []string{"$1$abc$def", "*", "!" + own, own[1:], "abcdefghijklm", ""} {
		for _, password := range []string{"Hello world!", hash} {
			if ok, err := CheckPassword(hash, password); ok || !errors.Is(err, ErrHashMethod) {
				t.Errorf("%q for %q, which isn't known: %v, %v", password, hash, ok, err)
			}
		}
	}
}

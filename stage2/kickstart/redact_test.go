package kickstart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/molt-installer/molt/stage2/config"
)

func TestRedact(t *testing.T) {
	tests := []struct{ name, input, want string }{
		{"rootpw", "rootpw --plaintext S3cr3t # mine", "rootpw --plaintext REDACTED # mine"},
		{"hash", "rootpw --iscrypted $y$j9T$abc$def", "rootpw --iscrypted REDACTED"},
		{"user", "user --name=a --password=S3cr3t --uid=5", "user --name=a --password=REDACTED --uid=5"},
		{"value apart", "user --password S3cr3t --name a", "user --password REDACTED --name a"},
		{"quotes", `user --name="A B" --password="S3 cr"'3t'`, `user --name="A B" --password=REDACTED`},
		{"quotes around", `user "--password=S3cr3t"`, `user --password=REDACTED`},
		{"abbreviated", "user --pass=S3cr3t", "user --pass=REDACTED"},
		{"passphrase", "part / --size=9 --passphrase=S3cr3t", "part / --size=9 --passphrase=REDACTED"},
		{"bootloader", "bootloader --timeout=5 --password=S3cr3t", "bootloader --timeout=5 --password=REDACTED"},
		{"sshpw", "sshpw --username=a S3cr3t", "sshpw --username=a REDACTED"},
		{"realm", "realm join --one-time-password=S3cr3t example.com", "realm REDACTED --one-time-password=REDACTED REDACTED"},
		{"url", "url --url=http://u:S3cr3t@example.com/x --noverifyssl", "url --url=REDACTED --noverifyssl"},
		{"include", "%include http://u:S3cr3t@example.com/x", "%include REDACTED"},
		{"a name alone is kept", "repo --name=a --baseurl=ssh://me@example.com/x", "repo --name=a --baseurl=ssh://me@example.com/x"},
		{"removed", "vnc --password=S3cr3t", "vnc --password=REDACTED"},
		{"mistyped command", "rootpasswd --plaintext S3cr3t", "rootpasswd REDACTED REDACTED"},
		{"mistyped option", "user --name=a --pasword=S3cr3t", "user --name=a --pasword=REDACTED"},
		{"mistyped option, value apart", "user --name=a --pasword S3cr3t", "user --name=a --pasword REDACTED"},
		{"spaces around =", "user --name=a --password = S3cr3t", "user --name=a --password REDACTED REDACTED"},
		{"too many", "user bob S3cr3t", "user REDACTED REDACTED"},
		{"dashes", "rootpw --S3cr3t", "rootpw REDACTED"},
		{"open quote", "rootpw 'S3cr3t", "rootpw REDACTED"},
		{"continued", "rootpw \\\n  --plaintext \\\n  S3cr3t\nlang C", "rootpw \\\n  --plaintext \\\n  REDACTED\nlang C"},
		{"joined by mistake", "lang C \\\nrootpw S3cr3t\n", "lang C \\\nREDACTED REDACTED\n"},
		{"comment", "# rootpw S3cr3t", "# rootpw REDACTED"},
		{"script", "%post\necho S3cr3t | x\n%end\nrootpw S3cr3t", "%post\necho REDACTED | x\n%end\nrootpw REDACTED"},
		{"script writes", "%pre\necho rootpw S3cr3t >f\ncat <<E >f\nrootpw S3cr3t\nE\n%end", "%pre\necho rootpw REDACTED REDACTED\ncat <<E >f\nrootpw REDACTED\nE\n%end"},
		{"script quotes", "%pre\necho 'user --name=a --password=S3cr3t' >f\n%end", "%pre\necho REDACTED >f\n%end"},
		{"script downloads", "%post\ncurl http://u:S3cr3t@example.com # it's\n%end", "%post\ncurl REDACTED # it's\n%end"},
		{"script is kept", "%post\nuser=5\nif [ \"$user\" ]; then echo 'a b'; fi\n%end", "%post\nuser=5\nif [ \"$user\" ]; then echo 'a b'; fi\n%end"},
		{"key", "%certificate --filename=k\n-----BEGIN EC PRIVATE KEY-----\nS3cr3t+S3cr3t/S3cr3t\n\nAA==\n-----END EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n%end\n%post\necho S3cr3t+S3cr3t/S3cr3t AA==\n%end\n",
			"%certificate --filename=k\n-----BEGIN EC PRIVATE KEY-----\nREDACTED\n\nREDACTED\n-----END EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n%end\n%post\necho REDACTED AA==\n%end\n"},
		{"key in a script", "%post\ncat <<E\n  -----BEGIN OPENSSH PRIVATE KEY-----\r\n  S3cr3t\r\n  -----END OPENSSH PRIVATE KEY-----\nE\n%end\n", "%post\ncat <<E\n  -----BEGIN OPENSSH PRIVATE KEY-----\r\n  REDACTED\r\n  -----END OPENSSH PRIVATE KEY-----\nE\n%end\n"},
		{"key commented out", "# -----BEGIN PRIVATE KEY-----\n# S3cr3t\n# -----END PRIVATE KEY-----\nlang C\n", "# -----BEGIN PRIVATE KEY-----\n# REDACTED\n# -----END PRIVATE KEY-----\nlang C\n"},
		{"key without an end", "%certificate --filename=k\n-----BEGIN PRIVATE KEY-----\nS3cr3t\n%end\nlang C\n", "%certificate --filename=k\n-----BEGIN PRIVATE KEY-----\nREDACTED\n%end\nlang C\n"},
		{"ordinary", "lang en_US\n%packages\n-a\n%end\n", "lang en_US\n%packages\n-a\n%end\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(Redact([]byte(tt.input)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRedactVerdicts puts a password wherever the language has one, in files
// right and wrong.
func TestRedactVerdicts(t *testing.T) {
	for _, v := range verdicts(t) {
		for _, secret := range secretsOf(v.Input) {
			input := strings.ReplaceAll(v.Input, secret, "S3cr3tS3cr3t")
			if out := string(Redact([]byte(input))); strings.Contains(out, "S3cr3tS3cr3t") {
				t.Errorf("%q leaks: %q", input, out)
			}
			_, diags := Parse("ks.cfg", []byte(input), Options{})
			if s := show(diags); strings.Contains(s, "S3cr3tS3cr3t") {
				t.Errorf("%q leaks: %s", input, s)
			}
		}
	}
}

func secretsOf(input string) []string {
	var found []string
	for _, s := range []string{"secrethandshake", "secretpassword", "secret", "PASSPHRASE", "whatever", "blahblah", "testhw", "pwd1", "PASSWORD", "WEPKEY", "WPAKEY", "12345"} {
		if strings.Contains(input, s) && strings.Contains(strings.ToLower(input), "pass") {
			found = append(found, s)
		}
	}
	return found
}

// FuzzRedact surrounds a password with anything.
func FuzzRedact(f *testing.F) {
	f.Add("lang C\n", "\n%end\n", uint8(0))
	f.Add("%post\n", "%end\n", uint8(1))
	f.Add("a \\\n'", "\"", uint8(2))
	for form := range uint8(8) {
		f.Add("", "", form)
	}
	const secret = "hunter2hunter2"
	forms := []string{"rootpw --plaintext " + secret, "user --name=a --password=" + secret, "part / --size=1 --passphrase " + secret,
		"part --size=1 --passphrase = " + secret, "logvol --name=a --vgname=b --size=1 --encrypted --passphrase = " + secret,
		"raid / --device=0 --level=1 --encrypted --passphrase = " + secret + " " + secret + " raid.1", "autopart --encrypted --cipher=x --passphrase=" + secret,
		"bootloader --iscrypted --password=" + secret}
	f.Fuzz(func(t *testing.T, before, after string, form uint8) {
		if strings.Contains(before+after, secret) {
			t.Skip()
		}
		input := before + "\n" + forms[int(form)%len(forms)] + "\n" + after
		if out := string(Redact([]byte(input))); strings.Contains(out, secret) {
			t.Errorf("%q leaks: %q", input, out)
		}
		_, diags := Parse("ks.cfg", []byte(input), Options{})
		if s := show(diags); strings.Contains(s, secret) {
			t.Errorf("%q leaks: %s", input, s)
		}
	})
}

// TestRedactWritten: what is kept of an installation, the answers written and
// redacted, has no passphrase, whatever is in it and wherever it stands.
func TestRedactWritten(t *testing.T) {
	for _, secret := range []string{"S3cr3t", "S3 cr3t", `S3"cr\3t`, "S3'cr3t", "#S3cr3t", "--S3cr3t", "$S3cr3t`", "S3=cr3t,x", "пароль", "S3\tcr3t"} {
		a := config.Answers{Storage: encryptedEverywhere(secret), Boot: config.Bootloader{Password: config.Secret(secret)}}
		written := string(Write(a))
		if n := strings.Count(written, quote(secret)); n != 5 {
			t.Errorf("%q is written %d times:\n%s", secret, n, written)
		}
		leaks(t, string(Redact([]byte(written))), secret)
		a.Boot = config.Bootloader{} // a password that isn't hashed is refused
		roundTrip(t, a)
	}
}

// encryptedEverywhere is storage with a passphrase in every place for one.
func encryptedEverywhere(passphrase string) config.Storage {
	f := func() config.Format {
		return config.Format{LUKS: &config.LUKS{Passphrase: config.Secret(passphrase)}}
	}
	return config.Storage{
		Partitions: []config.Partition{{Mount: "pv.1", SizeMiB: 9, Format: f()}, {Mount: "raid.1", SizeMiB: 9}, {Mount: "raid.2", SizeMiB: 9}},
		Arrays:     []config.Array{{Mount: "/srv", Name: "srv", Level: "1", Members: []string{"raid.1", "raid.2"}, Format: f()}},
		Groups:     []config.VolumeGroup{{Name: "vg", Members: []string{"pv.1"}}},
		Logicals: []config.Logical{{Mount: "/", Group: "vg", Name: "root", SizeMiB: 9, Format: f()},
			{Mount: "/home", Group: "vg", Name: "home", SizeMiB: 9, Format: f()}},
	}
}

// leaks looks for a secret in a text as it is and as it is quoted there.
func leaks(t *testing.T, text, secret string) {
	t.Helper()
	for _, form := range []string{secret, quote(secret), strings.Trim(quote(secret), `"`)} {
		if strings.Contains(text, form) {
			t.Errorf("%q leaks:\n%s", secret, text)
			return
		}
	}
}

// FuzzRedactWritten: the same with any passphrase.
func FuzzRedactWritten(f *testing.F) {
	for _, s := range []string{"hunter2", "a b c d", `"\"\`, "REDACTED5", "--encrypted", "vgname"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		other := config.Answers{Storage: encryptedEverywhere("zzzz")}
		other.Storage.Auto = &config.Autopart{LUKS: &config.LUKS{Passphrase: "zzzz"}}
		around := string(Redact(Write(other)))
		if len(secret) < minSecret || strings.ContainsAny(secret, "\n\x00") || strings.Contains(around, strings.Trim(quote(secret), `"`)) || strings.Contains(around, secret) {
			t.Skip()
		}
		a := config.Answers{Storage: encryptedEverywhere(secret)}
		leaks(t, string(Redact(Write(a))), secret)
		roundTrip(t, a)
		a.Storage.Auto = &config.Autopart{LUKS: &config.LUKS{Passphrase: config.Secret(secret)}}
		leaks(t, string(Redact(Write(a))), secret)
	})
}

// TestRedactJoined: a secret that a backslash puts on another line is none the less one, and
// no line is lost.
func TestRedactJoined(t *testing.T) {
	for _, file := range []string{
		"%pre\ncat > /tmp/x <<E\npart / --encrypted \\\n  --passphrase=sekret1 --size=1\nE\n%end\n",
		"%pre\necho rootpw --plaintext \\\n sekret1\n%end\n",
		"%post\npart / --passphrase=\\\nsekret1\n%end\n",
		"%post\npart / --passphrase=se\\\nkret1 --size=1\n%end\n",
	} {
		got := string(Redact([]byte(file)))
		if strings.Contains(got, "kret1") {
			t.Errorf("%s\nbecame\n%s", file, got)
		}
		if strings.Count(got, "\n") != strings.Count(file, "\n") {
			t.Errorf("%q has other lines than %q", got, file)
		}
	}
}

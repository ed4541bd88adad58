package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func locked(passphrase string) Format { return Format{LUKS: &LUKS{Passphrase: Secret(passphrase)}} }

func TestSecrets(t *testing.T) {
	a := Answers{
		Root:  Login{Hash: "!$y$root"},
		Users: []User{{Login: Login{Hash: "$y$user"}}, {Login: Login{Hash: "*"}}},
		Boot:  Bootloader{Password: "grub.pbkdf2"},
		Storage: Storage{
			Auto:       &Autopart{LUKS: &LUKS{Passphrase: "of autopart"}},
			Partitions: []Partition{{Format: locked("of part")}, {Format: locked("abc")}, {}},
			Arrays:     []Array{{Format: locked("of raid")}},
			Logicals:   []Logical{{Format: locked("of logvol")}},
		},
		Certificates: []Certificate{{Filename: "me.pem", Body: "-----BEGIN CERTIFICATE-----\nMIICcertificateOfMine\n-----END CERTIFICATE-----\n" +
			"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIKeyOfMine\nAwEHoUQDQgAEofMine==\nxy==\n-----END EC PRIVATE KEY-----\n"}},
	}
	want := []string{"$y$root", "$y$user", "grub.pbkdf2", "of autopart", "of part", "of raid", "of logvol", "MHcCAQEEIKeyOfMine", "AwEHoUQDQgAEofMine=="}
	if diff := cmp.Diff(want, a.Secrets()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A hash is an answer that may be shown to root; what opens a disk may not be.
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "MIICcertificateOfMine") {
		t.Errorf("the certificate isn't in %s", data)
	}
	for _, s := range append(want[2:], "xy==") {
		for _, text := range []string{string(data), fmt.Sprintf("%v %+v %#v", a, a, a), fmt.Sprint(*a.Storage.Auto.LUKS)} {
			if strings.Contains(text, s) {
				t.Errorf("%q is in %s", s, text)
			}
		}
	}
}

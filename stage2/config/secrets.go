package config

import "strings"

// minSecret is the length from which on a secret is looked for in texts.
// Shorter ones would hit words at random.
const minSecret = 4

// Secrets are the texts of the answers that no event, log or message may
// contain: passphrases, the hashes of passwords, and private keys.
func (a Answers) Secrets() []string {
	var all []string
	note := func(s string) {
		if len(s) >= minSecret {
			all = append(all, s)
		}
	}
	note(strings.TrimLeft(a.Root.Hash, "!"))
	for _, u := range a.Users {
		note(strings.TrimLeft(u.Login.Hash, "!"))
	}
	for _, v := range a.Visitors {
		note(strings.TrimLeft(v.Login.Hash, "!"))
	}
	note(string(a.Boot.Password))
	for _, e := range a.Storage.encrypted() {
		note(string(e.luks.Passphrase))
	}
	for _, c := range a.Certificates {
		all = append(all, c.Body.keyLines()...)
	}
	return all
}

// encryption is a device that is to be encrypted, with the command that says so.
type encryption struct {
	name string
	luks *LUKS
}

// encrypted are all those of the storage.
func (s Storage) encrypted() []encryption {
	var all []encryption
	note := func(l *LUKS, name string) {
		if l != nil {
			all = append(all, encryption{name, l})
		}
	}
	if s.Auto != nil {
		note(s.Auto.LUKS, "what autopart makes")
	}
	for _, p := range s.Partitions {
		note(p.LUKS, "part "+p.Mount)
	}
	for _, a := range s.Arrays {
		note(a.LUKS, "raid "+a.Mount)
	}
	for _, l := range s.Logicals {
		note(l.LUKS, "logvol "+l.Mount)
	}
	return all
}

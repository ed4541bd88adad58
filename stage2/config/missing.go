package config

import (
	"slices"
	"strings"
)

// Gap is a question that an unattended installation can't answer by itself.
type Gap struct {
	Field   string // of Answers, as in its JSON form: "timezone.zone"
	Command string // the kickstart command that answers it: "timezone"
	Text    string // what is missing, for a person
}

// Missing lists what an unattended installation still needs to be told, in the
// order of the screens. What depends on the machine (which disk, does it fit) is
// plan.Build's to say.
func (a Answers) Missing() []Gap {
	var gaps []Gap
	need := func(ok bool, field, command, text string) {
		if !ok {
			gaps = append(gaps, Gap{field, command, text})
		}
	}
	need(a.Language != "", "language", "lang", "no language is set")
	need(a.Keyboard != (Keyboard{}), "keyboard.layout", "keyboard", "no keyboard layout is set")
	need(a.Timezone.Zone != "", "timezone.zone", "timezone", "no time zone is set")
	need(a.canLogIn(), "root", "rootpw or user", "nobody could log in: no password of root and no user with a password or SSH key")
	need(a.Storage.hasLayout(), "storage", "autopart or part", "no partition for / is asked for")
	for _, e := range a.Storage.encrypted() {
		need(e.luks.Passphrase != "", "storage", "--passphrase", e.name+" is to be encrypted, and no passphrase is set")
	}
	return gaps
}

// canLogIn reports whether the installed system lets anyone in.
func (a Answers) canLogIn() bool {
	if a.Root.opens() || len(a.SSHKeys) > 0 {
		return true
	}
	for _, u := range a.Users {
		if u.Login.opens() {
			return true
		}
	}
	return false
}

// opens reports whether the login has a password that can be right: crypt(5)
// hashes never start with "!" or "*".
func (l Login) opens() bool {
	return l.Hash != "" && !l.Locked && !strings.HasPrefix(l.Hash, "!") && !strings.HasPrefix(l.Hash, "*")
}

// hasLayout reports whether there will be a root file system.
func (s Storage) hasLayout() bool {
	if s.Auto != nil {
		return true
	}
	return slices.Contains(s.mountPoints(), "/")
}

// mountPoints are those of all kinds of devices.
func (s Storage) mountPoints() []string {
	var all []string
	for _, p := range s.Partitions {
		all = append(all, p.Mount)
	}
	for _, a := range s.Arrays {
		all = append(all, a.Mount)
	}
	for _, l := range s.Logicals {
		all = append(all, l.Mount)
	}
	for _, b := range s.Btrfs {
		all = append(all, b.Mount)
	}
	for _, m := range s.Mounts {
		all = append(all, m.Mount)
	}
	return all
}

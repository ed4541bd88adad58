package kickstart

import (
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// Keep gives answers as a file to be kept: as Write does, with passwords as the
// hashes they are, and without what is secret as it stands (passphrases,
// private keys, passwords in URLs). Scripts are left out: secrets in them
// can't be told from the rest. The file is for root alone, as shadow(5) is.
func Keep(a config.Answers) []byte {
	a.Scripts = nil
	written := strings.SplitAfter(string(Write(a)), "\n")
	kept := strings.SplitAfter(string(Redact([]byte(strings.Join(written, "")))), "\n")
	hashes := hashesOf(a)
	for i := range kept {
		if len(kept) != len(written) || strings.HasPrefix(written[i], "%") {
			break // behind the commands
		}
		name, _, _ := strings.Cut(written[i], " ")
		if hash := hashes[name]; slices.ContainsFunc(hash, func(h string) bool { return strings.Contains(written[i], h) }) {
			kept[i] = written[i]
		}
		if hash := string(a.Boot.Password); name == "bootloader" && strings.HasPrefix(hash, grubPrefix) {
			kept[i] = strings.Replace(kept[i], "--password="+hidden, with("password", hash), 1)
		}
	}
	return []byte(strings.Join(kept, ""))
}

// hashesOf are the hashes that stand in the lines of a command.
func hashesOf(a config.Answers) map[string][]string {
	all := map[string][]string{}
	note := func(command, hash string) {
		if hash != "" && hash != Unhashed {
			all[command] = append(all[command], hash)
		}
	}
	note("rootpw", a.Root.Hash)
	for _, u := range a.Users {
		note("user", u.Login.Hash)
	}
	for _, v := range a.Visitors {
		note("sshpw", v.Login.Hash)
	}
	return all
}

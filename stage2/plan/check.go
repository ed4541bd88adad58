package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/payload"
)

// accounts checks who will be able to log in.
func (b *builder) accounts() {
	a := b.Answers
	seen := map[string]bool{"root": true}
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)
	for _, u := range a.Users {
		switch {
		case !name.MatchString(u.Name):
			b.problems.Add(BadAccount, u.Name, "not a user name: letters, digits, -, _ and ., the first a letter or _, at most 32")
		case seen[u.Name]:
			b.problems.Add(BadAccount, u.Name, "is there twice")
		case strings.ContainsAny(u.Gecos+u.Home+u.Shell+u.Login.Hash+strings.Join(u.Groups, ""), ":\n"):
			b.problems.Add(BadAccount, u.Name, "a colon can't be in the description, the home, the shell or a group")
		}
		seen[u.Name] = true
	}
	if strings.ContainsAny(a.Root.Hash, ":\n") {
		b.problems.Add(BadAccount, "root", "the password is not a crypt(5) hash")
	}
	for _, gap := range a.Missing() {
		if gap.Field == "root" {
			b.problems.Add(NoLogin, "", "%s; use %s", gap.Text, gap.Command)
		}
	}
	ssh := func(p payload.Package) bool { return p.Name == "openssh-server" }
	if a.RootSSH && len(b.Selection.Packages) > 0 && !slices.ContainsFunc(b.Selection.Packages, ssh) {
		b.plan.Warnings = append(b.plan.Warnings, "rootpw --allow-ssh: openssh-server isn't among the packages; what it says is written down for when it is installed")
	}
	for _, g := range a.Groups {
		if !name.MatchString(g.Name) {
			b.problems.Add(BadAccount, g.Name, "not a group name: letters, digits, -, _ and ., the first a letter or _, at most 32")
		}
	}
	for _, k := range a.SSHKeys {
		if !seen[k.User] {
			b.problems.Add(BadAccount, k.User, "has an SSH key, but is not among the users")
		}
	}
}

// names checks what ends up in files as it is.
func (b *builder) names() {
	a := b.Answers
	if a.Hostname != "" && !config.IsHostname(a.Hostname) {
		b.problems.Add(BadName, a.Hostname, "not a host name (RFC 1123)")
	}
	plain := regexp.MustCompile(`^[A-Za-z0-9_+./@-]*$`)
	for _, n := range []struct{ what, value string }{
		{"language", a.Language + strings.Join(a.Locales, "")}, {"time zone", a.Timezone.Zone},
		{"keyboard", a.Keyboard.Layout + a.Keyboard.Variant + a.Keyboard.Keymap + strings.ReplaceAll(a.Keyboard.Options, ":", "")},
	} {
		if !plain.MatchString(strings.ReplaceAll(n.value, ",", "")) || strings.Contains(n.value, "..") {
			b.problems.Add(BadName, n.value, "not the name of a %s", n.what)
		}
	}
	b.language()
	for _, m := range a.Mirrors {
		if !strings.Contains(m.URL, "://") || strings.ContainsAny(m.URL, " \n") {
			b.problems.Add(BadName, m.URL, "not the URL of a package archive")
		}
	}
}

// language warns of one that the chosen packages can't speak. What an image has isn't known.
func (b *builder) language() {
	lang := b.Answers.Language
	known := slices.ContainsFunc(b.Selection.Packages, func(p payload.Package) bool { return p.Name == "locales" })
	if lang != "" && !isBuiltIn(lang) && !known && b.Selection.Image == nil {
		b.plan.Warnings = append(b.plan.Warnings, "the language "+lang+" needs the package locales, which is not among those; the system speaks English until that is installed")
	}
}

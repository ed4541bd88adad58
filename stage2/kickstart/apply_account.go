package kickstart

import (
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyRootpw(b *builder, c *call) {
	b.answers.Root = b.login(c, c.arg(0), len(c.args) > 0)
}

func applyUser(b *builder, c *call) {
	u := config.User{
		Name: c.str("name"), Gecos: c.str("gecos"), Groups: c.items("groups"), Home: c.str("homedir"), Shell: c.str("shell"),
		UID: b.id(c, "uid"), GID: b.id(c, "gid"),
	}
	ok := b.account(c, u.Name)
	for _, g := range u.Groups {
		ok = b.account(c, g) && ok
	}
	switch {
	case strings.ContainsAny(u.Gecos, ":\n\r\x00"):
		b.wrong(c, "--gecos can't have a colon")
	case !absolute(u.Home) || !absolute(u.Shell):
		b.wrong(c, "--homedir and --shell are paths from /")
	case ok:
		u.Login = b.login(c, c.str("password"), c.has("password"))
		b.answers.Users = append(b.answers.Users, u)
	}
}

// account checks the name of a user or a group, by useradd(8) of Debian.
func (b *builder) account(c *call, name string) bool {
	if name == "" || len(name) > 32 || !only(name, "_-.") || strings.ContainsRune("-.0123456789", rune(name[0])) {
		b.wrong(c, "%q is no name for an account: letters, digits, _, - and ., the first a letter, 32 at most", name)
		return false
	}
	return true
}

// absolute reports whether s is empty or absolute and can stand in passwd(5).
func absolute(s string) bool {
	return s == "" || strings.HasPrefix(s, "/") && !strings.ContainsAny(s, ":\n\r\x00")
}

// id is a user or group id; 0 when it isn't given.
func (b *builder) id(c *call, option string) int {
	n := c.num(option)
	if c.has(option) && (n < 1 || n > 1<<31-1) {
		b.wrong(c, "--%s must be 1 or more", option)
	}
	return n
}

func applyGroup(b *builder, c *call) {
	g := config.Group{Name: c.str("name"), GID: b.id(c, "gid")}
	if b.account(c, g.Name) {
		b.answers.Groups = append(b.answers.Groups, g)
	}
}

func applySSHKey(b *builder, c *call) {
	k := config.SSHKey{User: c.str("username"), Key: c.arg(0)}
	if len(strings.Fields(k.Key)) < 2 || strings.HasPrefix(k.Key, "-") {
		b.wrong(c, "that is no key; one looks like 'ssh-ed25519 AAAA… name', in quotes")
		return
	}
	if b.account(c, k.User) {
		b.answers.SSHKeys = append(b.answers.SSHKeys, k)
	}
}

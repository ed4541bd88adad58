package kickstart

import (
	"slices"
	"strconv"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

func applyRootpw(b *builder, c *call) {
	b.answers.Root = b.login(c, c.arg(0), len(c.args) > 0)
	b.answers.RootSSH = c.has("allow-ssh")
}

func applyUser(b *builder, c *call) {
	u := config.User{
		Name: c.str("name"), Gecos: c.str("gecos"), Groups: b.groupsOf(c), Home: c.str("homedir"), Shell: c.str("shell"),
		UID: b.id(c, "uid"), GID: b.id(c, "gid"),
	}
	ok := b.account(c, u.Name)
	b.claim(c, "user", u.Name, "user %s is already made by")
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

// groupsOf reads the groups of a user. "ops(2000)" makes the group too.
func (b *builder) groupsOf(c *call) []string {
	var names []string
	for _, item := range c.items("groups") {
		name, id, has := strings.Cut(item, "(")
		name = strings.TrimSpace(name)
		names = append(names, name)
		if !has {
			continue
		}
		gid, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(id), ")"))
		if err != nil || gid < 1 || gid > 1<<31-1 {
			b.wrong(c, "%q is no group with its number; one is ops(2000)", item)
			continue
		}
		g := config.Group{Name: name, GID: gid}
		if !slices.Contains(b.answers.Groups, g) {
			b.claim(c, "group of users", name, "group %s is already made by")
			b.answers.Groups = append(b.answers.Groups, g)
		}
	}
	return names
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
	b.claim(c, "group of users", g.Name, "group %s is already made by")
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

// applySSHPw is about the installer while it runs. As in Anaconda a key is all the words
// behind the options.
func applySSHPw(b *builder, c *call) {
	v := config.Visitor{User: c.str("username")}
	ok := b.account(c, v.User)
	if !c.has("sshkey") {
		v.Login = b.login(c, c.arg(0), true)
	} else {
		b.noEffect(c, "with --sshkey", "iscrypted", "plaintext")
		var words []string
		for i := range c.args {
			words = append(words, c.arg(i))
		}
		v.Key = strings.Join(words, " ")
		v.Login.Locked = c.has("lock")
	}
	if ok {
		b.answers.Visitors = append(b.answers.Visitors, v)
	}
}

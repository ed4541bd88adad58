package kickstart

import (
	"fmt"
	"slices"

	"github.com/molt-installer/molt/stage2/config"
)

// builder turns items into answers.
type builder struct {
	options Options
	answers config.Answers
	diags   Diagnostics
	seen    map[string]Pos // where a slot was filled, or a command stood last
	refs    refs
}

func (b *builder) warn(pos Pos, format string, args ...any) {
	b.diags.add(pos, Warning, format, args...)
}

// wrong reports a value that can't be meant.
func (b *builder) wrong(c *call, format string, args ...any) {
	b.diags.add(c.pos, Value, "%s: %s", c.name, fmt.Sprintf(format, args...))
}

// unsupported reports what the language has and this installer doesn't, and what
// to write instead.
func (b *builder) unsupported(pos Pos, what, why string) {
	b.diags.add(pos, Unsupported, "%s is not supported by this installer: %s", what, why)
}

func (b *builder) item(it item) {
	if it.section {
		b.section(it)
		return
	}
	all, name := theLanguage(), it.name()
	cmd := all[name]
	switch {
	case cmd == nil:
		b.diags.add(it.pos, Syntax, "unknown command %s%s", beforeValue(name), hint(name, "", all.names()))
	case cmd.removed != "":
		b.diags.add(it.pos, Syntax, "%s was removed from the language in %s: leave it out", name, cmd.removed)
	default:
		if c, ok := match(it.pos, cmd, it.words, &b.diags); ok && b.place(c) {
			b.do(c)
		} else {
			b.refs.lost(cmd)
		}
	}
}

// beforeValue cuts a value off, which could be a secret.
func beforeValue(name string) string {
	for i, r := range name {
		if r == '=' || r == ':' {
			return name[:i] + "…"
		}
	}
	return name
}

// place notes that a command was seen, and says what it contradicts.
func (b *builder) place(c *call) bool {
	all, ok := theLanguage(), true
	for name, pos := range b.seen {
		other := all[name]
		if other != nil && (slices.Contains(c.cmd.excludes, name) || slices.Contains(other.excludes, c.cmd.names[0])) {
			b.diags.add(c.pos, Syntax, "%s and %s (line %d of %s) can't be used together: choose one", c.name, name, pos.Line, pos.File)
			ok = false
		}
	}
	slot := c.cmd.slot
	if slot == "" {
		slot = c.cmd.names[0]
	} else {
		slot = "slot " + slot
	}
	if pos, twice := b.seen[slot]; twice && !c.cmd.repeats {
		b.warn(c.pos, "%s replaces what line %d of %s said", c.name, pos.Line, pos.File)
	}
	b.seen[slot], b.seen[c.cmd.names[0]] = c.pos, c.pos
	return ok
}

// do applies a valid call, or says why it isn't.
func (b *builder) do(c *call) {
	switch {
	case c.cmd.fate == ignored:
		b.warn(c.pos, "%s is ignored: %s", c.name, c.cmd.why)
	case c.cmd.fate == refused:
		b.unsupported(c.pos, c.name, c.cmd.why)
	case b.fates(c):
		c.cmd.apply(b, c)
	default:
		b.refs.lost(c.cmd)
	}
}

// fates reports the options that are ignored or refused. ok is false when any is refused.
func (b *builder) fates(c *call) (ok bool) {
	ok = true
	for _, name := range c.order {
		i := slices.IndexFunc(c.cmd.options, func(o option) bool { return o.names[0] == name })
		switch o := c.cmd.options[i]; o.fate {
		case ignored:
			b.warn(c.pos, "--%s of %s is ignored: %s", name, c.name, o.why)
		case refused:
			b.unsupported(c.pos, "--"+name+" of "+c.name, o.why)
			ok = false
		}
	}
	return ok
}

// finish checks what can be checked only with everything read.
func (b *builder) finish() {
	for _, k := range b.answers.SSHKeys {
		if k.User != "root" && !slices.ContainsFunc(b.answers.Users, func(u config.User) bool { return u.Name == k.User }) {
			b.diags.add(b.seen["sshkey"], Value, "sshkey: there is no user command for %s", k.User)
		}
	}
	b.references()
}

// login makes what is stored of a password.
func (b *builder) login(c *call, password string, given bool) config.Login {
	l := config.Login{Locked: c.has("lock"), Set: given || c.has("lock")}
	crypted := slices.Index(c.order, "iscrypted") > slices.Index(c.order, "plaintext") // the last one counts
	switch {
	case !given:
		b.noEffect(c, "without a password", "iscrypted", "plaintext")
	case password == "":
		b.wrong(c, "the password is empty")
	case password == hidden:
		b.kept(c, "password")
	case crypted && !looksHashed(password):
		b.wrong(c, "what is given with --iscrypted is no hash; mkpasswd makes one, and --plaintext takes the password itself")
	case crypted:
		l.Hash = password
	case b.options.Rand == nil:
		l.Hash = Unhashed
	default:
		b.hash(c, &l, password)
	}
	return l
}

// kept reports what Redact has left of a password in a file that was kept.
func (b *builder) kept(c *call, what string) {
	b.wrong(c, "%s stands where the %s was when the file was kept: put it in again", hidden, what)
}

func (b *builder) hash(c *call, l *config.Login, password string) {
	h, err := HashPassword(b.options.Rand, password)
	if err != nil {
		b.wrong(c, "%v", err)
	}
	l.Hash = h
}

// looksHashed reports whether s could stand in shadow(5) as a hash: letters, digits
// and punctuation, without the colon that separates its fields.
func looksHashed(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	des := len(s) == 13 && only(s, "./")
	return des || s == "*" || s[0] == '$' || s[0] == '!' || s[0] == '_'
}

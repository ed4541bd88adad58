package kickstart

import (
	"fmt"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// Write gives answers as a kickstart file, in a canonical form: Parse makes the
// same answers of it, but for Script.Origin. Passwords stay hashed as they are.
func Write(a config.Answers) []byte {
	w := &writer{}
	w.line("#version=F45")
	w.system(a)
	w.accounts(a)
	w.storage(a.Storage)
	w.bootloader(a.Boot)
	w.end(a.End)
	w.software(a.Software)
	for _, c := range a.Certificates {
		w.certificate(c)
	}
	for _, s := range a.Scripts {
		w.script(s)
	}
	return []byte(w.text.String())
}

type writer struct{ text strings.Builder }

func (w *writer) line(words ...string) {
	w.text.WriteString(strings.Join(words, " "))
	w.text.WriteByte('\n')
}

// command writes a command with those of the words that aren't empty.
func (w *writer) command(name string, words ...string) {
	line := []string{name}
	for _, word := range words {
		if word != "" {
			line = append(line, word)
		}
	}
	w.line(line...)
}

// when is an option without a value.
func when(on bool, name string) string {
	if on {
		return "--" + name
	}
	return ""
}

// with is an option with a value, or nothing when that is empty.
func with(name, val string) string {
	if val == "" {
		return ""
	}
	return "--" + name + "=" + quote(val)
}

func withList(name string, items []string) string { return with(name, strings.Join(items, ",")) }

func withInt[T int | int64](name string, n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("--%s=%d", name, n)
}

func (w *writer) system(a config.Answers) {
	w.source(a)
	if a.Display != "" {
		w.command(a.Display)
	}
	if a.Language != "" {
		w.command("lang", quote(a.Language), withList("addsupport", a.Locales))
	}
	w.keyboard(a.Keyboard)
	if zone := a.Timezone.Zone; zone != "" || a.Timezone.UTC {
		if zone != "" {
			zone = quote(zone)
		}
		w.command("timezone", zone, when(a.Timezone.UTC, "utc"))
	}
	w.time(a.Time)
	if a.Hostname != "" {
		w.command("network", with("hostname", a.Hostname))
	}
	for _, n := range a.Network {
		w.network(n)
	}
	for _, m := range a.Mirrors {
		w.command("repo", with("name", m.Name), with("baseurl", m.URL), "--install", transferOf(m.Transfer))
	}
	w.firewall(a.Firewall)
	if s := a.Services; len(s.Enabled)+len(s.Disabled) > 0 {
		w.command("services", withList("enabled", s.Enabled), withList("disabled", s.Disabled))
	}
}

func (w *writer) keyboard(k config.Keyboard) {
	if k == (config.Keyboard{}) {
		return
	}
	variants := strings.Split(k.Variant, ",")
	layouts := splitList(k.Layout)
	for i := range layouts {
		if i < len(variants) && variants[i] != "" {
			layouts[i] += " (" + variants[i] + ")"
		}
	}
	w.command("keyboard", with("vckeymap", k.Keymap), withList("xlayouts", layouts), with("switch", k.Options))
}

func (w *writer) time(t config.TimeSource) {
	if t.Off {
		w.command("timesource", "--ntp-disable")
	}
	for _, s := range t.Servers {
		option := "ntp-server"
		if s.Pool {
			option = "ntp-pool"
		}
		w.command("timesource", with(option, s.Host), when(s.NTS, "nts"))
	}
}

// crypt are the options of a password.
func crypt(l config.Login) (hash, lock string) {
	return when(l.Hash != "", "iscrypted"), when(l.Locked, "lock")
}

func (w *writer) accounts(a config.Answers) {
	if a.Root.Set {
		hash, lock := crypt(a.Root)
		word := ""
		if a.Root.Hash != "" {
			word = quote(a.Root.Hash)
		}
		w.command("rootpw", hash, lock, when(a.RootSSH, "allow-ssh"), word)
	}
	for _, g := range a.Groups {
		w.command("group", with("name", g.Name), withInt("gid", g.GID))
	}
	for _, u := range a.Users {
		hash, lock := crypt(u.Login)
		w.command("user", with("name", u.Name), with("gecos", u.Gecos), withList("groups", u.Groups), with("homedir", u.Home),
			with("shell", u.Shell), withInt("uid", u.UID), withInt("gid", u.GID), with("password", u.Login.Hash), hash, lock)
	}
	for _, k := range a.SSHKeys {
		w.command("sshkey", with("username", k.User), quote(k.Key))
	}
	for _, v := range a.Visitors {
		hash, lock := crypt(v.Login)
		w.command("sshpw", with("username", v.User), hash, lock, when(v.Key != "", "sshkey"), quote(v.Key+v.Login.Hash))
	}
}

func (w *writer) bootloader(b config.Bootloader) {
	if b == (config.Bootloader{}) {
		return
	}
	timeout := ""
	if b.Timeout != nil {
		timeout = fmt.Sprintf("--timeout=%d", *b.Timeout)
	}
	w.command("bootloader", with("location", b.Location), with("append", b.Append), timeout, with("boot-drive", b.Disk),
		when(b.NoMBR, "nombr"), when(b.LeaveOrder, "leavebootorder"), when(b.Password != "", "iscrypted"), with("password", string(b.Password)))
}

func (w *writer) end(e config.End) {
	if e.Action != "" {
		w.command(e.Action, when(e.Eject, "eject"))
	}
}

func (w *writer) software(s config.Software) {
	options := join(when(s.IgnoreMissing, "ignoremissing"), when(s.ExcludeDocs, "excludedocs"), withList("inst-langs", s.InstLangs),
		when(s.NoCore, "nocore"))
	if len(s.Groups)+len(s.Packages)+len(s.Exclude) == 0 && s.Environment == "" && options == "" {
		return
	}
	w.line()
	w.command("%packages", options)
	if s.Environment != "" {
		w.line("@^" + s.Environment)
	}
	for _, g := range s.Groups {
		w.line("@" + g)
	}
	for _, p := range s.Packages {
		w.line(p)
	}
	for _, p := range s.Exclude {
		w.line("-" + p)
	}
	w.line("%end")
}

func (w *writer) certificate(c config.Certificate) {
	w.line()
	w.command("%certificate", with("filename", c.Filename), with("dir", c.Dir))
	w.body(string(c.Body))
}

// body writes the rest of a section.
func (w *writer) body(text string) {
	w.text.WriteString(text)
	if !strings.HasSuffix(text, "\n") {
		w.line()
	}
	w.line("%end")
}

func (w *writer) script(s config.Script) {
	w.line()
	w.command("%"+string(s.Kind), with("interpreter", s.Interpreter), when(s.NoChroot, "nochroot"), with("log", s.Log),
		when(s.ErrorOnFail, "erroronfail"))
	w.body(s.Body)
}

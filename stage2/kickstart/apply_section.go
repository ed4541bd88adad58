package kickstart

import (
	"path"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// sectionCommand is a section's header as a command, so that its options are
// matched the same way.
func sectionCommand(name string) *command {
	c := &command{names: names(name), options: all(text("interpreter"), text("log", "logfile"), flag("erroronfail")), fate: used}
	switch name {
	case "%post":
		c.options = append(c.options, flag("nochroot").done())
	case "%packages":
		c.options = packagesOptions()
		c.rules = []rule{atMostOne("default", "nocore")}
	case "%addon":
		c.raw, c.min, c.max, c.args, c.options = true, 1, -1, "the name of an add-on", nil
	case "%certificate":
		c.options = all(text("filename").must(), text("dir"))
	}
	return c
}

func packagesOptions() []option {
	const disc = "packages come from discs"
	return append(all(flag("excludedocs", "exclude-docs"), list("inst-langs", "instLangs"), flag("ignoremissing"), flag("nocore"),
		flag("exclude-weakdeps", "excludeWeakdeps")), // what is only recommended is left out anyway
		flag("default").moot("what is not chosen is the base system"),
		flag("multilib").moot("packages are installed as Debian makes them"),
		flag("ignorebroken").moot("the packages are checked before anything is written"),
		number("timeout").moot(disc), number("retries").moot(disc),
	)
}

func (b *builder) section(it item) {
	c, ok := match(it.pos, sectionCommand(it.name()), it.words, &b.diags)
	if !ok || !b.fates(c) {
		return
	}
	switch it.name() {
	case "%packages":
		b.packages(c, it.body)
	case "%addon":
		b.addon(c)
	case "%certificate":
		b.certificate(c, it.body)
	default:
		b.script(c, it)
	}
}

// addon takes one that only switches off what isn't there anyway.
func (b *builder) addon(c *call) {
	if c.arg(0) == "com_redhat_kdump" && c.arg(1) == "--disable" {
		b.warn(c.pos, "%%addon com_redhat_kdump is ignored: no memory is kept for crashes unless kdump-tools is installed")
		return
	}
	b.unsupported(c.pos, "%addon", "add-ons are programs of Anaconda; do the same in %post")
}

func bodyText(body []line) string {
	var text strings.Builder
	for _, l := range body {
		text.WriteString(l.text)
		text.WriteByte('\n')
	}
	return text.String()
}

func (b *builder) certificate(c *call, body []line) {
	cert := config.Certificate{Filename: c.str("filename"), Dir: c.str("dir"), Body: config.PEM(bodyText(body))}
	hasKey := cert.Body.HasKey()
	switch {
	case cert.Filename == "" || strings.ContainsAny(cert.Filename, "/\x00") || cert.Filename == "." || cert.Filename == "..":
		b.wrong(c, "--filename is a name without a path; that is --dir's")
	case !absolute(cert.Dir):
		b.wrong(c, "--dir is a path from /")
	case hasKey && strings.Contains(string(cert.Body), hidden):
		b.kept(c, "key")
	case !hasKey && !strings.Contains(string(cert.Body), "-----BEGIN CERTIFICATE-----"):
		b.wrong(c, "there is neither a certificate nor a key in it: a PEM file has a line -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY-----")
	}
	b.claim(c, "certificate", cert.Dir+"/"+cert.Filename, "the certificate %s is already made by")
	b.answers.Certificates = append(b.answers.Certificates, cert)
}

// script keeps a script, unless there is nothing in it.
func (b *builder) script(c *call, it item) {
	body := bodyText(it.body)
	if strings.TrimSpace(body) == "" {
		b.warn(it.pos, "%s is empty", it.name())
		return
	}
	for _, o := range []string{"interpreter", "log"} {
		if c.has(o) && !strings.HasPrefix(c.str(o), "/") {
			b.wrong(c, "--%s is a path from /", o)
		}
	}
	b.answers.Scripts = append(b.answers.Scripts, config.Script{
		Kind: config.ScriptKind(strings.TrimPrefix(it.name(), "%")), Body: body, Interpreter: c.str("interpreter"),
		NoChroot: c.has("nochroot"), Log: c.str("log"), ErrorOnFail: c.has("erroronfail"), Origin: it.pos.String(),
	})
}

func (b *builder) packages(c *call, body []line) {
	s := &b.answers.Software
	s.IgnoreMissing = s.IgnoreMissing || c.has("ignoremissing")
	s.ExcludeDocs = s.ExcludeDocs || c.has("excludedocs")
	s.NoCore = s.NoCore || c.has("nocore")
	b.translations(c)
	for _, l := range body {
		text, _, _ := strings.Cut(l.text, "#")
		if text = strings.TrimSpace(text); text != "" {
			b.pkg(l.pos, text)
		}
	}
}

// translations reads --inst-langs, whose languages become patterns of paths.
func (b *builder) translations(c *call) {
	if !c.has("inst-langs") {
		return
	}
	langs := c.items("inst-langs")
	if len(langs) == 0 {
		b.wrong(c, "--inst-langs names no languages")
	}
	for _, l := range langs {
		if l == "" || !only(l, "_.@-") {
			b.wrong(c, "%q is no language; one looks like de, pt_BR or all", l)
		}
	}
	b.answers.Software.InstLangs = langs
}

// pkg reads a line of %packages: name, -name, @group, -@group, @^environment.
func (b *builder) pkg(pos Pos, text string) {
	s := &b.answers.Software
	name, excluded := strings.CutPrefix(text, "-")
	name, group := strings.CutPrefix(name, "@")
	name = strings.TrimSpace(name)
	if group {
		name = b.groupName(pos, name)
	}
	env, environment := strings.CutPrefix(name, "^")
	switch {
	case group && name == "core" && excluded:
		s.NoCore = true
	case group && name == "core" && s.NoCore:
		s.NoCore = false
		b.warn(pos, "@core takes --nocore back: the base system is installed")
	case group && !excluded && (name == "core" || name == "^minimal-environment"):
		b.warn(pos, "@%s is ignored: the base system is always installed", name)
	case group && environment && excluded:
		b.diags.add(pos, Value, "an environment can't be excluded: exclude its groups")
	case group && environment && only(env, "+-._:") && env != "":
		if s.Environment != "" && s.Environment != env {
			b.warn(pos, "@^%s replaces @^%s: there is one environment", env, s.Environment)
		}
		s.Environment = env
	case name == "" || name[0] == '-' || !only(name, "+-._:*?[]^") || group && !only(name, "+-._:"):
		b.diags.add(pos, Value, "%q is no name of a package: write one name a line", text)
	case strings.ContainsAny(name, "*?[]^") && !pattern(name):
		b.diags.add(pos, Value, "%q is no pattern: one looks like vim-*", text)
	case group && excluded:
		move(&s.Groups, &s.Exclude, name, "@"+name)
	case group:
		move(&s.Exclude, &s.Groups, "@"+name, name)
	case excluded:
		move(&s.Packages, &s.Exclude, name, name)
	default:
		move(&s.Exclude, &s.Packages, name, name)
	}
}

// move takes a name out of one list and puts it into another, where it stands once: of two lines
// that say the opposite the later counts, as pykickstart's Packages.add has it.
func move(from, to *[]string, old, name string) {
	*from = slices.DeleteFunc(*from, func(s string) bool { return s == old })
	if !slices.Contains(*to, name) {
		*to = append(*to, name)
	}
}

// pattern reports whether path.Match takes it, which is what the payload uses.
func pattern(name string) bool {
	_, err := path.Match(name, "")
	return err == nil
}

// groupName takes the options away that choose among the packages of a group.
func (b *builder) groupName(pos Pos, text string) string {
	name, options, has := strings.Cut(text, " ")
	if !has {
		return text
	}
	for _, o := range strings.Fields(options) {
		if o != "--nodefaults" && o != "--optional" {
			return text
		}
		b.warn(pos, "%s of @%s is ignored: a group is one list of packages here", o, name)
	}
	return name
}

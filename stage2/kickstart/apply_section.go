package kickstart

import (
	"strings"

	"github.com/molt-installer/molt/stage2/config"
)

// sectionCommand is a section's header as a command, so that its options are
// matched the same way. nil means that this installer doesn't do the section.
func sectionCommand(name string) *command {
	script := []option{text("interpreter").done(), text("log", "logfile").done(), flag("erroronfail").done()}
	c := &command{names: names(name), options: script, fate: used, apply: nil}
	switch name {
	case "%post":
		c.options = append(c.options, flag("nochroot").done())
	case "%packages":
		c.options = packagesOptions()
		c.rules = []rule{atMostOne("default", "nocore")}
	case "%addon":
		c.raw, c.min, c.max, c.args, c.fate = true, 1, -1, "the name of an add-on", refused
	case "%certificate":
		c.options, c.fate = []option{text("filename").must(), text("dir")}, refused
	}
	return c
}

func packagesOptions() []option {
	const whole = "packages are installed as Debian makes them"
	return []option{
		flag("default").moot("what is not chosen is the base system"), flag("nocore").moot("the base system is always installed"),
		flag("excludedocs", "exclude-docs").moot(whole), flag("multilib").moot(whole), text("inst-langs", "instLangs").moot(whole),
		flag("exclude-weakdeps", "excludeWeakdeps").moot("what is only recommended is left out anyway"),
		flag("ignoremissing").moot("the names are checked before anything is written"),
		flag("ignorebroken").moot("the names are checked before anything is written"),
		number("timeout").moot("packages come from discs"), number("retries").moot("packages come from discs"),
	}
}

func (b *builder) section(it item) {
	cmd := sectionCommand(it.name())
	c, ok := match(it.pos, cmd, it.words, &b.diags)
	switch {
	case !ok:
	case cmd.fate == refused:
		b.unsupported(it.pos, it.name())
	case !b.fates(c):
	case it.name() == "%packages":
		b.packages(it.body)
	case it.name() == "%traceback":
		b.warn(it.pos, "%%traceback is ignored: a mistake in the installer is an error like any other, and runs %%onerror")
	default:
		b.script(c, it)
	}
}

// script keeps a script, unless there is nothing in it.
func (b *builder) script(c *call, it item) {
	var body strings.Builder
	for _, l := range it.body {
		body.WriteString(l.text)
		body.WriteByte('\n')
	}
	if strings.TrimSpace(body.String()) == "" {
		b.warn(it.pos, "%s is empty", it.name())
		return
	}
	b.answers.Scripts = append(b.answers.Scripts, config.Script{
		Kind: config.ScriptKind(strings.TrimPrefix(it.name(), "%")), Body: body.String(), Interpreter: c.str("interpreter"),
		NoChroot: c.has("nochroot"), Log: c.str("log"), ErrorOnFail: c.has("erroronfail"), Origin: it.pos.String(),
	})
}

func (b *builder) packages(body []line) {
	for _, l := range body {
		text, _, _ := strings.Cut(l.text, "#")
		if text = strings.TrimSpace(text); text != "" {
			b.pkg(l.pos, text)
		}
	}
}

// pkg reads a line of %packages: name, -name, @group, -@group, @^environment.
func (b *builder) pkg(pos Pos, text string) {
	s := &b.answers.Software
	name, excluded := strings.CutPrefix(text, "-")
	name, group := strings.CutPrefix(name, "@")
	name = strings.TrimSpace(name)
	switch {
	case group && !excluded && (name == "core" || name == "^minimal-environment"):
		b.warn(pos, "@%s is ignored: the base system is always installed", name)
	case strings.Contains(name, " --"):
		b.unsupported(pos, "an option of a group")
	case strings.ContainsAny(name, "*?["):
		b.unsupported(pos, "a pattern of packages")
	case strings.HasPrefix(name, "^"):
		b.unsupported(pos, "an environment (@^…)")
	case name == "" || !only(name, "+-._:"):
		b.diags.add(pos, Value, "%q is no name of a package: write one name a line", text)
	case group && excluded:
		s.Exclude = append(s.Exclude, "@"+name)
	case group:
		s.Groups = append(s.Groups, name)
	case excluded:
		s.Exclude = append(s.Exclude, name)
	default:
		s.Packages = append(s.Packages, name)
	}
}

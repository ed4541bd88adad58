package kickstart

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// matcher matches the words of a line with a command's table, as Python's
// argparse would.
type matcher struct {
	call  *call
	diags *Diagnostics
	rest  bool // options have ended
}

// match makes a call of the words after the command's name. What is wrong goes to
// diags; ok is false when anything was.
func match(pos Pos, cmd *command, words []word, diags *Diagnostics) (c *call, ok bool) {
	before := len(diags.errors())
	m := &matcher{call: &call{pos: pos, name: words[0].text, cmd: cmd, values: map[string]value{}}, diags: diags}
	if cmd.raw {
		m.call.args = words[1:]
	} else {
		for rest := words[1:]; len(rest) > 0; {
			rest = m.word(rest)
		}
	}
	m.required()
	m.positional()
	if ok = len(diags.errors()) == before; ok {
		m.rules()
	}
	return m.call, len(diags.errors()) == before
}

func (m *matcher) fail(format string, args ...any) {
	m.diags.add(m.call.pos, Syntax, format, args...)
}

// word takes the first word, and the value after it if it is an option that
// wants one, and returns what is left.
func (m *matcher) word(rest []word) []word {
	w, rest := rest[0], rest[1:]
	switch {
	case m.rest || !looksLikeOption(w.text):
		m.call.args = append(m.call.args, w)
		return rest
	case w.text == "--":
		m.rest = true
		return rest
	}
	name, val, has := strings.Cut(strings.TrimPrefix(w.text, "--"), "=")
	o := m.lookup(name)
	if o == nil {
		return rest
	}
	if !has && o.kind != flagValue && len(rest) > 0 && !looksLikeOption(rest[0].text) {
		val, has, rest = rest[0].text, true, rest[1:]
	}
	m.set(o, val, has)
	return rest
}

// looksLikeOption is argparse's rule: a leading dash makes an option, unless it
// is a negative number or has a space in it.
func looksLikeOption(s string) bool {
	if !strings.HasPrefix(s, "-") || s == "-" {
		return false
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return false
	}
	name, _, _ := strings.Cut(s, "=")
	return !strings.Contains(name, " ")
}

// lookup finds an option by its name or an abbreviation that only fits one.
func (m *matcher) lookup(name string) *option {
	var near []*option
	for i := range m.call.cmd.options {
		o := &m.call.cmd.options[i]
		for _, n := range o.names {
			if n == name {
				return o
			}
			if name != "" && strings.HasPrefix(n, name) && (len(near) == 0 || near[len(near)-1] != o) {
				near = append(near, o)
			}
		}
	}
	switch len(near) {
	case 0:
		m.unknown(name)
		return nil
	case 1:
		m.diags.add(m.call.pos, Warning, "--%s is read as --%s: write it in full", name, near[0].names[0])
		return near[0]
	}
	m.fail("--%s of %s is short for --%s and --%s: write it in full", name, m.call.name, near[0].names[0], near[1].names[0])
	return nil
}

// unknown reports an option. Of a command that knows passwords it is not named,
// because a password can start with dashes too.
func (m *matcher) unknown(name string) {
	known := optionNames(m.call.cmd)
	near := hint(name, "--", known)
	switch {
	case len(known) == 0:
		m.fail("%s takes no options", m.call.name)
	case m.call.cmd.hasSecrets():
		m.fail("%s has an unknown option%s", m.call.name, near)
	default:
		m.fail("unknown option --%s of %s%s", name, m.call.name, near)
	}
}

func optionNames(c *command) []string {
	var names []string
	for _, o := range c.options {
		names = append(names, o.names...)
	}
	sort.Strings(names)
	return names
}

// set checks a value and keeps it.
func (m *matcher) set(o *option, text string, has bool) {
	name := o.names[0]
	switch {
	case o.kind == flagValue && has:
		m.fail("--%s of %s takes no value: write --%s alone", name, m.call.name, name)
		return
	case o.kind != flagValue && o.kind != optionalValue && !has:
		m.fail("--%s of %s needs a value: --%s=…", name, m.call.name, name)
		return
	}
	v := m.call.values[name]
	v.text = text
	v.list = append(v.list, text)
	if wrong := v.read(o); wrong != "" {
		m.fail("--%s of %s %s", name, m.call.name, wrong)
		return
	}
	m.call.order = slices.DeleteFunc(m.call.order, func(n string) bool { return n == name })
	m.call.order = append(m.call.order, name)
	m.call.values[name] = v
	if o.deprecated {
		m.diags.add(m.call.pos, Warning, "--%s of %s is deprecated", name, m.call.name)
	}
}

// read fills in what the text means. It returns what is wrong, or "".
func (v *value) read(o *option) string {
	switch o.kind {
	case intValue:
		n, err := strconv.Atoi(strings.TrimSpace(v.text))
		if err != nil {
			return fmt.Sprintf("must be a whole number, not %q", v.text)
		}
		v.n = n
	case boolValue:
		on, ok := readBool(v.text)
		if !ok {
			return fmt.Sprintf("must be on or off, not %q", v.text)
		}
		v.on = on
	}
	if o.choices == nil {
		return ""
	}
	for _, c := range o.choices {
		if c == v.text || o.anyCase && strings.EqualFold(c, v.text) {
			v.text = c
			return ""
		}
	}
	return fmt.Sprintf("can't be %q: it is one of %s", v.text, strings.Join(o.choices, ", "))
}

func readBool(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "on", "yes", "true", "1":
		return true, true
	case "off", "no", "false", "0":
		return false, true
	}
	return false, false
}

func (m *matcher) required() {
	for _, o := range m.call.cmd.options {
		if o.required && !m.call.has(o.names[0]) {
			m.fail("%s needs --%s", m.call.name, o.names[0])
		}
	}
}

// positional counts the positional arguments. It names none of a command that
// knows passwords: a misplaced one could be among them.
func (m *matcher) positional() {
	c, n := m.call.cmd, len(m.call.args)
	switch {
	case n < c.min:
		m.fail("%s needs %s", m.call.name, c.args)
	case c.max == 0 && n > 0:
		m.fail("%s takes no arguments%s", m.call.name, m.extra(0))
	case c.max > 0 && n > c.max:
		m.fail("%s takes %s and no further arguments%s", m.call.name, c.args, m.extra(c.max))
	}
}

func (m *matcher) extra(from int) string {
	if m.call.cmd.hasSecrets() {
		return ""
	}
	return fmt.Sprintf(", but %q follows", m.call.args[from].text)
}

func (c *command) hasSecrets() bool {
	if c.secret {
		return true
	}
	for _, o := range c.options {
		if o.secret {
			return true
		}
	}
	return false
}

// shown is an argument for a message. Where a password is given too, it isn't
// named: in "--passphrase = secret" the secret is an argument.
func (c *call) shown(arg string) string {
	for _, o := range c.cmd.options {
		if o.secret && c.has(o.names[0]) && !isMember(arg) && !strings.HasPrefix(arg, "/") {
			return "what is given"
		}
	}
	return strconv.Quote(arg)
}

func (m *matcher) rules() {
	for _, r := range m.call.cmd.rules {
		if wrong := r(m.call); wrong != "" {
			m.fail("%s: %s", m.call.name, wrong)
		}
	}
}

// splitList cuts at commas and drops what is empty.
func splitList(s string) []string {
	var items []string
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

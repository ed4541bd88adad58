package kickstart

import "sync"

// valueKind is what an option's value looks like.
type valueKind int

const (
	flagValue     valueKind = iota // none
	stringValue                    // any text
	intValue                       // a whole number
	boolValue                      // on, yes, true, 1, off, no, false, 0
	listValue                      // texts separated by commas
	optionalValue                  // a text, or none
)

// fate is what becomes of a command or an option that is valid. The zero value
// is the safe one: what nobody has said anything of is refused.
type fate int

const (
	refused fate = iota // an error: not supported
	used                // it has the meaning it has in Anaconda
	ignored             // a warning: leaving it out does no harm
)

// option is a row of a command's table.
type option struct {
	names      []string // without "--"; the first is the canonical one
	kind       valueKind
	choices    []string
	anyCase    bool // a choice may be written in capitals
	required   bool
	deprecated bool
	secret     bool // the value is a password
	fate       fate
	why        string // when ignored: why that does no harm; when refused: what to do instead
}

// command is what the language knows about one command.
type command struct {
	names    []string // the first is the canonical one
	removed  string   // the version since which it is gone; nothing else counts then
	options  []option
	min, max int      // positional arguments; max -1 means any number
	args     string   // what they are, for messages: "<mntpoint>"
	secret   bool     // the positional arguments are a password
	raw      bool     // the words are not options: the command has a syntax of its own
	rules    []rule   // between options
	excludes []string // commands that can't be in the same file
	repeats  bool     // may stand several times; otherwise the last one counts
	slot     string   // commands of one slot replace each other, like reboot and halt
	fate     fate
	why      string
	apply    func(*builder, *call)
}

// rule is a condition on one call of a command. It returns what is wrong, or "".
type rule func(*call) string

// call is a command line that was matched with its command.
type call struct {
	pos    Pos
	name   string // as written: "partition"
	cmd    *command
	values map[string]value // by canonical option name
	order  []string         // canonical names, each where it was given last
	args   []word
}

type value struct {
	text string
	n    int
	on   bool
	list []string // all values of an option that was given several times
}

func (c *call) has(name string) bool   { _, ok := c.values[name]; return ok }
func (c *call) str(name string) string { return c.values[name].text }
func (c *call) num(name string) int    { return c.values[name].n }

// items are the values of a list option, from all times it was given.
func (c *call) items(name string) []string {
	var all []string
	for _, text := range c.values[name].list {
		all = append(all, splitList(text)...)
	}
	return all
}

// arg is the n-th positional argument, or "".
func (c *call) arg(n int) string {
	if n < len(c.args) {
		return c.args[n].text
	}
	return ""
}

// language is the table of all commands by name, aliases included.
type language map[string]*command

// theLanguage is made once and never changed.
var theLanguage = sync.OnceValue(func() language {
	l := language{}
	for _, table := range [][]command{
		generalCommands(), accountCommands(), storageCommands(), volumeCommands(),
		networkCommands(), sourceCommands(), mainframeCommands(), removedCommands(),
	} {
		for i := range table {
			for _, name := range table[i].names {
				l[name] = &table[i]
			}
		}
	}
	return l
})

func (l language) names() []string {
	var names []string
	for name, c := range l {
		if c.removed == "" {
			names = append(names, name)
		}
	}
	return names
}

// The rows of the tables are written with these.

func flag(names ...string) option   { return option{names: names, kind: flagValue} }
func text(names ...string) option   { return option{names: names, kind: stringValue} }
func number(names ...string) option { return option{names: names, kind: intValue} }
func onoff(names ...string) option  { return option{names: names, kind: boolValue} }
func list(names ...string) option   { return option{names: names, kind: listValue} }
func maybe(names ...string) option  { return option{names: names, kind: optionalValue} }

func choice(name string, choices ...string) option {
	return option{names: []string{name}, kind: stringValue, choices: choices}
}

func (o option) fold() option           { o.anyCase = true; return o }
func (o option) must() option           { o.required = true; return o }
func (o option) done() option           { o.fate = used; return o }
func (o option) moot(why string) option { o.fate, o.why = ignored, why; return o }
func (o option) no(why string) option   { o.fate, o.why = refused, why; return o }
func (o option) old() option            { o.deprecated = true; return o }
func (o option) password() option       { o.secret = true; return o }

// all are options of which every one is done.
func all(options ...option) []option {
	for i := range options {
		options[i].fate = used
	}
	return options
}

func rows(groups ...[]option) []option { return flatten(groups) }
func names(n ...string) []string       { return n }
func flatten(groups [][]option) (all []option) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

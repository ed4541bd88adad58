package cli

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// Program is the whole table.
type Program struct {
	Name     string
	Summary  string // what it does, as the manual page's NAME has it
	Version  string
	Date     string // of the manual page, 2026-11-22
	About    string
	Commands []Command
	Notes    []Note
	Examples []Example
	Statuses []Status
	SeeAlso  []string // losetup(8)
}

// Command is one of the things that the program does.
type Command struct {
	Name    string
	Summary string // one line, from a small letter, without full stop
	About   string // more, if there is more to say
	Args    []Arg
	Options []Option
	Run     func(ctx context.Context, args []string, s Streams) error
}

// Streams are what a command writes to.
type Streams struct{ Out, Err io.Writer }

// Arg is an argument.
type Arg struct {
	Name     string // FILE
	Offers   Offers
	Optional bool
	Repeated bool
}

// Option is an option of a command.
type Option struct {
	Long   string // without its dashes
	Short  string // one letter, or none
	Arg    string // what its value is called, BYTES; empty for a switch
	Bare   string // the value when none is given, where that is possible: --direct-io[=on|off]
	About  string
	Offers Offers
	Set    func(string) error // gets "true" from a switch
}

// Offers are what a shell completes a word with.
type Offers struct {
	Files, Dirs bool
	Words       []string
	Output      string // of this command line: a word in each line
}

// Note is a section that belongs to no command.
type Note struct {
	Title string // small letters; the manual page raises them
	Text  string
	Brief bool // shown by help as well
}

// Example is a command line, and what it is good for.
type Example struct{ Line, About string }

// Status is an exit status.
type Status struct {
	Code    int
	Meaning string
}

// Switch is an option without a value.
func Switch(to *bool, long, short, about string) Option {
	return Option{Long: long, Short: short, About: about, Set: func(s string) (err error) {
		if *to, err = strconv.ParseBool(s); err != nil {
			return errors.New("it takes no value")
		}
		return nil
	}}
}

// Text is an option that takes any value.
func Text(to *string, long, short, arg, about string) Option {
	return Option{Long: long, Short: short, Arg: arg, About: about, Set: func(s string) error {
		*to = s
		return nil
	}}
}

// Time is an option that takes a time as time.ParseDuration reads it.
func Time(to *time.Duration, long, about string) Option {
	return Option{Long: long, Arg: "TIME", About: about, Set: func(s string) (err error) {
		*to, err = time.ParseDuration(s)
		return err
	}}
}

// Offering is the option with completions.
func (o Option) Offering(offers Offers) Option {
	o.Offers = offers
	return o
}

// spelling is the option as it is typed: "-o, --offset BYTES".
func (o Option) spelling() string {
	s := "--" + o.Long
	if o.Short != "" {
		s = "-" + o.Short + ", " + s
	}
	return s + o.value()
}

// value is what comes behind the name.
func (o Option) value() string {
	switch {
	case o.Arg == "":
		return ""
	case o.Bare != "":
		return "[=" + o.Arg + "]"
	}
	return " " + o.Arg
}

func (a Arg) String() string {
	s := a.Name
	if a.Optional {
		s = "[" + s + "]"
	}
	if a.Repeated {
		s += "..."
	}
	return s
}

// synopsis is the command without the program's name.
func (c Command) synopsis() string {
	words := []string{c.Name}
	if len(c.Options) > 0 {
		words = append(words, "[OPTION]...")
	}
	for _, a := range c.Args {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

// bounds are the least and the largest number of arguments; negative: any.
func (c Command) bounds() (least, most int) {
	for _, a := range c.Args {
		if !a.Optional {
			least++
		}
		if a.Repeated {
			most = -1
		} else if most >= 0 {
			most++
		}
	}
	return least, most
}

// all are the program's commands and those that this package adds.
func (p Program) all() []Command {
	return append(append([]Command{}, p.Commands...), p.own()...)
}

func (p Program) names() []string {
	var names []string
	for _, c := range p.all() {
		names = append(names, c.Name)
	}
	return names
}

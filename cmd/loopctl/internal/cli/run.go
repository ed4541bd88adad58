package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/molt-installer/molt/internal/spelling"
)

// UsageError is a command line that makes no sense.
type UsageError struct {
	Text string
	Help string // the command line that tells more
}

func (e *UsageError) Error() string { return e.Text }

// Run does what the command line says. args are without the program's name.
func (p Program) Run(ctx context.Context, args []string, s Streams) error {
	if len(args) == 0 {
		return p.wrong("", "no command given")
	}
	name := args[0]
	switch name {
	case "-h", "--help":
		name = "help"
	case "-V", "--version":
		name = "version"
	}
	c, ok := p.find(name)
	if !ok {
		return p.wrong("", fmt.Sprintf("there is no command %q%s", name, meant(name, p.names())))
	}
	plain, err := c.parse(args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return p.helpOn(s.Out, c)
	}
	if err != nil {
		return p.wrong(c.Name, c.Name+": "+err.Error())
	}
	err = c.Run(ctx, plain, s)
	var usage *UsageError
	if errors.As(err, &usage) && usage.Help == "" {
		return p.wrong(c.Name, c.Name+": "+usage.Text)
	}
	return err
}

func (p Program) wrong(command, text string) error {
	return &UsageError{text, strings.TrimSpace(p.Name + " help " + command)}
}

func (p Program) find(name string) (Command, bool) {
	all := p.all()
	i := slices.IndexFunc(all, func(c Command) bool { return c.Name == name })
	if i < 0 {
		return Command{}, false
	}
	return all[i], true
}

func (c Command) parse(args []string) ([]string, error) {
	flags := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.SortFlags = false
	for _, o := range c.Options {
		f := flags.VarPF(value{o}, o.Long, o.Short, o.About)
		f.NoOptDefVal = o.Bare
		if o.Arg == "" {
			f.NoOptDefVal = "true"
		}
	}
	if err := flags.Parse(args); err != nil {
		return nil, c.explain(err)
	}
	least, most := c.bounds()
	if n := flags.NArg(); n < least || most >= 0 && n > most {
		return nil, fmt.Errorf("takes %s, not %s", c.counted(), count(n))
	}
	return flags.Args(), nil
}

// explain says in this program's words what pflag makes of a command line.
func (c Command) explain(err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("there is no option -%s", unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return fmt.Errorf("there is no option --%s%s", unknown.GetSpecifiedName(), meant("--"+unknown.GetSpecifiedName(), c.longs()))
	case errors.As(err, &bare):
		return fmt.Errorf("--%s needs a value, %s", bare.GetFlag().Name, bare.GetFlag().Value.Type())
	case errors.As(err, &bad):
		return fmt.Errorf("--%s %s: %w", bad.GetFlag().Name, bad.GetValue(), bad.Unwrap())
	}
	return err
}

func (c Command) longs() []string {
	var names []string
	for _, o := range c.options() {
		names = append(names, "--"+o.Long)
	}
	return names
}

// meant proposes the nearest name, if one is near.
func meant(name string, names []string) string {
	const near = 2
	best, distance := "", near+1
	for _, n := range names {
		if d := spelling.Distance(name, n); d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// counted says what arguments the command takes.
func (c Command) counted() string {
	var words []string
	for _, a := range c.Args {
		words = append(words, a.String())
	}
	if words == nil {
		return "no arguments"
	}
	return strings.Join(words, " ")
}

func count(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// value is an option as pflag sets it.
type value struct{ Option }

func (v value) Set(s string) error { return v.Option.Set(s) }
func (v value) String() string     { return "" }
func (v value) Type() string       { return v.Arg }

// Command loopctl manages loop devices, and switches the file under one while it
// is mounted and in use. It is package loopctl on the command line; `loopctl help` lists
// its commands, options and exit codes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(report(os.Stderr, run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

// usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text + "; `loopctl help` tells more" }

// invocation is one run of a command.
type invocation struct {
	options
	args           []string
	stdout, stderr io.Writer
}

// command is one of loopctl's commands.
type command struct {
	name, args, help string
	least, most      int // number of arguments; most < 0: any
	flags            func(*flag.FlagSet, *options)
	run              func(context.Context, *invocation) error
}

func commands() []command {
	return []command{
		{"attach", "FILE", "bind FILE to a free loop device and print its name", 1, 1, attachFlags, attach},
		{"list", "", "list the bound loop devices", 0, 0, jsonFlag, list},
		{"info", "DEVICE", "tell everything about a loop device", 1, 1, jsonFlag, info},
		{"switch", "DEVICE FILE", "make DEVICE serve from FILE instead, proving before and after that the content is the same", 2, 2, switchFlags, switchTo},
		{"to-memory", "DEVICE", "copy the content to memory and make DEVICE serve from there", 1, 1, switchFlags, toMemory},
		{"detach", "DEVICE...", "clear loop devices and wait until they are really gone", 1, -1, detachFlags, detach},
		{"holders", "PATH", "name who keeps a mount, a file system or a block device busy", 1, 1, jsonFlag, holders},
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return usageError{"no command given"}
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		return help(stdout)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.invoke(ctx, &invocation{args: args[1:], stdout: stdout, stderr: stderr})
		}
	}
	return usageError{fmt.Sprintf("no command %q", args[0])}
}

func (c command) invoke(ctx context.Context, i *invocation) error {
	flags := c.flagSet(&i.options)
	args, err := parse(flags, i.args)
	if errors.Is(err, flag.ErrHelp) {
		return help(i.stdout)
	}
	if err != nil {
		return usageError{c.name + ": " + err.Error()}
	}
	if len(args) < c.least || c.most >= 0 && len(args) > c.most {
		return usageError{fmt.Sprintf("%s takes %s", c.name, strings.TrimSpace("[OPTION...] "+c.args))}
	}
	i.args = args
	return c.run(ctx, i)
}

func (c command) flagSet(o *options) *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c.flags(flags, o)
	return flags
}

// parse takes options before, between and after the arguments, up to "--".
func parse(flags *flag.FlagSet, args []string) (plain []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			return append(plain, rest...), nil
		}
		if len(rest) > 0 {
			plain, rest = append(plain, rest[0]), rest[1:]
		}
		args = rest
	}
	return plain, nil
}

// Command molt builds sets of discs and tries them out. It is the builder's
// and the tester's tool; nothing of it is on a disc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "molt:", err)
		os.Exit(status(err))
	}
}

// streams are a command's input and output.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of molt's commands.
type command struct {
	name, args, about string
	run               func(ctx context.Context, args []string, s streams) error
}

func commands() []command {
	return []command{
		{"build", "[-o DIR] [-mirror URI] [-update] EXAMPLE", "make the discs of an example", runBuild},
		{"bench", "[-only PARTS] EXAMPLE", "measure, as JSON and a table", runBench},
		{"deps", "[-n] [-build]", "install what building and testing need of this machine", runDeps},
		{"demo", "[-ks FILE] [-firmware F] EXAMPLE", "install over all discs in QEMU, boot the result, show the times", runDemo},
		{"dryrun", "-machine M.json [-set DIR] [-plain] …", "ask all questions for a machine, end with the plan (dryrun -h: all flags)", runDryrun},
		{"iso", "check FILE…", "check disc images as an installation relies on them", runISO},
		{"ks", "check|plan|diff|flatten …", "check, plan, compare kickstart files (ks -h: all of it)", runKs},
		{"machine", "[-o FILE]", "record this machine as JSON, to plan for it elsewhere", runMachine},
		{"run", "[-set DIR] [-ks FILE] [-auto] [-vga] …", "boot a set in QEMU, its console in the terminal (run -h: all flags)", runRun},
	}
}

func run(ctx context.Context, args []string, s streams) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(s.out)
		return nil
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], s)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	return fmt.Errorf("unknown command %q: molt help lists them", args[0])
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: molt COMMAND …")
	for _, c := range commands() {
		fmt.Fprintf(w, "  molt %-7s %-40s %s\n", c.name, c.args, c.about)
	}
}

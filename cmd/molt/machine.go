package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/molt-installer/molt/internal/linuxhost"
	"github.com/molt-installer/molt/stage2/machine"
)

// runMachine is "molt machine": it records this machine as JSON, for molt ks plan.
func runMachine(ctx context.Context, args []string, s streams) error {
	flags := flag.NewFlagSet("machine", flag.ContinueOnError)
	flags.SetOutput(s.err)
	out := flags.String("o", "", "`file` to write to; the terminal without it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("machine: takes no arguments; -o names a file")
	}
	m, err := linuxhost.Probe(ctx, "/", linuxhost.New())
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	notRead(s.err, m)
	if *out != "" {
		return m.Save(*out)
	}
	data, err := m.JSON()
	if err != nil {
		return err
	}
	_, err = s.out.Write(data)
	return err
}

// missed reports whether the facts lack something of that kind.
func missed(m machine.Machine, what string) bool {
	return slices.ContainsFunc(m.Unknown, func(u string) bool { return strings.HasPrefix(u, what) })
}

// notRead says what isn't in the record, and what would help.
func notRead(w io.Writer, m machine.Machine) {
	for _, what := range m.Unknown {
		fmt.Fprintln(w, "not known:", what)
	}
	if len(m.Unknown) > 0 && os.Getuid() != 0 {
		fmt.Fprintln(w, "what is on the disks can only be read as root")
	}
	for _, tool := range []struct{ program, what string }{{"lvm", "volume groups"}, {"btrfs", "subvolumes"}} {
		if missed(m, tool.what) && !linuxhost.Has(tool.program) {
			fmt.Fprintf(w, "%s can only be read with the program %s\n", tool.what, tool.program)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/molt-installer/molt/stage2/payload/deb"
	"github.com/molt-installer/molt/stage2/plan"
)

// ksCheck is "molt ks check".
type ksCheck struct {
	strict bool
	place  *planPlace // nil: neither a machine nor a set was given
	out    io.Writer
}

func runKsCheck(ctx context.Context, flags *flag.FlagSet, args []string, s streams) error {
	c := &ksCheck{out: s.out}
	flags.BoolVar(&c.strict, "strict", false, "count warnings as errors")
	machineFile := flags.String("machine", "", "`file` of a machine to plan for")
	setDir := flags.String("set", "", "`directory` of the set to look for software in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name at least one kickstart file")
	}
	if *machineFile != "" || *setDir != "" {
		place, err := openPlace(ctx, *machineFile, *setDir)
		if err != nil {
			return err
		}
		defer place.Close()
		c.place = place
	}
	bad := 0
	for _, file := range flags.Args() {
		ok, err := c.file(ctx, file)
		if err != nil {
			return err
		}
		if !ok {
			bad++
		}
	}
	if bad > 0 {
		return no(fmt.Errorf("ks check: %d of %d files can't be used as they are", bad, flags.NArg()))
	}
	return nil
}

// file prints what is to be said about one file, and whether it can be used.
func (c *ksCheck) file(ctx context.Context, name string) (ok bool, err error) {
	k, err := readKs(name, nil)
	if err != nil {
		return false, err
	}
	for _, d := range k.diags {
		fmt.Fprintln(c.out, d.Error())
	}
	ok = k.good() && !(c.strict && len(k.diags) > 0)
	warnings := k.open()
	if c.place != nil && k.good() {
		problems, more, err := c.further(ctx, k)
		if err != nil {
			return false, err
		}
		for _, p := range problems {
			fmt.Fprintf(c.out, "%s: %s\n", name, p)
		}
		ok, warnings = ok && len(problems) == 0, append(warnings, more...)
	}
	for _, w := range warnings {
		fmt.Fprintf(c.out, "%s: warning: %s\n", name, w)
	}
	return ok && !(c.strict && len(warnings) > 0), nil
}

// open is what a file leaves open.
func (k *ksFile) open() []string {
	var open []string
	for _, path := range k.unread {
		open = append(open, path+" isn't there; it is not checked, since %pre can write it")
	}
	for _, gap := range k.answers.Missing() {
		open = append(open, gap.Text+"; unattended, that needs "+gap.Command)
	}
	return open
}

// warnings are all that is to be said about a file that can be used.
func (k *ksFile) warnings() []string {
	var all []string
	for _, d := range k.diags {
		all = append(all, d.Error())
	}
	for _, o := range k.open() {
		all = append(all, k.name+": warning: "+o)
	}
	return all
}

// further is what only a set and a machine show.
func (c *ksCheck) further(ctx context.Context, k *ksFile) (problems, warnings []string, err error) {
	p, err := c.place.plan(ctx, k)
	var unknown *deb.UnknownError
	var conflict *deb.ConflictError
	var list plan.Problems
	switch {
	case errors.As(err, &unknown):
		for _, u := range unknown.Names {
			if text := k.missing(u); !slices.Contains(problems, text) {
				problems = append(problems, text)
			}
		}
		return problems, nil, nil
	case errors.As(err, &conflict):
		return []string{conflict.Error()}, nil, nil
	case errors.As(err, &list):
		problems = list.Lines()
	case err != nil:
		return nil, nil, err
	case p != nil:
		warnings = p.Warnings
	}
	if c.place.set != nil {
		more, err := c.place.set.interpreters(ctx, k.answers)
		return problems, append(warnings, more...), err
	}
	return problems, warnings, nil
}

// missing says which line asks for what the set doesn't have. A package that no line
// names is one that a file system or a layout needs.
func (k *ksFile) missing(u deb.Unknown) string {
	text := fmt.Sprintf("the set has no %s %s", u.Kind, u.Name)
	if len(u.Near) > 0 {
		text += "; did you mean " + strings.Join(u.Near, " or ") + "?"
	}
	n := 0
	for line := range bytes.Lines(k.data) {
		n++
		if strings.TrimLeft(strings.TrimSpace(string(line)), "@^") == u.Name {
			return fmt.Sprintf("line %d: %s", n, text)
		}
	}
	if u.Kind != "package" || slices.Contains(k.answers.Software.Packages, u.Name) {
		return text // in a file that is included
	}
	return text + " (what the file asks for needs it)"
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/molt-installer/molt/stage2/kickstart"
)

// runKs is "molt ks".
func runKs(_ context.Context, args []string, s streams) error {
	if len(args) == 0 || args[0] != "check" {
		return errors.New("ks: what there is: molt ks check [-strict] FILE…")
	}
	flags := flag.NewFlagSet("ks check", flag.ContinueOnError)
	flags.SetOutput(s.err)
	strict := flags.Bool("strict", false, "count warnings as errors")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("ks check: name at least one kickstart file")
	}
	bad := 0
	for _, file := range flags.Args() {
		ok, err := checkKs(file, *strict, s.out)
		if err != nil {
			return fmt.Errorf("ks check: %w", err)
		}
		if !ok {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("ks check: %d of %d files can't be used as they are", bad, flags.NArg())
	}
	return nil
}

// checkKs prints what is to be said about one file, and whether it can be used.
func checkKs(file string, strict bool, out io.Writer) (ok bool, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	ok = true
	warn := func(format string, args ...any) {
		fmt.Fprintf(out, "%s: warning: %s\n", file, fmt.Sprintf(format, args...))
		ok = ok && !strict
	}
	pre, _ := kickstart.PreScripts(file, data, kickstart.Options{})
	include := func(path string) ([]byte, error) {
		data, err := readInclude(file, path)
		if errors.Is(err, fs.ErrNotExist) && len(pre) > 0 {
			warn("%s isn't there; it is not checked, since %%pre can write it", path)
			return nil, nil
		}
		return data, err
	}
	answers, diags := kickstart.Parse(file, data, kickstart.Options{Include: include})
	for _, d := range diags {
		fmt.Fprintln(out, d.Error())
		ok = ok && d.Kind == kickstart.Warning && !strict
	}
	for _, gap := range answers.Missing() {
		warn("%s; unattended, that needs %s", gap.Text, gap.Command)
	}
	return ok, nil
}

// readInclude reads a file that another names; a relative path starts there.
func readInclude(from, path string) ([]byte, error) {
	if strings.Contains(path, "://") {
		return nil, errors.New("URLs are not fetched for a check; include a local copy")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	return os.ReadFile(path)
}

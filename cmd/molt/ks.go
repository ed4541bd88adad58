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

	"github.com/molt-installer/molt/stage2/config"
	"github.com/molt-installer/molt/stage2/kickstart"
)

const ksUsage = `usage: molt ks COMMAND …
  molt ks check [-strict] [-machine M.json] [-set DIR] FILE…   say what is wrong with files; -machine also plans
                                                               for that machine, -set also looks for the software
  molt ks plan -machine M.json [-set DIR] [-json] FILE         say what would be done to a machine
  molt ks diff A B                                             compare two files by what they mean
  molt ks flatten FILE                                         print a file with all that it includes

M.json is what molt machine prints, DIR a set that molt build made (build/debian). Nothing here needs root or hardware.

exit status: 0 good, or the same; 1 a file can't be used, or there can be no plan, or the files differ;
             2 it could not be found out: wrong usage, a file or set that can't be read
`

// runKs is "molt ks".
func runKs(ctx context.Context, args []string, s streams) error {
	commands := map[string]func(context.Context, *flag.FlagSet, []string, streams) error{
		"check": runKsCheck, "plan": runKsPlan, "diff": runKsDiff, "flatten": runKsFlatten,
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "-h") || len(args) > 0 && args[0] == "help" {
		fmt.Fprint(s.out, ksUsage)
		return nil
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return &statusError{exitTrouble, errors.New("ks: name one of check, plan, diff, flatten (molt ks -h says what they do)")}
	}
	flags := flag.NewFlagSet("ks "+args[0], flag.ContinueOnError)
	flags.SetOutput(s.err)
	flags.Usage = func() { fmt.Fprint(s.err, ksUsage) }
	err := commands[args[0]](ctx, flags, args[1:], s)
	var judged *statusError
	if err == nil || errors.Is(err, flag.ErrHelp) || errors.As(err, &judged) {
		return err
	}
	return &statusError{exitTrouble, fmt.Errorf("ks %s: %w", args[0], err)}
}

// ksFile is a kickstart file that was read.
type ksFile struct {
	name    string
	data    []byte
	answers config.Answers
	diags   kickstart.Diagnostics
	unread  []string // includes that aren't there, which %pre can write
}

// good reports whether it can be used.
func (k *ksFile) good() bool { return k.diags.Err() == nil }

// readKs reads a file and what it includes. random is for the salts of passwords; nil
// leaves them unhashed.
func readKs(name string, random io.Reader) (*ksFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	k := &ksFile{name: name, data: data}
	include := func(path string) ([]byte, error) {
		data, err := readInclude(name, path)
		if k.made(err) {
			k.unread = append(k.unread, path)
			return nil, nil
		}
		return data, err
	}
	k.answers, k.diags = kickstart.Parse(name, data, kickstart.Options{Include: include, Rand: random})
	return k, nil
}

// made reports whether a file that can't be read could be made by a %pre script.
func (k *ksFile) made(err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	pre, _ := kickstart.PreScripts(k.name, k.data, kickstart.Options{})
	return len(pre) > 0
}

// readInclude reads a file that another names; a relative path starts there.
func readInclude(from, path string) ([]byte, error) {
	if strings.Contains(path, "://") {
		return nil, errors.New("URLs are not fetched here; include a local copy")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	return os.ReadFile(path)
}

// runKsFlatten is "molt ks flatten".
func runKsFlatten(_ context.Context, flags *flag.FlagSet, args []string, s streams) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name one kickstart file")
	}
	name := flags.Arg(0)
	k, err := readKs(name, nil)
	if err != nil {
		return err
	}
	flat, err := kickstart.Flatten(name, k.data,
		func(path string) ([]byte, error) { return readInclude(name, path) },
		func(path string, err error) bool { return k.made(err) })
	if err != nil {
		return no(fmt.Errorf("ks flatten %s: %w", name, err))
	}
	for _, path := range k.unread {
		fmt.Fprintf(s.err, "%s: warning: %s isn't there and stays an %%include, since %%pre can write it\n", name, path)
	}
	_, err = s.out.Write(flat)
	return err
}

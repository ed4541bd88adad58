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

	"github.com/molt-installer/molt/stage2/kickstart"
	"github.com/molt-installer/molt/stage2/machine"
)

// runKsDiff is "molt ks diff".
func runKsDiff(_ context.Context, flags *flag.FlagSet, args []string, s streams) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("name two kickstart files")
	}
	var sides [2][]ksStatement
	for i, name := range flags.Args() {
		k, err := readKs(name, zeros{})
		if err != nil {
			return err
		}
		if !k.good() {
			return fmt.Errorf("%s can't be used, so it can't be compared:\n%w", name, k.diags.Err())
		}
		if len(k.unread) > 0 {
			return fmt.Errorf("%s includes %s, which %%pre writes and isn't there", name, strings.Join(k.unread, ", "))
		}
		sides[i] = statements(kickstart.Write(k.answers))
	}
	found := writeDiff(s.out, flags.Arg(0), flags.Arg(1), sides[0], sides[1])
	if found == 0 {
		return nil
	}
	return no(fmt.Errorf("ks diff: the files differ in %d %s", found, machine.Plural(found, "command")))
}

// zeros makes all salts the same, so that hashes differ only when passwords do.
// They are compared and never shown.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// ksStatement is a command or an entry of a section in canonical form.
type ksStatement struct {
	name  string // "part", "%packages", "%post"
	text  string // with what is secret
	shown string // without
}

// statements cuts a canonical file up: a line of %packages is one, and so is a
// script as a whole.
func statements(canonical []byte) []ksStatement {
	var all []ksStatement
	section := ""
	shown := slices.Collect(bytes.Lines(kickstart.Redact(canonical)))
	n := -1
	for line := range bytes.Lines(canonical) {
		n++
		text, visible := strings.TrimRight(string(line), "\n"), strings.TrimRight(string(shown[n]), "\n")
		first, _, _ := strings.Cut(text, " ")
		last := len(all) - 1
		switch {
		case section != "" && text == "%end":
			section = ""
		case section == "%packages":
			all = append(all, ksStatement{section, text, visible})
		case section != "":
			all[last].text, all[last].shown = all[last].text+"\n"+text, all[last].shown+"\n"+visible
		case text == "" || strings.HasPrefix(text, "#"):
		case strings.HasPrefix(text, "%"):
			if section = first; section != "%packages" || text != first { // the line itself has options
				all = append(all, ksStatement{first, text, visible})
			}
		default:
			all = append(all, ksStatement{first, text, visible})
		}
	}
	return all
}

// writeDiff says command by command what is only in a (-) and only in b (+). It
// returns how many commands differ.
func writeDiff(w io.Writer, nameA, nameB string, a, b []ksStatement) int {
	found := 0
	var seen []string
	for _, s := range slices.Concat(a, b) {
		if slices.Contains(seen, s.name) {
			continue
		}
		seen = append(seen, s.name)
		lines := diffOf(of(a, s.name), of(b, s.name), s.name)
		if len(lines) == 0 {
			continue
		}
		if found == 0 {
			fmt.Fprintf(w, "--- %s\n+++ %s\n", nameA, nameB)
		}
		found++
		fmt.Fprintf(w, "%s:\n", s.name)
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
	}
	return found
}

func of(all []ksStatement, name string) []ksStatement {
	var of []ksStatement
	for _, s := range all {
		if s.name == name {
			of = append(of, s)
		}
	}
	return of
}

// diffOf are the lines for one command. Order counts where the language says so:
// not among packages, accounts and archives.
func diffOf(a, b []ksStatement, name string) []string {
	onlyA, onlyB := without(a, b), without(b, a)
	var lines []string
	for _, s := range onlyA {
		i := slices.IndexFunc(onlyB, func(o ksStatement) bool { return o.shown == s.shown })
		if i < 0 {
			lines = append(lines, "- "+strings.ReplaceAll(s.shown, "\n", "\n- "))
			continue
		}
		onlyB = slices.Delete(onlyB, i, i+1)
		lines = append(lines, "  "+strings.ReplaceAll(s.shown, "\n", "\n  "), "  (what is hidden here differs)")
	}
	for _, s := range onlyB {
		lines = append(lines, "+ "+strings.ReplaceAll(s.shown, "\n", "\n+ "))
	}
	free := slices.Contains([]string{"%packages", "user", "group", "sshkey", "repo", "timesource"}, name)
	if len(lines) == 0 && !free && !slices.Equal(a, b) {
		for _, s := range b {
			lines = append(lines, "  "+strings.ReplaceAll(s.shown, "\n", "\n  "))
		}
		lines = append(lines, "  (the same, in another order)")
	}
	return lines
}

// without are those of a that b doesn't have as often.
func without(a, b []ksStatement) []ksStatement {
	rest := slices.Clone(b)
	return slices.DeleteFunc(slices.Clone(a), func(s ksStatement) bool {
		i := slices.IndexFunc(rest, func(r ksStatement) bool { return r.text == s.text })
		if i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		}
		return i >= 0
	})
}
